//! What happens to a picture between being drawn and being looked at: blur, noise, JPEG damage.

use image::RgbImage;
use rand::{Rng, RngExt};

use super::dice::Dice;

/// The damage that one picture takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wear {
    /// Share of each pixel that comes from its neighbours, 0..1.
    pub blur: Option<f32>,
    /// Largest deviation of a channel, in 8-bit steps.
    pub noise: Option<f32>,
    /// The quality a picture is stored with as JPEG; without one it is stored as PNG.
    pub jpeg: Option<u8>,
}

impl Wear {
    pub fn new(dice: &mut Dice) -> Self {
        let blur = dice.random_bool(0.2).then(|| dice.random_range(0.3..0.8));
        let noise = dice.random_bool(0.22).then(|| dice.random_range(6.0..26.0));
        let jpeg = match dice.random_range(0..100) {
            0..22 => Some(dice.random_range(30..70)),
            22..60 => Some(dice.random_range(85..95)),
            _ if noise.is_some() => Some(dice.random_range(70..90)),
            _ => None,
        };
        Self { blur, noise, jpeg }
    }

    /// That of a picture which is merely stored.
    pub fn stored(dice: &mut Dice) -> Self {
        let jpeg = dice.random_bool(0.3).then(|| dice.random_range(60..96));
        Self { jpeg, ..Self::default() }
    }

    /// Blurs and roughens a picture; JPEG damage happens when it is stored.
    pub fn apply(&self, picture: RgbImage, dice: &mut Dice) -> RgbImage {
        let mut picture = match self.blur {
            Some(share) => blurred(&picture, share),
            None => picture,
        };
        if let Some(deviation) = self.noise {
            roughen(&mut picture, deviation, dice);
        }
        picture
    }
}

/// Mixes every pixel with its 3×3 neighbourhood (binomial weights).
fn blurred(picture: &RgbImage, share: f32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let source = picture.as_raw();
    let at = |x: u32, y: u32, channel: usize| f32::from(source[(y * width + x) as usize * 3 + channel]);
    let near = |v: u32, end: u32| [v.saturating_sub(1), v, (v + 1).min(end - 1)];
    let mut out = vec![0; source.len()];
    for y in 0..height {
        let rows = near(y, height);
        for x in 0..width {
            let columns = near(x, width);
            for channel in 0..3 {
                let row = |y: u32| {
                    let [a, b, c] = columns.map(|x| at(x, y, channel));
                    a + 2.0 * b + c
                };
                let [a, b, c] = rows.map(row);
                let mean = (a + 2.0 * b + c) / 16.0;
                let own = at(x, y, channel);
                out[(y * width + x) as usize * 3 + channel] = (own + (mean - own) * share).round() as u8;
            }
        }
    }
    RgbImage::from_raw(width, height, out).unwrap_or_else(|| picture.clone())
}

/// Adds noise of a triangular distribution.
fn roughen(picture: &mut RgbImage, deviation: f32, dice: &mut Dice) {
    let mut chance = vec![0; picture.as_raw().len() * 2];
    dice.fill_bytes(&mut chance);
    for (value, pair) in picture.iter_mut().zip(chance.chunks_exact(2)) {
        let triangular = (f32::from(pair[0]) + f32::from(pair[1])) / 255.0 - 1.0;
        *value = (f32::from(*value) + triangular * deviation).round().clamp(0.0, 255.0) as u8;
    }
}
