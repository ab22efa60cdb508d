//! The part of the world that training never sees: attribute pairs that normal scenes and texts avoid.

use rand::RngExt;

use super::dice::Dice;
use super::kinds::{Colour, Pattern, Shape, Trait};

/// Which part of the world a scene belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What models are trained on: no held-out pair is drawn or named, no held-out phrasing used.
    Normal,
    /// Every scene shows at least one held-out pair; half of its sentences use held-out phrasings.
    HeldOut,
}

/// Colours that a shape never has in the normal part.
pub const HELD_OUT_COLOURS: [(Colour, Shape); 8] = [
    (Colour::Purple, Shape::Triangle),
    (Colour::Green, Shape::Heart),
    (Colour::Cyan, Shape::Star),
    (Colour::Yellow, Shape::Square),
    (Colour::Brown, Shape::Circle),
    (Colour::Pink, Shape::Cross),
    (Colour::Orange, Shape::Hexagon),
    (Colour::Gray, Shape::Diamond),
];

/// Patterns that a shape never has in the normal part.
pub const HELD_OUT_PATTERNS: [(Pattern, Shape); 4] = [
    (Pattern::Striped, Shape::Star),
    (Pattern::Dotted, Shape::Square),
    (Pattern::Checkered, Shape::Heart),
    (Pattern::Hollow, Shape::Triangle),
];

/// Whether a shape together with a colour, a pattern or both holds a held-out pair.
pub fn is_held_out(shape: Option<Shape>, colour: Option<Colour>, pattern: Option<Pattern>) -> bool {
    let Some(shape) = shape else { return false };
    let held_colour = colour.is_some_and(|colour| HELD_OUT_COLOURS.contains(&(colour, shape)));
    held_colour || pattern.is_some_and(|pattern| HELD_OUT_PATTERNS.contains(&(pattern, shape)))
}

/// The two traits of a random held-out pair.
pub fn held_out_traits(dice: &mut Dice) -> [Trait; 2] {
    let pair = dice.random_range(0..HELD_OUT_COLOURS.len() + HELD_OUT_PATTERNS.len());
    match pair.checked_sub(HELD_OUT_COLOURS.len()) {
        None => {
            let (colour, shape) = HELD_OUT_COLOURS[pair];
            [Trait::Colour(colour), Trait::Shape(shape)]
        }
        Some(pair) => {
            let (pattern, shape) = HELD_OUT_PATTERNS[pair];
            [Trait::Pattern(pattern), Trait::Shape(shape)]
        }
    }
}
