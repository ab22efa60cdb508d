//! What is asked in a benchmark: freshly drawn scenes as JPEG files, with a question about each.

use std::io::Cursor;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::types::Query;
use crate::world::{Part, Scene, paint};

use super::super::exit::Failure;

const SCENES: u64 = 64;
/// No seed of a training recipe.
const SEED: u64 = 0xbe7c;
const QUALITY: u8 = 90;
/// Of the lengths that people ask in.
const QUESTIONS: [&str; 6] = [
    "What colour is the circle?",
    "How many squares are there?",
    "Is there a red triangle?",
    "What shape is left of the large blue square?",
    "Are there more circles than squares in the picture?",
    "Is the small green star above the striped circle?",
];

/// An encoded picture and a query about it.
pub struct Sample {
    pub picture: Vec<u8>,
    pub query: Query,
}

/// The same samples every time.
pub fn draw() -> Result<Vec<Sample>, Failure> {
    (0..SCENES).zip(QUESTIONS.into_iter().cycle()).map(|(index, question)| sample(index, question)).collect()
}

fn sample(index: u64, question: &str) -> Result<Sample, Failure> {
    let painted = paint(&Scene::new(SEED, index, Part::Normal));
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode(
        painted.as_raw(),
        painted.width(),
        painted.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(Sample { picture: bytes.into_inner(), query: Query::Vqa { question: question.to_owned(), top_k: 5 } })
}
