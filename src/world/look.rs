//! How things look that no text speaks of: shades, pattern spacing, shadows, backgrounds.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::colour::{self, Rgb};
use super::dice::Dice;
use super::kinds::{Colour, Kind, Pattern};
use super::outline::Outline;

/// How a figure is painted; nothing that language speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub base: Rgb,
    pub marks: Rgb,
    /// Turn of the pattern in radians.
    pub grain: f32,
    /// Spacing of the pattern in pixels.
    pub pitch: f32,
    /// A dark line along the edge.
    pub contour: bool,
    /// A hollow figure is filled with this, or lets the background through.
    pub inside: Option<Rgb>,
}

/// A soft shadow that all figures of a scene cast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// In pixels.
    pub offset: (f32, f32),
    pub opacity: f32,
}

/// What the figures lie on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Background {
    Plain(Rgb),
    Gradient {
        from: Rgb,
        to: Rgb,
        angle: f32,
    },
    /// Uneven paper; `grain` is the deviation of a patch, 0..1.
    Mottled {
        base: Rgb,
        grain: f32,
    },
    /// Squared paper with a distance in pixels.
    Squared {
        base: Rgb,
        line: Rgb,
        distance: f32,
    },
}

impl Look {
    /// A random look of a kind, with a pattern that can be read.
    pub fn new(kind: Kind, outline: &Outline, longer: f32, dice: &mut Dice) -> Self {
        let base = colour::shade(kind.colour, dice);
        let bounds = outline.bounds();
        let span = bounds.width.max(bounds.height);
        // The model sees pictures at 128 pixels: a pattern finer than these shares of the longer side would blur away there.
        let (finest, share) = match kind.pattern {
            Pattern::Striped => (5.2 / 128.0, 0.17..0.25),
            Pattern::Dotted => (6.0 / 128.0, 0.20..0.28),
            _ => (4.2 / 128.0, 0.15..0.22),
        };
        let quarter_turns = [0.0, 0.25, 0.5, 0.75_f32].choose(dice).copied().unwrap_or(0.0);
        Self {
            base,
            marks: colour::marks(kind.colour, base, dice),
            grain: (quarter_turns + dice.random_range(-0.05..0.05)) * std::f32::consts::PI,
            pitch: (span * dice.random_range(share)).max(finest * longer),
            contour: false,
            inside: dice.random_bool(0.3).then(|| Rgb::gray(1.0)),
        }
    }
}

impl Shadow {
    pub fn new(longer: f32, dice: &mut Dice) -> Self {
        let mut reach =
            || longer * dice.random_range(0.008..0.022) * if dice.random_bool(0.8) { 1.0 } else { -1.0 };
        Self { offset: (reach(), reach()), opacity: dice.random_range(0.15..0.32) }
    }
}

impl Background {
    /// A background that every figure stands out from.
    pub fn new(figures: &[(Kind, Outline)], longer: f32, dice: &mut Dice) -> Self {
        let has = |colour| figures.iter().any(|(kind, _)| kind.colour == colour);
        let lightness = match dice.random_range(0..100) {
            0..14 if !has(Colour::Black) && !has(Colour::Brown) => dice.random_range(0.05..0.14),
            14..28 if !has(Colour::Gray) => dice.random_range(0.66..0.82),
            28..48 => 1.0,
            _ => dice.random_range(0.87..0.99),
        };
        let saturation = if dice.random_bool(0.5) { 0.0 } else { dice.random_range(0.05..0.35) };
        let hue = dice.random_range(0.0..360.0);
        let base = Rgb::from_hsl(hue, saturation, lightness);
        let toward = if lightness < 0.5 { 1.0 } else { 0.0 };
        match dice.random_range(0..100) {
            0..50 => Self::Plain(base),
            50..72 => Self::Gradient {
                from: base,
                to: base.mixed(Rgb::gray(toward), dice.random_range(0.04..0.14)),
                angle: dice.random_range(0.0..std::f32::consts::TAU),
            },
            72..88 => Self::Mottled { base, grain: dice.random_range(0.01..0.035) },
            _ => Self::Squared {
                base,
                line: base.mixed(Rgb::gray(toward), dice.random_range(0.06..0.14)),
                distance: longer * dice.random_range(0.05..0.12),
            },
        }
    }
}
