//! Statements that are true or false of a scene: the common ground of yes/no questions, hypotheses and captions.

use super::description::Description;
use super::kinds::{Attribute, Trait};
use super::place::{Direction, Zone};
use super::reference::{Found, Reference};
use super::scene::Scene;
use super::voice::Slots;

/// What is claimed of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    Exists(Description),
    /// There is none.
    Absent(Description),
    Exactly(usize, Description),
    AtLeast(usize, Description),
    /// More of the first than of the second.
    More(Description, Description),
    AsMany(Description, Description),
    /// The two figures share an attribute.
    Same(Attribute, Description, Description),
    /// The first of two figures is the bigger one.
    Bigger(Description, Description),
    /// The first of two figures lies toward a direction from the second.
    Beside(Description, Direction, Description),
    /// The figure lies in a zone of the picture.
    At(Description, Zone),
    /// Some figure of the first kind does.
    SomeBeside(Description, Direction, Description),
    Both(Description, Description),
    Either(Description, Description),
    /// The first without the second.
    Without(Description, Description),
    Neither(Description, Description),
    Every(Description, Trait),
    NoneIs(Description, Trait),
    /// The figure referred to has a trait.
    Has(Reference, Trait),
}

impl Statement {
    /// Whether the statement holds; `None` where it is too close to call or presumes what isn't so.
    pub fn holds(&self, scene: &Scene) -> Option<bool> {
        let count = |what: &Description| what.matches(scene).len();
        let any = |what: &Description| count(what) > 0;
        match self {
            Self::Exists(what) => Some(any(what)),
            Self::Absent(what) => Some(!any(what)),
            Self::At(what, zone) => scene.within(what.only(scene)?, *zone),
            Self::Exactly(number, what) => Some(count(what) == *number),
            Self::AtLeast(number, what) => Some(count(what) >= *number),
            Self::More(a, b) => disjoint(a, b).then(|| count(a) > count(b)),
            Self::AsMany(a, b) => (disjoint(a, b) && (any(a) || any(b))).then(|| count(a) == count(b)),
            Self::Same(attribute, a, b) => {
                let (a, b) = two(scene, a, b)?;
                Some(scene.figures[a].kind.get(*attribute) == scene.figures[b].kind.get(*attribute))
            }
            Self::Bigger(a, b) => {
                let (a, b) = two(scene, a, b)?;
                let (a, b) = (scene.figures[a].kind.extent as u8, scene.figures[b].kind.extent as u8);
                (a != b).then_some(a > b)
            }
            Self::Beside(a, direction, b) => {
                let (a, b) = two(scene, a, b)?;
                scene.beside(a, *direction, b)
            }
            Self::SomeBeside(a, direction, b) => some_beside(scene, a, *direction, b),
            Self::Both(a, b) => disjoint(a, b).then(|| any(a) && any(b)),
            Self::Either(a, b) => disjoint(a, b).then(|| any(a) || any(b)),
            Self::Without(a, b) => disjoint(a, b).then(|| any(a) && !any(b)),
            Self::Neither(a, b) => disjoint(a, b).then(|| !any(a) && !any(b)),
            Self::Every(what, value) => {
                let figures = several(scene, what)?;
                Some(figures.iter().all(|&figure| has(scene, figure, *value)))
            }
            Self::NoneIs(what, value) => {
                let figures = several(scene, what)?;
                Some(!figures.iter().any(|&figure| has(scene, figure, *value)))
            }
            Self::Has(reference, value) => match reference.find(scene) {
                Found::One(figure) => Some(has(scene, figure, *value)),
                Found::Nothing | Found::Unclear => None,
            },
        }
    }

    /// Whether texts of the scene's part may say this, and a person would: held-out pairs also arise across a statement,
    /// as in "all the hearts are green".
    pub fn sayable(&self, scene: &Scene) -> bool {
        let joined = match self {
            Self::Every(what, value) | Self::NoneIs(what, value) => what.with(*value),
            Self::Has(reference, value) => reference.what().with(*value),
            _ => Description::default(),
        };
        let distinct = match self {
            Self::SomeBeside(a, _, b) => a != b,
            _ => true,
        };
        distinct && joined.sayable(scene.part)
    }

    /// What a template about this statement may speak of.
    pub fn slots(&self) -> Slots {
        match *self {
            Self::Exists(what) | Self::Absent(what) => Slots::nouns(&[what]),
            Self::At(what, zone) => Slots { zone: Some(zone), ..Slots::nouns(&[what]) },
            Self::Exactly(number, what) | Self::AtLeast(number, what) => {
                Slots { number, ..Slots::nouns(&[what]) }
            }
            Self::More(a, b)
            | Self::AsMany(a, b)
            | Self::Bigger(a, b)
            | Self::Both(a, b)
            | Self::Either(a, b) => Slots::nouns(&[a, b]),
            Self::Without(a, b) | Self::Neither(a, b) => Slots::nouns(&[a, b]),
            Self::Same(attribute, a, b) => Slots { attribute: Some(attribute), ..Slots::nouns(&[a, b]) },
            Self::Beside(a, direction, b) | Self::SomeBeside(a, direction, b) => {
                Slots { direction: Some(direction), ..Slots::nouns(&[a, b]) }
            }
            Self::Every(what, value) | Self::NoneIs(what, value) => {
                Slots { value: Some(value), ..Slots::nouns(&[what]) }
            }
            Self::Has(reference, value) => {
                Slots { reference: Some(reference), value: Some(value), ..Slots::default() }
            }
        }
    }
}

fn has(scene: &Scene, figure: usize, value: Trait) -> bool {
    scene.figures[figure].kind.get(value.attribute()) == value
}

/// Two different figures, each the only one of its description.
fn two(scene: &Scene, a: &Description, b: &Description) -> Option<(usize, usize)> {
    let pair = (a.only(scene)?, b.only(scene)?);
    (pair.0 != pair.1).then_some(pair)
}

fn several(scene: &Scene, what: &Description) -> Option<Vec<usize>> {
    let figures = what.matches(scene);
    (figures.len() > 1).then_some(figures)
}

/// Whether no figure could fit both: they differ in an attribute that both name.
fn disjoint(a: &Description, b: &Description) -> bool {
    Attribute::ALL.into_iter().any(|attribute| match (a.get(attribute), b.get(attribute)) {
        (Some(first), Some(second)) => first != second,
        _ => false,
    })
}

fn some_beside(scene: &Scene, a: &Description, direction: Direction, b: &Description) -> Option<bool> {
    let anchor = b.only(scene)?;
    let verdicts: Vec<Option<bool>> = a
        .matches(scene)
        .into_iter()
        .filter(|&figure| figure != anchor)
        .map(|figure| scene.beside(figure, direction, anchor))
        .collect();
    if verdicts.contains(&Some(true)) {
        Some(true)
    } else if verdicts.contains(&None) {
        None
    } else {
        Some(false)
    }
}
