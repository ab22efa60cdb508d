//! Pictures and texts that no client should send.

use image::{Rgb, RgbImage};

use super::pictures::{png, scene};

pub fn truncated_png() -> Vec<u8> {
    let mut bytes = png(&scene(128, 96, 0));
    bytes.truncate(bytes.len() / 2);
    bytes
}

pub fn text_file() -> Vec<u8> {
    b"This is a letter, not a picture.\n".repeat(20)
}

pub fn one_pixel() -> Vec<u8> {
    png(&RgbImage::new(1, 1))
}

/// A whole PNG whose header states 20,000 × 20,000 pixels.
pub fn huge_header() -> Vec<u8> {
    let mut bytes = png(&scene(16, 16, 0));
    for side in [16..20, 20..24] {
        bytes[side].copy_from_slice(&20_000_u32.to_be_bytes());
    }
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// A picture whose PNG hardly compresses.
pub fn noise(side: u32) -> Vec<u8> {
    let mut state = 1_u32;
    png(&RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        Rgb([a, b, c])
    }))
}

pub fn long_text() -> String {
    "red ".repeat(10_000)
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc: u32, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
