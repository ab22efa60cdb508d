//! What is asked in a benchmark: freshly drawn scenes as JPEG files, with a query about each.

use std::io::Cursor;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

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

const HYPOTHESES: [&str; 4] = [
    "There is a circle.",
    "The large square is red.",
    "Two of the triangles are small and blue.",
    "There are more stars than hexagons, and one of the stars is striped.",
];
const EXPRESSIONS: [&str; 4] = [
    "the circle",
    "the small red square",
    "the triangle left of the blue star",
    "the second large green shape from the right of the picture",
];
const CAPTIONS: [&str; 4] = [
    "A red circle.",
    "A blue square and a green star.",
    "A small yellow triangle to the left of a large striped heart.",
    "Four shapes on a light background, among them a purple hexagon above a dotted orange square.",
];

/// An encoded picture and a query about it.
pub struct Sample {
    pub picture: Vec<u8>,
    pub query: Query,
}

/// Questions, the same ones every time.
pub fn draw() -> Result<Vec<Sample>, Failure> {
    (0..SCENES)
        .zip(QUESTIONS.into_iter().cycle())
        .map(|(index, text)| sample(index, question(text)))
        .collect()
}

/// Queries of all four tasks in a random order that is the same every time; never ends.
pub fn mixed_queries() -> impl Iterator<Item = Query> {
    let mut random = SmallRng::seed_from_u64(SEED);
    std::iter::repeat_with(move || {
        let mut below = |count: usize| random.random_range(0..count);
        match below(4) {
            0 => question(QUESTIONS[below(QUESTIONS.len())]),
            1 => Query::Entailment { hypothesis: HYPOTHESES[below(HYPOTHESES.len())].to_owned() },
            2 => {
                let expression = EXPRESSIONS[below(EXPRESSIONS.len())].to_owned();
                Query::Grounding { expression, top_k: 1 }
            }
            _ => Query::Match { text: CAPTIONS[below(CAPTIONS.len())].to_owned() },
        }
    })
}

fn question(text: &str) -> Query {
    Query::Vqa { question: text.to_owned(), top_k: 5 }
}

fn sample(index: u64, query: Query) -> Result<Sample, Failure> {
    let painted = paint(&Scene::new(SEED, index, Part::Normal));
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode(
        painted.as_raw(),
        painted.width(),
        painted.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(Sample { picture: bytes.into_inner(), query })
}
