//! Phrases that point at one figure: by attributes, by relation to another figure, by rank.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::description::{self, Description};
use super::dice::Dice;
use super::kinds::{Attribute, Trait};
use super::place::{Direction, Zone};
use super::scene::Scene;

/// What a definite phrase says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The red circle.
    Described(Description),
    /// The circle to the left of the blue square.
    Beside { what: Description, direction: Direction, anchor: Description },
    /// The circle closest to the blue square.
    Nearest { what: Description, anchor: Description },
    /// The leftmost circle.
    Furthest { what: Description, direction: Direction },
    /// The second circle from the left; rank 1 is the second.
    Ranked { what: Description, from: Direction, rank: usize },
    /// The largest (or smallest) red shape; the larger (or smaller) of `two`.
    BySize { what: Description, largest: bool, two: bool },
    /// The circle in the top left corner.
    At { what: Description, zone: Zone },
    /// The circle that is not red.
    Except { what: Description, value: Trait },
}

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    One(usize),
    Nothing,
    /// Several figures, or too close to call.
    Unclear,
}

impl Reference {
    /// The figure that the phrase points at.
    pub fn find(&self, scene: &Scene) -> Found {
        let figures = self.what().matches(scene);
        if figures.is_empty() {
            return Found::Nothing;
        }
        let one = |found: Option<usize>| found.map_or(Found::Unclear, Found::One);
        match *self {
            Self::Described(_) => match figures[..] {
                [figure] => Found::One(figure),
                _ => Found::Unclear,
            },
            Self::Beside { direction, anchor, .. } => beside(scene, &figures, direction, anchor),
            Self::Nearest { anchor, .. } => {
                let Some(anchor) = anchor.only(scene) else { return Found::Unclear };
                let others: Vec<usize> = figures.into_iter().filter(|&figure| figure != anchor).collect();
                one(scene.nearest(&others, anchor))
            }
            Self::Furthest { direction, .. } if figures.len() > 1 => one(scene.furthest(&figures, direction)),
            Self::Ranked { from, rank, .. } if figures.len() > rank + 1 => {
                one(scene.ranked(&figures, from, rank))
            }
            Self::BySize { largest, .. } => one(scene.by_span(&figures, largest)),
            Self::Furthest { .. } | Self::Ranked { .. } => Found::Unclear,
            Self::At { zone, .. } => sole(figures.iter().map(|&figure| (figure, scene.within(figure, zone)))),
            Self::Except { value, .. } => {
                let differs = |figure: usize| scene.figures[figure].kind.get(value.attribute()) != value;
                sole(figures.iter().map(|&figure| (figure, Some(differs(figure)))))
            }
        }
    }

    /// What is said of the figure pointed at.
    pub fn what(&self) -> &Description {
        match self {
            Self::Described(what)
            | Self::Beside { what, .. }
            | Self::Nearest { what, .. }
            | Self::Furthest { what, .. }
            | Self::Ranked { what, .. }
            | Self::BySize { what, .. }
            | Self::At { what, .. }
            | Self::Except { what, .. } => what,
        }
    }

    /// The same phrase about something else.
    pub fn about(self, what: Description) -> Self {
        match self {
            Self::Described(_) => Self::Described(what),
            Self::Beside { direction, anchor, .. } => Self::Beside { what, direction, anchor },
            Self::Nearest { anchor, .. } => Self::Nearest { what, anchor },
            Self::Furthest { direction, .. } => Self::Furthest { what, direction },
            Self::Ranked { from, rank, .. } => Self::Ranked { what, from, rank },
            Self::BySize { largest, two, .. } => Self::BySize { what, largest, two },
            Self::At { zone, .. } => Self::At { what, zone },
            Self::Except { value, .. } => Self::Except { what, value },
        }
    }
}

fn beside(scene: &Scene, figures: &[usize], direction: Direction, anchor: Description) -> Found {
    let Some(anchor) = anchor.only(scene) else { return Found::Unclear };
    let others = figures.iter().filter(|&&figure| figure != anchor);
    sole(others.map(|&figure| (figure, scene.beside(figure, direction, anchor))))
}

/// The one figure with a yes; unclear if there are several, or any that is too close to call.
fn sole(verdicts: impl Iterator<Item = (usize, Option<bool>)>) -> Found {
    let mut there = None;
    for (figure, verdict) in verdicts {
        match verdict {
            Some(true) if there.is_none() => there = Some(figure),
            Some(false) => {}
            Some(true) | None => return Found::Unclear,
        }
    }
    there.map_or(Found::Nothing, Found::One)
}

/// The ways to point at a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manner {
    Described,
    Beside,
    Nearest,
    Furthest,
    Ranked,
    BySize,
    At,
    Except,
}

/// A reference in a given manner, not naming the `hidden` attribute; it may lead to anything.
pub fn propose(
    scene: &Scene,
    manner: Manner,
    hidden: Option<Attribute>,
    dice: &mut Dice,
) -> Option<Reference> {
    let (fewest, most) = match manner {
        Manner::Described => (1, 4 - usize::from(hidden.is_some())),
        Manner::Beside | Manner::Nearest => (0, 2),
        Manner::Furthest | Manner::Ranked | Manner::BySize | Manner::At | Manner::Except => (0, 2),
    };
    let hides = |attributes: &[Attribute]| hidden.is_some_and(|hidden| attributes.contains(&hidden));
    let mut naming = description::attributes(dice, fewest, most);
    naming.retain(|attribute| {
        !(hides(&[*attribute]) || (manner == Manner::BySize && *attribute == Attribute::Extent))
    });
    if naming.len() < fewest {
        return None;
    }
    let what = description::present(scene, &naming, dice)?;
    let direction = *Direction::ALL.choose(dice)?;
    let mut anchor = || {
        let naming = description::attributes(dice, 1, 3);
        description::unique(scene, &naming, dice).map(|(anchor, _)| anchor)
    };
    Some(match manner {
        Manner::Described => Reference::Described(what),
        Manner::Beside => Reference::Beside { what, direction, anchor: anchor()? },
        Manner::Nearest => Reference::Nearest { what, anchor: anchor()? },
        Manner::Furthest => Reference::Furthest { what, direction },
        Manner::Ranked => Reference::Ranked { what, from: direction, rank: dice.random_range(1..=2) },
        Manner::BySize => {
            let two = what.matches(scene).len() == 2;
            Reference::BySize { what, largest: dice.random_bool(0.5), two }
        }
        Manner::At => Reference::At { what, zone: Zone::random(dice) },
        Manner::Except => {
            let attribute = *Attribute::ALL.choose(dice)?;
            let value = *Trait::all(attribute).choose(dice)?;
            let new = what.get(attribute).is_none() && !hides(&[attribute]);
            let said = new && what.with(value).sayable(scene.part);
            // Something must be there that the exception leaves out.
            let told = said && !what.with(value).matches(scene).is_empty();
            told.then_some(Reference::Except { what, value })?
        }
    })
}
