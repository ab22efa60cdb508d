//! What is in a scene: figures with their attributes and places, the background, and how the picture is worn.

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::types::{PixelBox, Size};

use super::dice::{Dice, Purpose, dice};
use super::kinds::{Colour, Extent, Kind, Pattern, Shape};
use super::layout;
use super::look::{Background, Look, Shadow};
use super::outline::Outline;
use super::part::{HELD_OUT_COLOURS, HELD_OUT_PATTERNS, Part, is_held_out};
use super::wear::Wear;

/// Everything that is true of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub seed: u64,
    pub index: u64,
    pub part: Part,
    pub canvas: Size,
    pub background: Background,
    /// From back to front.
    pub figures: Vec<Figure>,
    pub shadow: Option<Shadow>,
    /// Whether edges are drawn without smoothing.
    pub jagged: bool,
    pub wear: Wear,
}

/// One drawn shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub kind: Kind,
    /// In pixels of the canvas.
    pub outline: Outline,
    pub look: Look,
}

impl Figure {
    /// The full extent of the shape in pixels, also where another figure lies over it.
    pub fn bbox(&self) -> PixelBox {
        self.outline.bounds()
    }
}

impl Scene {
    /// The scene at an index of a seed's world; it depends on nothing else.
    pub fn new(seed: u64, index: u64, part: Part) -> Self {
        let mut dice = dice(seed, index, part, Purpose::Scene);
        loop {
            let canvas = canvas(&mut dice);
            let kinds = kinds(&mut dice, part);
            let Some(placed) = layout::place(canvas, kinds, part, &mut dice) else { continue };
            let longer = longer(canvas);
            // A drawing as of a simple program: flat colours on one colour, as it came from the pencil.
            let flat = dice.random_bool(0.45);
            let background = Background::new(&placed, longer, flat, &mut dice);
            let inked = dice.random_bool(0.3);
            let figures = placed
                .into_iter()
                .map(|(kind, outline)| {
                    let look = Look::new(kind, &outline, longer, inked, &mut dice);
                    Figure { kind, outline, look }
                })
                .collect();
            let shadow = (!flat && dice.random_bool(0.45)).then(|| Shadow::new(longer, &mut dice));
            let jagged = dice.random_bool(if flat { 0.35 } else { 0.05 });
            let wear = if flat { Wear::stored(&mut dice) } else { Wear::new(&mut dice) };
            return Self { seed, index, part, canvas, background, figures, shadow, jagged, wear };
        }
    }

    /// The longer side in pixels: what sizes and distances are measured against.
    pub fn longer(&self) -> f32 {
        longer(self.canvas)
    }
}

fn longer(canvas: Size) -> f32 {
    canvas.width.max(canvas.height) as f32
}

fn canvas(dice: &mut Dice) -> Size {
    let longer = match dice.random_range(0..100) {
        0..15 => dice.random_range(64..128_u32),
        15..85 => dice.random_range(128..=320),
        _ => dice.random_range(320..=640),
    };
    let ratio =
        if dice.random_bool(0.6) { dice.random_range(1.0..1.4) } else { dice.random_range(1.4..2.5_f32) };
    let shorter = (longer as f32 / ratio).round() as u32;
    if dice.random_bool(0.7) {
        Size { width: longer, height: shorter }
    } else {
        Size { width: shorter, height: longer }
    }
}

/// Attributes of the figures to place. Few colours, shapes and patterns per scene, so that figures share some and
/// differ in others: that is what questions live from.
fn kinds(dice: &mut Dice, part: Part) -> Vec<Kind> {
    let colours = some_of(Colour::ALL, 2..=7, dice);
    let shapes = some_of(Shape::ALL, 2..=6, dice);
    let patterns = some_of(&Pattern::ALL[1..], 1..=4, dice);
    let solid = dice.random_range(0.2..0.7);
    let count = match dice.random_range(0..100) {
        0..2 => 1,
        2..8 => 2,
        8..75 => dice.random_range(3..=8),
        _ => dice.random_range(7..=10),
    };
    let mut kinds: Vec<Kind> = Vec::with_capacity(count);
    if part == Part::HeldOut {
        kinds.push(held_out_kind(dice, count));
    }
    while kinds.len() < count {
        let kind = Kind {
            extent: extent(dice, count),
            pattern: if dice.random_bool(solid) { Pattern::Solid } else { one_of(&patterns, dice) },
            colour: one_of(&colours, dice),
            shape: one_of(&shapes, dice),
        };
        let known =
            part == Part::HeldOut || !is_held_out(Some(kind.shape), Some(kind.colour), Some(kind.pattern));
        let twin = kinds.contains(&kind) && dice.random_bool(0.8);
        if known && kind.is_drawable() && !twin {
            kinds.push(kind);
        } else if dice.random_bool(0.02) {
            break;
        }
    }
    kinds
}

fn held_out_kind(dice: &mut Dice, count: usize) -> Kind {
    let extent = extent(dice, count);
    let kind = if dice.random_bool(0.65) {
        let (colour, shape) = one_of(&HELD_OUT_COLOURS, dice);
        let pattern = if dice.random_bool(0.5) { Pattern::Solid } else { one_of(Pattern::ALL, dice) };
        Kind { extent, pattern, colour, shape }
    } else {
        let (pattern, shape) = one_of(&HELD_OUT_PATTERNS, dice);
        Kind { extent, pattern, colour: one_of(Colour::ALL, dice), shape }
    };
    if kind.is_drawable() { kind } else { held_out_kind(dice, count) }
}

/// Sizes that leave room for `count` figures.
fn extent(dice: &mut Dice, count: usize) -> Extent {
    let (small, medium) = match count {
        0..=4 => (34, 68),
        5..=6 => (40, 76),
        _ => (56, 91),
    };
    match dice.random_range(0..100) {
        share if share < small => Extent::Small,
        share if share < medium => Extent::Medium,
        _ => Extent::Large,
    }
}

fn one_of<T: Copy>(values: &[T], dice: &mut Dice) -> T {
    values[dice.random_range(0..values.len())]
}

fn some_of<T: Copy>(values: &[T], count: std::ops::RangeInclusive<usize>, dice: &mut Dice) -> Vec<T> {
    let count = dice.random_range(count);
    let mut shuffled = values.to_vec();
    shuffled.shuffle(dice);
    shuffled.truncate(count);
    shuffled
}
