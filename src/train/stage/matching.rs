//! What contrastive learning asks of pairs: in-batch contrast of the coarse vectors, and matching with hard negatives. Fine-tuning asks it
//! for retrieval, and the contrastive arm pre-trains on it.

use burn::tensor::Tensor;
use rand_chacha::ChaCha8Rng;

use super::association::values;
use super::negatives::{Caption, Negatives};
use crate::model::{Cmal, Paired};
use crate::train::batch::{floats, indices};
use crate::train::loss::{contrast, yes_no};

/// The losses of a batch of pairs.
pub struct Matched {
    /// Each picture finds its text among those of the batch, and each text its picture.
    pub contrast: Tensor<1>,
    /// Whether a text describes a picture; none if no pair is matched.
    pub matching: Option<Tensor<1>>,
}

impl Matched {
    /// Of encoded captions with their pictures, a pair a row. The first `count` are matched: a caption takes three rows, its picture, and
    /// a negative on each side.
    pub fn of(
        model: &Cmal,
        paired: &Paired,
        captions: &[&Caption],
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let similarity = similarity(model, paired);
        let negatives = Negatives::new(values(similarity.clone().detach()), captions);
        let mut pairs: Vec<(usize, usize)> = (0..count).map(|row| (row, row)).collect();
        for caption in 0..count {
            pairs.extend(negatives.text(caption, rng).map(|text| (caption, text)));
            pairs.extend(negatives.picture(caption, rng).map(|picture| (picture, caption)));
        }
        let matching = (!pairs.is_empty()).then(|| matching(model, paired, &pairs));
        Self { contrast: contrast(similarity), matching }
    }
}

/// Products of the coarse vectors, \[pictures, texts\].
pub fn similarity(model: &Cmal, paired: &Paired) -> Tensor<2> {
    model.visual_coarse(&paired.seen).matmul(model.textual_coarse(&paired.read).transpose())
}

/// Logits of "belongs" for pairs of rows, picture and text, of which there is one at least: \[pairs, 1\].
pub fn belonging(model: &Cmal, paired: &Paired, pairs: &[(usize, usize)]) -> Tensor<2> {
    let device = &paired.seen.states.device();
    let fused = model.fuse(&Paired::select(
        &paired.seen,
        &paired.read,
        indices(pairs.iter().map(|pair| pair.0), device),
        indices(pairs.iter().map(|pair| pair.1), device),
    ));
    model.tasks().matching(&fused)
}

/// Whether pairs of rows belong together.
fn matching(model: &Cmal, paired: &Paired, pairs: &[(usize, usize)]) -> Tensor<1> {
    let belongs = pairs.iter().map(|(picture, text)| if picture == text { 1.0 } else { 0.0 });
    let logits = belonging(model, paired, pairs);
    let belongs = floats(belongs.collect(), [pairs.len(), 1], &logits.device());
    yes_no(logits, belongs)
}
