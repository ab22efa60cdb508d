//! Pictures to send.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

/// A picture with a red disc at the left and a blue square at the right; `shift` moves them, for pictures that differ.
pub fn scene(width: u32, height: u32, shift: u32) -> RgbImage {
    let (radius, centre) = (height / 5, (width / 4 + shift, height / 2));
    let square = width * 5 / 8..width * 5 / 8 + 2 * radius;
    RgbImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (x.abs_diff(centre.0), y.abs_diff(centre.1));
        if dx * dx + dy * dy <= radius * radius {
            Rgb([210, 40, 40])
        } else if square.contains(&x) && dy <= radius {
            Rgb([40, 60, 210])
        } else {
            Rgb([240, 240, 240])
        }
    })
}

pub fn png(picture: &RgbImage) -> Vec<u8> {
    encoded(picture, ImageFormat::Png)
}

pub fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn in_json(picture: &[u8]) -> Value {
    json!({"base64": STANDARD.encode(picture)})
}
