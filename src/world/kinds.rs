//! The attributes of a figure: size, colour, pattern and shape, each under one canonical word.

use crate::types::Tags;

/// Declares an attribute's values with their canonical words.
macro_rules! attribute_values {
    ($(#[$doc:meta])* $name:ident { $($value:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($value),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The canonical word.
            pub fn word(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }
        }
    };
}

attribute_values! {
    /// How much of the picture's longer side a figure spans; the ranges are kept apart by a quarter.
    Extent { Small = "small", Medium = "medium", Large = "large" }
}

attribute_values! {
    Colour {
        Red = "red", Orange = "orange", Yellow = "yellow", Green = "green", Cyan = "cyan", Blue = "blue",
        Purple = "purple", Pink = "pink", Brown = "brown", Black = "black", Gray = "gray",
    }
}

attribute_values! {
    /// How the inside of a figure is drawn.
    Pattern { Solid = "solid", Striped = "striped", Dotted = "dotted", Checkered = "checkered", Hollow = "hollow" }
}

attribute_values! {
    Shape {
        Circle = "circle", Square = "square", Triangle = "triangle", Star = "star", Cross = "cross",
        Heart = "heart", Diamond = "diamond", Hexagon = "hexagon", Crescent = "crescent", Ring = "ring",
    }
}

impl Pattern {
    /// Whether it consists of marks on a ground.
    pub fn is_marked(self) -> bool {
        !matches!(self, Self::Solid | Self::Hollow)
    }
}

/// The four attributes, in the order in which English puts them before a noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    Extent,
    Pattern,
    Colour,
    Shape,
}

impl Attribute {
    pub const ALL: [Self; 4] = [Self::Extent, Self::Pattern, Self::Colour, Self::Shape];
}

/// One value of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trait {
    Extent(Extent),
    Pattern(Pattern),
    Colour(Colour),
    Shape(Shape),
}

impl Trait {
    /// Every value of an attribute.
    pub fn all(attribute: Attribute) -> Vec<Self> {
        match attribute {
            Attribute::Extent => Extent::ALL.iter().copied().map(Self::Extent).collect(),
            Attribute::Pattern => Pattern::ALL.iter().copied().map(Self::Pattern).collect(),
            Attribute::Colour => Colour::ALL.iter().copied().map(Self::Colour).collect(),
            Attribute::Shape => Shape::ALL.iter().copied().map(Self::Shape).collect(),
        }
    }

    pub fn attribute(self) -> Attribute {
        match self {
            Self::Extent(_) => Attribute::Extent,
            Self::Pattern(_) => Attribute::Pattern,
            Self::Colour(_) => Attribute::Colour,
            Self::Shape(_) => Attribute::Shape,
        }
    }

    /// The canonical word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Extent(value) => value.word(),
            Self::Pattern(value) => value.word(),
            Self::Colour(value) => value.word(),
            Self::Shape(value) => value.word(),
        }
    }
}

/// What can be said about a figure by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    pub extent: Extent,
    pub pattern: Pattern,
    pub colour: Colour,
    pub shape: Shape,
}

impl Kind {
    pub fn get(&self, attribute: Attribute) -> Trait {
        match attribute {
            Attribute::Extent => Trait::Extent(self.extent),
            Attribute::Pattern => Trait::Pattern(self.pattern),
            Attribute::Colour => Trait::Colour(self.colour),
            Attribute::Shape => Trait::Shape(self.shape),
        }
    }

    /// Whether somebody could name the attributes once the figure is drawn: a hollow ring would be two thin rings, and the
    /// marks on a small ring or crescent could be anything.
    pub fn is_drawable(&self) -> bool {
        let thin = matches!(self.shape, Shape::Ring | Shape::Crescent);
        let marked = matches!(self.pattern, Pattern::Dotted | Pattern::Checkered);
        let two_rings = self.shape == Shape::Ring && self.pattern == Pattern::Hollow;
        !(two_rings || thin && marked && self.extent == Extent::Small)
    }

    /// Shape as the class; size, pattern and colour as attributes.
    pub fn tags(&self) -> Tags {
        Tags {
            class: self.shape.word().to_owned(),
            attributes: [self.extent.word(), self.pattern.word(), self.colour.word()]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}
