//! Where figures lie: inside the canvas, apart from each other or overlapping a little.

use std::ops::Range;

use rand::RngExt;

use crate::types::{PixelBox, Size};

use super::dice::Dice;
use super::kinds::{Extent, Kind, Pattern, Shape};
use super::outline::Outline;
use super::part::{Part, is_held_out};

/// The share of a figure that others may hide, at most.
pub const HIDDEN: f32 = 0.12;
const FEWEST: usize = 3;
const TRIES: usize = 80;

/// Gives every kind an outline in pixels, from back to front; kinds that find no room are left out. `None` if fewer than
/// three are left, or none of the held-out kinds in a held-out scene.
pub fn place(
    canvas: Size,
    mut kinds: Vec<Kind>,
    part: Part,
    dice: &mut Dice,
) -> Option<Vec<(Kind, Outline)>> {
    // Large ones first: they find no room later, and small ones in front stay visible.
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.extent as u8));
    let crowded = dice.random_bool(0.35);
    let mut placed: Vec<(Kind, Outline)> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        for _ in 0..TRIES {
            let outline = outline(canvas, kind, dice);
            if placed.iter().all(|(_, other)| apart(&outline, other, crowded, canvas)) {
                placed.push((kind, outline));
                break;
            }
        }
    }
    let shown =
        |(kind, _): &(Kind, Outline)| is_held_out(Some(kind.shape), Some(kind.colour), Some(kind.pattern));
    let complete = placed.len() >= FEWEST && (part == Part::Normal || placed.iter().any(shown));
    complete.then_some(placed)
}

/// Longer side of a figure as a share of the picture's longer side.
pub fn spans(extent: Extent) -> Range<f32> {
    match extent {
        Extent::Small => 0.13..0.17,
        Extent::Medium => 0.215..0.265,
        Extent::Large => 0.335..0.40,
    }
}

fn outline(canvas: Size, kind: Kind, dice: &mut Dice) -> Outline {
    const MARGIN: f32 = 1.5;
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let mut range = spans(kind.extent);
    if kind.pattern != Pattern::Solid && kind.extent == Extent::Small {
        range.start = 0.15;
    }
    let span = width.max(height) * dice.random_range(range);
    let span = span.min(width.min(height) - 2.0 * MARGIN - 1.0);
    let unit = Outline::unit(kind.shape, dice.random_range(0.95..1.05), turn(kind.shape, dice));
    let bounds = unit.bounds();
    let x = dice.random_range(MARGIN..=width - MARGIN - bounds.width * span);
    let y = dice.random_range(MARGIN..=height - MARGIN - bounds.height * span);
    unit.moved(span, (x, y))
}

/// Rotations that leave a shape what it is: a square must not become a diamond, nor a cross an X.
fn turn(shape: Shape, dice: &mut Dice) -> f32 {
    let degrees: f32 = match shape {
        Shape::Circle | Shape::Ring => 0.0,
        Shape::Square | Shape::Cross => dice.random_range(-16.0..16.0),
        Shape::Diamond => dice.random_range(-10.0..10.0),
        Shape::Heart => dice.random_range(-25.0..25.0),
        Shape::Triangle => {
            let upside_down = if dice.random_bool(0.2) { 180.0 } else { 0.0 };
            upside_down + dice.random_range(-20.0..20.0)
        }
        Shape::Star | Shape::Hexagon => dice.random_range(-36.0..36.0),
        Shape::Crescent => dice.random_range(0.0..360.0),
    };
    degrees.to_radians()
}

/// Whether two figures keep their distance, or hide at most [`HIDDEN`] of each other where crowding is allowed.
fn apart(a: &Outline, b: &Outline, crowded: bool, canvas: Size) -> bool {
    let (first, second) = (a.bounds(), b.bounds());
    if !crowded {
        let gap = 0.015 * canvas.width.max(canvas.height) as f32;
        return shared(&first, &second, gap) == 0.0;
    }
    shared(&first, &second, 0.0) <= HIDDEN * a.area().min(b.area())
}

/// Area that two boxes share once the first has grown by `gap` on every side.
fn shared(a: &PixelBox, b: &PixelBox, gap: f32) -> f32 {
    let width = (a.x + a.width + gap).min(b.x + b.width) - (a.x - gap).max(b.x);
    let height = (a.y + a.height + gap).min(b.y + b.height) - (a.y - gap).max(b.y);
    width.max(0.0) * height.max(0.0)
}
