//! What a noun phrase says about a figure: some of its attributes.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::dice::Dice;
use super::kinds::{Attribute, Colour, Kind, Trait};
use super::part::{Part, is_held_out};
use super::scene::Scene;

/// A set of traits, at most one per attribute; without any it fits every figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Description {
    traits: [Option<Trait>; 4],
}

impl Description {
    /// What `attributes` say about a kind.
    pub fn of(kind: &Kind, attributes: &[Attribute]) -> Self {
        attributes
            .iter()
            .fold(Self::default(), |description, attribute| description.with(kind.get(*attribute)))
    }

    /// With a trait in place of the one of the same attribute.
    pub fn with(mut self, value: Trait) -> Self {
        self.traits[value.attribute() as usize] = Some(value);
        self
    }

    pub fn get(&self, attribute: Attribute) -> Option<Trait> {
        self.traits[attribute as usize]
    }

    /// The traits named, in the order of [`Attribute::ALL`].
    pub fn traits(&self) -> impl Iterator<Item = Trait> {
        self.traits.into_iter().flatten()
    }

    pub fn fits(&self, kind: &Kind) -> bool {
        self.traits().all(|value| kind.get(value.attribute()) == value)
    }

    /// Whether texts of a part may say this.
    pub fn sayable(&self, part: Part) -> bool {
        part == Part::HeldOut || !self.holds_out()
    }

    /// Whether this names a held-out pair.
    pub fn holds_out(&self) -> bool {
        let shape = self.get(Attribute::Shape).and_then(|value| match value {
            Trait::Shape(shape) => Some(shape),
            _ => None,
        });
        let colour = self.get(Attribute::Colour).and_then(|value| match value {
            Trait::Colour(colour) => Some(colour),
            _ => None,
        });
        let pattern = self.get(Attribute::Pattern).and_then(|value| match value {
            Trait::Pattern(pattern) => Some(pattern),
            _ => None,
        });
        is_held_out(shape, colour, pattern)
    }

    /// Indices of the figures that this fits.
    pub fn matches(&self, scene: &Scene) -> Vec<usize> {
        (0..scene.figures.len()).filter(|&figure| self.fits(&scene.figures[figure].kind)).collect()
    }

    /// The one figure that this fits.
    pub fn only(&self, scene: &Scene) -> Option<usize> {
        match self.matches(scene)[..] {
            [figure] => Some(figure),
            _ => None,
        }
    }
}

/// A set of attributes to describe by: the shape mostly, and one or two more.
pub fn attributes(dice: &mut Dice, fewest: usize, most: usize) -> Vec<Attribute> {
    let count = dice.random_range(fewest..=most);
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        let attribute = match dice.random_range(0..100) {
            0..38 => Attribute::Shape,
            38..70 => Attribute::Colour,
            70..85 => Attribute::Pattern,
            _ => Attribute::Extent,
        };
        if !chosen.contains(&attribute) {
            chosen.push(attribute);
        }
    }
    chosen
}

/// The description of a random figure by given attributes.
pub fn present(scene: &Scene, attributes: &[Attribute], dice: &mut Dice) -> Option<Description> {
    let figure = focus(scene, dice)?;
    let description = Description::of(&scene.figures[figure].kind, attributes);
    description.sayable(scene.part).then_some(description)
}

/// A near miss: a figure's description with one trait changed, so that no figure fits.
pub fn absent(scene: &Scene, attributes: &[Attribute], dice: &mut Dice) -> Option<Description> {
    let figure = focus(scene, dice)?;
    let description = Description::of(&scene.figures[figure].kind, attributes);
    let changed = *attributes.choose(dice)?;
    let description = description.with(*Trait::all(changed).choose(dice)?);
    let usable =
        description.sayable(scene.part) && description.matches(scene).is_empty() && imaginable(&description);
    usable.then_some(description)
}

/// A description that fits exactly one figure.
pub fn unique(scene: &Scene, attributes: &[Attribute], dice: &mut Dice) -> Option<(Description, usize)> {
    let description = present(scene, attributes, dice)?;
    Some((description, description.only(scene)?))
}

/// A figure to talk about; in the held-out part mostly one that shows a held-out pair.
pub fn focus(scene: &Scene, dice: &mut Dice) -> Option<usize> {
    let held: Vec<usize> = (0..scene.figures.len())
        .filter(|&figure| Description::of(&scene.figures[figure].kind, &Attribute::ALL).holds_out())
        .collect();
    if scene.part == Part::HeldOut && dice.random_bool(0.5) {
        return held.choose(dice).copied();
    }
    let all: Vec<usize> = (0..scene.figures.len()).collect();
    all.choose(dice).copied()
}

/// Whether a figure of this description could be drawn at all.
pub fn imaginable(description: &Description) -> bool {
    let values = |attribute| match description.get(attribute) {
        Some(value) => vec![value],
        None => Trait::all(attribute),
    };
    let (extents, patterns) = (values(Attribute::Extent), values(Attribute::Pattern));
    let shapes = values(Attribute::Shape);
    let drawable = |extent: &Trait, pattern: &Trait, shape: &Trait| match (extent, pattern, shape) {
        (Trait::Extent(extent), Trait::Pattern(pattern), Trait::Shape(shape)) => {
            Kind { extent: *extent, pattern: *pattern, colour: Colour::Red, shape: *shape }.is_drawable()
        }
        _ => false,
    };
    extents.iter().any(|e| patterns.iter().any(|p| shapes.iter().any(|s| drawable(e, p, s))))
}
