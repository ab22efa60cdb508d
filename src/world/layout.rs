//! Where figures lie: inside the canvas, apart from each other or overlapping a little.

use std::ops::Range;

use rand::RngExt;

use crate::types::{PixelBox, Size};

use super::dice::Dice;
use super::kinds::{Extent, Kind, Pattern, Shape};
use super::outline::{Build, Outline, Wobble};
use super::part::{Part, is_held_out};

/// The share of a figure that others may hide, at most.
pub const HIDDEN: f32 = 0.12;
const TRIES: usize = 80;
/// Pixels between a figure and the picture's edge.
const MARGIN: f32 = 1.5;

/// How the figures of a scene are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Anywhere, with a gap between any two.
    Apart,
    /// Anywhere, touching or hiding a little of each other.
    Crowded,
    /// In rows and columns, as on a worksheet: so many of each.
    Ruled(u32, u32),
}

/// Gives every kind an outline in pixels, from back to front; kinds that find no room are left out. `None` if fewer than
/// three are left of three or more, or none of the held-out kinds in a held-out scene.
pub fn place(
    canvas: Size,
    mut kinds: Vec<Kind>,
    part: Part,
    dice: &mut Dice,
) -> Option<Vec<(Kind, Outline)>> {
    // Large ones first: they find no room later, and small ones in front stay visible.
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.extent as u8));
    let order = order(canvas, dice);
    let by_hand = dice.random_bool(0.12);
    let fewest = kinds.len().clamp(1, 3);
    let mut placed: Vec<(Kind, Outline)> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        for _ in 0..TRIES {
            let outline = outline(canvas, kind, order, by_hand, dice);
            if placed.iter().all(|(_, other)| apart(&outline, other, order, canvas)) {
                placed.push((kind, outline));
                break;
            }
        }
    }
    let shown =
        |(kind, _): &(Kind, Outline)| is_held_out(Some(kind.shape), Some(kind.colour), Some(kind.pattern));
    let complete = placed.len() >= fewest && (part == Part::Normal || placed.iter().any(shown));
    complete.then_some(placed)
}

/// Longer side of a figure as a share of the picture's longer side.
pub fn spans(extent: Extent) -> Range<f32> {
    match extent {
        Extent::Small => 0.09..0.17,
        Extent::Medium => 0.215..0.265,
        Extent::Large => 0.335..0.50,
    }
}

fn order(canvas: Size, dice: &mut Dice) -> Order {
    match dice.random_range(0..100) {
        0..45 => Order::Apart,
        45..75 => Order::Crowded,
        _ if canvas.width >= canvas.height => {
            Order::Ruled(dice.random_range(3..=5), dice.random_range(1..=3))
        }
        _ => Order::Ruled(dice.random_range(1..=3), dice.random_range(3..=5)),
    }
}

fn outline(canvas: Size, kind: Kind, order: Order, by_hand: bool, dice: &mut Dice) -> Outline {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let mut range = spans(kind.extent);
    if kind.extent == Extent::Small {
        range.start = smallest(kind);
    }
    let span = width.max(height) * dice.random_range(range);
    let span = span.min(width.min(height) - 2.0 * MARGIN - 1.0);
    let unit = Outline::unit(
        kind.shape,
        build(by_hand, dice),
        dice.random_range(0.95..1.05),
        turn(kind.shape, dice),
    );
    let bounds = unit.bounds();
    let (free_x, free_y) =
        (width - 2.0 * MARGIN - bounds.width * span, height - 2.0 * MARGIN - bounds.height * span);
    let (x, y) = match order {
        Order::Apart | Order::Crowded => (dice.random_range(0.0..=free_x), dice.random_range(0.0..=free_y)),
        Order::Ruled(columns, rows) => (
            on_line(columns, width, bounds.width * span, dice).clamp(0.0, free_x),
            on_line(rows, height, bounds.height * span, dice).clamp(0.0, free_y),
        ),
    };
    unit.moved(span, (x + MARGIN, y + MARGIN))
}

/// Where something of a length starts so that its middle is that of a random column or row, or nearly so.
fn on_line(count: u32, whole: f32, length: f32, dice: &mut Dice) -> f32 {
    let line = dice.random_range(0..count) as f32 + 0.5 + dice.random_range(-0.04..0.04);
    whole * line / count as f32 - length / 2.0 - MARGIN
}

/// The least span at which a figure can be told from others when it is seen at 128 pixels.
fn smallest(kind: Kind) -> f32 {
    let plain = matches!(kind.shape, Shape::Square | Shape::Triangle | Shape::Cross | Shape::Ring);
    match kind.pattern {
        Pattern::Solid if plain => 0.09,
        Pattern::Solid => 0.105,
        Pattern::Hollow => 0.125,
        Pattern::Striped | Pattern::Dotted | Pattern::Checkered => 0.15,
    }
}

fn build(by_hand: bool, dice: &mut Dice) -> Build {
    let wobble = Wobble {
        reach: dice.random_range(0.02..0.055),
        phase: dice.random_range(0.0..std::f32::consts::TAU),
    };
    Build {
        fullness: (dice.random_range(0.0..1.0_f32) + dice.random_range(0.0..1.0_f32)) / 2.0,
        unusual: dice.random_bool(0.3),
        wobble: by_hand.then_some(wobble),
    }
}

/// Rotations that leave a shape what it is: a square must not become a diamond.
fn turn(shape: Shape, dice: &mut Dice) -> f32 {
    let degrees: f32 = match shape {
        Shape::Circle | Shape::Ring => 0.0,
        Shape::Square => dice.random_range(-20.0..20.0),
        Shape::Cross => {
            let across = if dice.random_bool(0.15) { 45.0 } else { 0.0 };
            across + dice.random_range(-22.0..22.0)
        }
        Shape::Diamond => dice.random_range(-15.0..15.0),
        Shape::Heart => dice.random_range(-40.0..40.0),
        Shape::Triangle => {
            let any = if dice.random_bool(0.4) { 180.0 } else { 20.0 };
            dice.random_range(-any..any)
        }
        Shape::Star | Shape::Hexagon => dice.random_range(-36.0..36.0),
        Shape::Crescent => dice.random_range(0.0..360.0),
    };
    degrees.to_radians()
}

/// Whether two figures keep their distance, or hide at most [`HIDDEN`] of each other where crowding is allowed.
fn apart(a: &Outline, b: &Outline, order: Order, canvas: Size) -> bool {
    let (first, second) = (a.bounds(), b.bounds());
    if order != Order::Crowded {
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
