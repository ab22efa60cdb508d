//! What the colour words look like: a range of hues and lightnesses each, kept tell-apart.

use std::ops::Range;

use rand::RngExt;

use super::dice::Dice;
use super::kinds::Colour;

/// Red, green, blue, 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rgb(pub [f32; 3]);

impl Rgb {
    /// From hue in degrees, saturation and lightness in 0..1.
    pub fn from_hsl(hue: f32, saturation: f32, lightness: f32) -> Self {
        let span = saturation * lightness.min(1.0 - lightness);
        let channel = |n: f32| {
            let k = (n + hue / 30.0).rem_euclid(12.0);
            lightness - span * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)
        };
        Self([channel(0.0), channel(8.0), channel(4.0)])
    }

    pub fn gray(lightness: f32) -> Self {
        Self([lightness; 3])
    }

    /// This colour with a share of another.
    pub fn mixed(self, other: Self, share: f32) -> Self {
        let mut mixed = self.0;
        for (channel, other) in mixed.iter_mut().zip(other.0) {
            *channel += (other - *channel) * share;
        }
        Self(mixed)
    }
}

/// A shade that everybody would call by the colour's word.
pub fn shade(colour: Colour, dice: &mut Dice) -> Rgb {
    let (hue, saturation, lightness) = ranges(colour);
    let mut pick = |range: Range<f32>| dice.random_range(range);
    Rgb::from_hsl(pick(hue), pick(saturation), pick(lightness))
}

/// The second tone of a pattern: pale on deep colours, deep on light ones, so that its marks can be read at small sizes.
pub fn marks(colour: Colour, base: Rgb, dice: &mut Dice) -> Rgb {
    match colour {
        Colour::Yellow | Colour::Pink | Colour::Cyan | Colour::Orange => {
            base.mixed(Rgb::gray(0.0), dice.random_range(0.68..0.8))
        }
        _ => base.mixed(Rgb::gray(1.0), dice.random_range(0.88..1.0)),
    }
}

fn ranges(colour: Colour) -> (Range<f32>, Range<f32>, Range<f32>) {
    match colour {
        Colour::Red => (-8.0..6.0, 0.75..0.98, 0.40..0.52),
        Colour::Orange => (25.0..33.0, 0.9..1.0, 0.49..0.57),
        Colour::Yellow => (49.0..57.0, 0.88..1.0, 0.48..0.60),
        Colour::Green => (105.0..145.0, 0.5..0.9, 0.27..0.44),
        Colour::Cyan => (179.0..189.0, 0.75..1.0, 0.42..0.54),
        Colour::Blue => (216.0..234.0, 0.7..1.0, 0.40..0.55),
        Colour::Purple => (270.0..286.0, 0.5..0.8, 0.34..0.47),
        Colour::Pink => (325.0..342.0, 0.8..1.0, 0.68..0.78),
        Colour::Brown => (20.0..29.0, 0.45..0.68, 0.24..0.33),
        Colour::Black => (0.0..360.0, 0.0..0.1, 0.02..0.11),
        Colour::Gray => (0.0..360.0, 0.0..0.05, 0.44..0.58),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsl_gives_the_primaries() {
        let close = |a: Rgb, b: [f32; 3]| a.0.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(close(Rgb::from_hsl(0.0, 1.0, 0.5), [1.0, 0.0, 0.0]));
        assert!(close(Rgb::from_hsl(120.0, 1.0, 0.5), [0.0, 1.0, 0.0]));
        assert!(close(Rgb::from_hsl(240.0, 1.0, 0.25), [0.0, 0.0, 0.5]));
    }
}
