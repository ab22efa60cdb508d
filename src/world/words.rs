//! Synonyms: the other words that people use for the canonical ones.

use super::kinds::{Attribute, Colour, Extent, Pattern, Shape, Trait};
use super::place::{Direction, Zone};

/// A noun in singular and plural.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noun {
    pub one: &'static str,
    pub many: &'static str,
}

const fn noun(one: &'static str, many: &'static str) -> Noun {
    Noun { one, many }
}

/// What a figure of any shape is called; the first mostly.
pub const ANYTHING: [Noun; 4] =
    [noun("shape", "shapes"), noun("object", "objects"), noun("thing", "things"), noun("figure", "figures")];

/// What it is called where its shape is in question.
pub const ANYTHING_BUT_SHAPE: [Noun; 2] = [noun("object", "objects"), noun("thing", "things")];

/// What it is called after an adjective, where a phrase points at it.
pub const ONE: Noun = noun("one", "ones");

/// The canonical noun of a shape.
pub fn shape_noun(shape: Shape) -> Noun {
    match shape {
        Shape::Circle => noun("circle", "circles"),
        Shape::Square => noun("square", "squares"),
        Shape::Triangle => noun("triangle", "triangles"),
        Shape::Star => noun("star", "stars"),
        Shape::Cross => noun("cross", "crosses"),
        Shape::Heart => noun("heart", "hearts"),
        Shape::Diamond => noun("diamond", "diamonds"),
        Shape::Hexagon => noun("hexagon", "hexagons"),
        Shape::Crescent => noun("crescent", "crescents"),
        Shape::Ring => noun("ring", "rings"),
    }
}

/// Other nouns for a shape.
pub fn shape_synonyms(shape: Shape) -> &'static [Noun] {
    const CIRCLE: &[Noun] = &[noun("disc", "discs"), noun("disk", "disks")];
    const SQUARE: &[Noun] = &[noun("box", "boxes")];
    const CROSS: &[Noun] = &[noun("plus", "pluses"), noun("plus sign", "plus signs")];
    const DIAMOND: &[Noun] = &[noun("rhombus", "rhombuses")];
    const CRESCENT: &[Noun] = &[noun("moon", "moons"), noun("crescent moon", "crescent moons")];
    const RING: &[Noun] = &[noun("hoop", "hoops"), noun("donut", "donuts"), noun("doughnut", "doughnuts")];
    const HEART: &[Noun] = &[noun("love heart", "love hearts")];
    match shape {
        Shape::Circle => CIRCLE,
        Shape::Square => SQUARE,
        Shape::Cross => CROSS,
        Shape::Diamond => DIAMOND,
        Shape::Crescent => CRESCENT,
        Shape::Ring => RING,
        Shape::Heart => HEART,
        Shape::Triangle | Shape::Star | Shape::Hexagon => &[],
    }
}

/// Other adjectives for a size, pattern or colour.
pub fn adjective_synonyms(value: Trait) -> &'static [&'static str] {
    match value {
        Trait::Extent(Extent::Small) => &["little", "tiny"],
        Trait::Extent(Extent::Medium) => &["medium-sized", "mid-sized"],
        Trait::Extent(Extent::Large) => &["big", "huge", "giant"],
        Trait::Pattern(Pattern::Solid) => &["plain", "filled", "filled-in"],
        Trait::Pattern(Pattern::Striped) => &["stripy", "stripey"],
        Trait::Pattern(Pattern::Dotted) => &["spotted", "polka-dot", "spotty"],
        Trait::Pattern(Pattern::Checkered) => &["checked", "chequered", "checkerboard"],
        Trait::Pattern(Pattern::Hollow) => &["outlined", "unfilled", "empty"],
        Trait::Colour(Colour::Cyan) => &["turquoise", "aqua"],
        Trait::Colour(Colour::Purple) => &["violet"],
        Trait::Colour(Colour::Gray) => &["grey"],
        Trait::Colour(_) | Trait::Shape(_) => &[],
    }
}

/// A pattern said after the noun, as in "a circle with stripes".
pub fn pattern_after(pattern: Pattern) -> &'static [&'static str] {
    match pattern {
        Pattern::Striped => &["with stripes"],
        Pattern::Dotted => &["with dots", "with spots", "with polka dots"],
        Pattern::Checkered => &[
            "with checks",
            "with a checkered pattern",
            "with a checkerboard pattern",
            "with a chequered pattern",
        ],
        Pattern::Hollow => {
            &["with no filling", "drawn in outline only", "that is just an outline", "that is not filled in"]
        }
        Pattern::Solid => &["that is filled in"],
    }
}

/// Where something lies from something else; the first mostly.
pub fn beside(direction: Direction) -> &'static [&'static str] {
    match direction {
        Direction::Left => &[
            "to the left of",
            "left of",
            "on the left of",
            "on the left side of",
            "further left than",
            "further to the left than",
        ],
        Direction::Right => &[
            "to the right of",
            "right of",
            "on the right of",
            "on the right side of",
            "further right than",
            "further to the right than",
        ],
        Direction::Above => &["above", "higher than", "higher up than", "further up than"],
        Direction::Below => {
            &["below", "under", "beneath", "lower than", "further down than", "underneath", "lower down than"]
        }
    }
}

/// Superlative adjectives of place; the first mostly.
pub fn furthest(direction: Direction) -> &'static [&'static str] {
    match direction {
        Direction::Left => &["leftmost", "left-most"],
        Direction::Right => &["rightmost", "right-most"],
        Direction::Above => &["topmost", "highest", "uppermost", "top"],
        Direction::Below => &["bottommost", "lowest", "bottom"],
    }
}

/// Superlatives of place after a noun.
pub fn furthest_after(direction: Direction) -> &'static [&'static str] {
    match direction {
        Direction::Left => &["furthest to the left", "at the far left", "on the far left", "furthest left"],
        Direction::Right => {
            &["furthest to the right", "at the far right", "on the far right", "furthest right"]
        }
        Direction::Above => &["closest to the top", "at the very top", "nearest the top", "highest up"],
        Direction::Below => {
            &["closest to the bottom", "at the very bottom", "nearest the bottom", "furthest down"]
        }
    }
}

/// The side that one counts from.
pub fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::Left => "left",
        Direction::Right => "right",
        Direction::Above => "top",
        Direction::Below => "bottom",
    }
}

/// What an attribute is called.
pub fn attribute_nouns(attribute: Attribute) -> &'static [&'static str] {
    match attribute {
        Attribute::Extent => &["size"],
        Attribute::Pattern => &["pattern"],
        Attribute::Colour => &["colour", "color"],
        Attribute::Shape => &["shape"],
    }
}

/// Where a zone of the picture is; the first mostly.
pub fn inside(zone: Zone) -> Vec<String> {
    match (zone.upright.map(side), zone.across.map(side)) {
        (Some(upright), Some(across)) => {
            let higher = if upright == "top" { "upper" } else { "lower" };
            vec![
                format!("in the {upright} {across} corner"),
                format!("at the {upright} {across}"),
                format!("in the {upright} {across}"),
                format!("in the {higher} {across} corner"),
            ]
        }
        (None, Some(across)) => vec![
            format!("on the {across}"),
            format!("on the {across} side"),
            format!("on the {across}-hand side"),
            format!("at the {across}"),
        ],
        (Some(upright), None) => {
            vec![format!("at the {upright}"), format!("near the {upright}"), format!("in the {upright} part")]
        }
        (None, None) => vec![String::new()],
    }
}

/// Patterns and sizes to choose from, as a question may offer them; these words name nothing in the picture.
pub const CHOICES: [&str; 5] = [
    "solid, striped, dotted, checkered or hollow",
    "striped, dotted, checkered, hollow or solid",
    "hollow, solid, checkered, striped or dotted",
    "small, medium or large",
    "large, medium or small",
];

/// Numbers below a dozen in words.
pub fn number(number: usize) -> String {
    const WORDS: [&str; 12] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"];
    WORDS.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}
