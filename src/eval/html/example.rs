//! One record with what was answered to it, and which records are shown.

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use crate::data::Entry;
use crate::types::PixelBox;

/// Examples of each choice.
pub(super) const SHOWN: usize = 4;
/// The same examples every time.
const SEED: u64 = 15;

/// A record, the truth about it and what was answered.
#[derive(Clone, Debug)]
pub(super) struct Example<'a> {
    pub entry: &'a Entry,
    /// What was asked; none if it was the picture alone.
    pub text: Option<&'a str>,
    /// Lines of text.
    pub truth: Vec<String>,
    pub given: Vec<String>,
    /// From -1, wrong without a doubt, to 1, right without a doubt.
    pub standing: f64,
    pub boxes: Boxes,
    /// Pictures that were given, with what is to be said of each.
    pub pictures: Vec<(&'a Entry, String)>,
}

/// In pixels of the picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Boxes {
    pub truth: Vec<PixelBox>,
    pub found: Vec<PixelBox>,
}

/// What is shown of a task's examples; the same one may be in two of them.
#[derive(Debug, Default)]
pub(super) struct Shown<'a> {
    pub best: Vec<Example<'a>>,
    pub worst: Vec<Example<'a>>,
    pub random: Vec<Example<'a>>,
}

/// How an answer stands that is `right` (0..1) and was given with some confidence (0..1).
pub(super) fn standing(right: f64, confidence: f32) -> f64 {
    (2.0 * right - 1.0) * f64::from(confidence)
}

impl<'a> Shown<'a> {
    /// The best and the worst first, and some by chance. Those that are equally good stay in their order.
    pub fn of(mut examples: Vec<Example<'a>>) -> Self {
        let amount = SHOWN.min(examples.len());
        let mut dice = ChaCha8Rng::seed_from_u64(SEED);
        let random =
            index::sample(&mut dice, examples.len(), amount).iter().map(|at| examples[at].clone()).collect();
        examples.sort_by(|a, b| b.standing.total_cmp(&a.standing));
        Self {
            best: examples[..amount].to_vec(),
            worst: examples[examples.len() - amount..].iter().rev().cloned().collect(),
            random,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing;

    #[test]
    fn the_surest_right_ones_are_best_and_the_surest_wrong_ones_worst() {
        let entry = testing::entry(&[]);
        let examples: Vec<_> = [(1.0, 0.5), (0.0, 0.9), (1.0, 0.99), (0.0, 0.2), (0.6, 0.9), (1.0, 0.1)]
            .map(|(right, confidence)| Example {
                entry: &entry,
                text: None,
                truth: Vec::new(),
                given: Vec::new(),
                standing: standing(right, confidence),
                boxes: Boxes::default(),
                pictures: Vec::new(),
            })
            .into();
        let shown = Shown::of(examples.clone());
        let rounded = |examples: &[Example<'_>]| -> Vec<_> {
            examples.iter().map(|example| (example.standing * 100.0).round() as i64).collect()
        };
        assert_eq!(rounded(&shown.best), [99, 50, 18, 10]);
        assert_eq!(rounded(&shown.worst), [-90, -20, 10, 18]);
        assert_eq!(shown.random.len(), SHOWN);
        assert_eq!(rounded(&Shown::of(examples).random), rounded(&shown.random));
        assert!(Shown::of(Vec::new()).best.is_empty());
    }
}
