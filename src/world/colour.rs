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

/// Red's weight, green's and blue's in what looks bright.
const BRIGHTNESS: [f32; 3] = [0.299, 0.587, 0.114];

impl Rgb {
    /// How bright it looks, 0..1.
    pub fn brightness(self) -> f32 {
        self.0.iter().zip(BRIGHTNESS).map(|(channel, weight)| channel * weight).sum()
    }
}

/// A shade that everybody would call by the colour's word.
pub fn shade(colour: Colour, dice: &mut Dice) -> Rgb {
    let regions = regions(colour);
    let (hue, saturation, lightness) = if dice.random_bool(0.6) {
        regions[0].clone()
    } else {
        regions[dice.random_range(0..regions.len())].clone()
    };
    let mut pick = |range: Range<f32>| dice.random_range(range);
    Rgb::from_hsl(pick(hue), pick(saturation), pick(lightness))
}

/// The second tone of a pattern, far enough from the first for its marks to be read at small sizes.
pub fn marks(colour: Colour, base: Rgb, dice: &mut Dice) -> Rgb {
    const CONTRAST: f32 = 0.38;
    const FAINT: f32 = 0.2;
    let pale = base.mixed(Rgb::gray(1.0), dice.random_range(0.88..1.0));
    let deep = base.mixed(Rgb::gray(0.0), dice.random_range(0.68..1.0));
    let apart = |tone: Rgb| (tone.brightness() - base.brightness()).abs();
    let pale_first = dice.random_bool(0.7);
    match colour {
        // White stripes on yellow are faint, and drawn all the same.
        Colour::Yellow | Colour::Pink | Colour::Cyan | Colour::Orange
            if dice.random_bool(0.4) && apart(pale) >= FAINT =>
        {
            pale
        }
        Colour::Yellow | Colour::Pink | Colour::Cyan | Colour::Orange => deep,
        _ if pale_first && apart(pale) >= CONTRAST => pale,
        _ if !pale_first && apart(deep) >= CONTRAST => deep,
        _ if apart(pale) >= apart(deep) => pale,
        _ => deep,
    }
}

/// A box of hues in degrees, saturations and lightnesses.
type Region = (Range<f32>, Range<f32>, Range<f32>);

/// What a colour word covers: first what it means to everyone, then the named colours of browsers, plotting programs and crayons.
fn regions(colour: Colour) -> &'static [Region] {
    match colour {
        Colour::Red => &[(-8.0..6.0, 0.75..1.0, 0.40..0.52), (-12.0..8.0, 0.68..1.0, 0.40..0.58)],
        Colour::Orange => &[(25.0..33.0, 0.9..1.0, 0.49..0.57), (24.0..40.0, 0.85..1.0, 0.48..0.62)],
        Colour::Yellow => &[(49.0..57.0, 0.88..1.0, 0.48..0.60), (48.0..62.0, 0.8..1.0, 0.46..0.68)],
        Colour::Green => &[
            (105.0..145.0, 0.5..0.9, 0.27..0.44),
            (100.0..150.0, 0.4..1.0, 0.22..0.52),
            (118.0..124.0, 0.9..1.0, 0.45..0.52),
        ],
        Colour::Cyan => &[(179.0..189.0, 0.75..1.0, 0.42..0.54), (174.0..191.0, 0.6..1.0, 0.40..0.66)],
        Colour::Blue => &[
            (216.0..234.0, 0.7..1.0, 0.40..0.55),
            (203.0..241.0, 0.6..1.0, 0.30..0.60),
            (236.0..242.0, 0.9..1.0, 0.25..0.52),
        ],
        Colour::Purple => &[
            (270.0..286.0, 0.5..0.8, 0.34..0.47),
            (262.0..286.0, 0.35..0.9, 0.30..0.62),
            (284.0..303.0, 0.5..1.0, 0.22..0.42),
        ],
        Colour::Pink => &[(325.0..342.0, 0.8..1.0, 0.68..0.78), (316.0..352.0, 0.6..1.0, 0.66..0.88)],
        Colour::Brown => &[
            (20.0..29.0, 0.45..0.68, 0.24..0.33),
            (16.0..32.0, 0.35..0.75, 0.22..0.38),
            (8.0..16.0, 0.28..0.45, 0.28..0.43),
        ],
        Colour::Black => &[(0.0..360.0, 0.0..0.1, 0.0..0.11)],
        Colour::Gray => &[(0.0..360.0, 0.0..0.05, 0.44..0.58), (0.0..360.0, 0.0..0.06, 0.40..0.68)],
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

    #[test]
    fn marks_can_be_told_from_what_they_lie_on() {
        let mut dice = crate::world::dice::dice(
            1,
            1,
            crate::world::part::Part::Normal,
            crate::world::dice::Purpose::Scene,
        );
        for colour in Colour::ALL {
            for _ in 0..200 {
                let base = shade(*colour, &mut dice);
                let marks = marks(*colour, base, &mut dice);
                let apart = (marks.brightness() - base.brightness()).abs();
                assert!(apart > 0.19, "{colour:?}: {base:?} {marks:?}");
            }
        }
    }
}
