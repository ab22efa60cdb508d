//! The in-batch softmax of the coarse vectors: each picture finds its text among all of the batch, and each text its picture.

use burn::tensor::Tensor;

use super::cross_entropy;
use crate::train::batch::indices;

/// Share of the unit interval that a similarity of one weighs; small values sharpen the softmax.
const TEMPERATURE: f64 = 0.07;

/// The mean of both directions (Radford et al., arXiv 2103.00020, section 2.3).
///
/// # Shapes
/// - similarity: `[rows, rows]`, pictures by texts, true pairs on the diagonal
pub fn contrast(similarity: Tensor<2>) -> Tensor<1> {
    let [rows, _] = similarity.dims();
    let diagonal = indices(0..rows, &similarity.device());
    let logits = similarity.div_scalar(TEMPERATURE);
    let by_picture = cross_entropy(logits.clone(), diagonal.clone());
    (by_picture + cross_entropy(logits.transpose(), diagonal)).div_scalar(2.0)
}
