//! How things look that no text speaks of: shades, pattern spacing, shadows, backgrounds.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::colour::{self, Rgb};
use super::dice::Dice;
use super::kinds::{Colour, Kind, Pattern, Shape};
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
    /// From the thinnest marks (0) to the thickest (1).
    pub heft: f32,
    /// A line along the edge.
    pub rim: Option<Rim>,
    /// Width in pixels of the line that a hollow figure consists of.
    pub line: f32,
    /// A hollow figure is filled with this, or lets the background through.
    pub inside: Option<Rgb>,
}

/// A line along the inner side of an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rim {
    pub colour: Rgb,
    /// In pixels.
    pub width: f32,
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
    /// A random look of a kind, with a pattern that can be read; where a scene is `inked`, with a dark rim.
    pub fn new(kind: Kind, outline: &Outline, longer: f32, inked: bool, dice: &mut Dice) -> Self {
        let tone = colour::shade(kind.colour, dice);
        let second = colour::marks(kind.colour, tone, dice);
        // Coloured marks on a pale ground, as often drawn as pale marks on a coloured one.
        let ground = second.brightness() > tone.brightness() && dice.random_bool(0.4);
        let (base, marks) = if ground { (second, tone) } else { (tone, second) };
        let bounds = outline.bounds();
        let span = bounds.width.max(bounds.height);
        // The model sees pictures at 128 pixels: a pattern finer than these shares of the longer side would blur away there.
        let (finest, share) = match kind.pattern {
            Pattern::Striped => (5.2 / 128.0, 0.15..0.30),
            Pattern::Dotted => (6.0 / 128.0, 0.18..0.32),
            _ => (4.2 / 128.0, 0.14..0.24),
        };
        let quarter_turns = [0.0, 0.25, 0.5, 0.75_f32].choose(dice).copied().unwrap_or(0.0);
        let base = if kind.pattern.is_marked() { base } else { tone };
        Self {
            base,
            marks,
            grain: (quarter_turns + dice.random_range(-0.05..0.05)) * std::f32::consts::PI,
            pitch: (span * dice.random_range(share)).max(finest * longer),
            heft: dice.random_range(0.0..1.0),
            rim: rim(kind, tone, span / longer, inked, dice)
                .map(|(colour, width)| Rim { colour, width: width * longer }),
            line: line(kind, span / longer, dice) * longer,
            inside: dice.random_bool(0.3).then(|| Rgb::gray(1.0)),
        }
    }
}

/// Colour of the rim and its width as a share of the longer side: marks need one, so that the shape can be told.
fn rim(kind: Kind, base: Rgb, span: f32, inked: bool, dice: &mut Dice) -> Option<(Rgb, f32)> {
    let marked = kind.pattern.is_marked();
    let ink = base.mixed(Rgb::gray(0.0), dice.random_range(0.7..1.0));
    let thin = (span * dice.random_range(0.03..0.075)).max(1.0 / 128.0);
    match kind.pattern {
        Pattern::Hollow => None,
        _ if inked && kind.colour != Colour::Black => Some((ink, thin)),
        _ if marked => {
            Some((base, (span * dice.random_range(0.05..0.12)).max(dice.random_range(1.2..2.4) / 128.0)))
        }
        _ => None,
    }
}

/// Width of a hollow figure's line as a share of the longer side.
fn line(kind: Kind, span: f32, dice: &mut Dice) -> f32 {
    let thin = matches!(kind.shape, Shape::Cross | Shape::Star | Shape::Crescent);
    let most = if thin { 0.085 } else { 0.105 };
    (span * dice.random_range(0.04..most)).max(dice.random_range(1.3..2.2) / 128.0)
}

impl Shadow {
    pub fn new(longer: f32, dice: &mut Dice) -> Self {
        let mut reach =
            || longer * dice.random_range(0.008..0.022) * if dice.random_bool(0.8) { 1.0 } else { -1.0 };
        Self { offset: (reach(), reach()), opacity: dice.random_range(0.15..0.32) }
    }
}

impl Background {
    /// A background that every figure stands out from; of one colour where the scene is `flat`.
    pub fn new(figures: &[(Kind, Outline)], longer: f32, flat: bool, dice: &mut Dice) -> Self {
        let has = |colour| figures.iter().any(|(kind, _)| kind.colour == colour);
        let lightness = match dice.random_range(0..100) {
            0..6 if !has(Colour::Black) && !has(Colour::Brown) => dice.random_range(0.0..0.16),
            6..14 if !has(Colour::Black) => dice.random_range(0.0..0.13),
            14..22 if !has(Colour::Gray) => dice.random_range(0.66..0.82),
            22..28 if !has(Colour::Gray) => dice.random_range(0.46..0.66),
            28..48 => 1.0,
            _ => dice.random_range(0.87..0.99),
        };
        // What is as bright as the figures must be grey to stand apart from them; pale paper may have any colour.
        let saturation = match lightness {
            _ if dice.random_bool(0.5) => 0.0,
            0.46..0.82 => dice.random_range(0.02..0.1),
            0.04..0.2 => dice.random_range(0.1..0.4),
            0.87..0.96 if !has(Colour::Pink) => dice.random_range(0.1..0.7),
            _ => dice.random_range(0.05..0.35),
        };
        let hue = dice.random_range(0.0..360.0);
        let base = Rgb::from_hsl(hue, saturation, lightness);
        let toward = if lightness < 0.5 { 1.0 } else { 0.0 };
        match dice.random_range(0..100) {
            _ if flat => Self::Plain(base),
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
