//! Cross-entropies: over classes with hard or soft targets, and over independent yes/no questions.

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Int, Tensor};

/// Mean cross-entropy against one class a row.
///
/// # Shapes
/// - logits: `[rows, classes]`; target: `[rows]`
pub fn cross_entropy(logits: Tensor<2>, target: Tensor<1, Int>) -> Tensor<1> {
    log_softmax(logits, 1).gather(1, target.unsqueeze_dim::<2>(1)).mean().neg()
}

/// Mean cross-entropy against a distribution a row.
///
/// # Shapes
/// - logits, target: `[rows, classes]`; the rows of `target` sum to one
pub fn soft_cross_entropy(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (log_softmax(logits, 1) * target).sum_dim(1).mean().neg()
}

/// Mean binary cross-entropy of independent questions; targets are probabilities.
///
/// # Shapes
/// - logits, target: `[rows, questions]`
pub fn yes_no(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    binary_cross_entropy(logits, target).mean()
}

/// Binary cross-entropy of each question; targets are probabilities.
///
/// # Shapes
/// - logits, target and output: the same
pub fn binary_cross_entropy<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<D> {
    let yes = log_sigmoid(logits.clone()) * target.clone();
    let no = log_sigmoid(logits.neg()) * target.neg().add_scalar(1.0);
    (yes + no).neg()
}

/// Distributions as dense rows.
pub fn one_hot<'a>(rows: impl Iterator<Item = &'a [(usize, f32)]>, classes: usize) -> Vec<f32> {
    let mut dense = Vec::new();
    for row in rows {
        let start = dense.len();
        dense.resize(start + classes, 0.0);
        for &(class, weight) in row {
            dense[start + class] = weight;
        }
    }
    dense
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn value(loss: Tensor<1>) -> f32 {
        loss.into_scalar::<f32>()
    }

    #[test]
    fn hard_and_soft_targets_agree_where_they_say_the_same() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]], &device);
        let hard = cross_entropy(logits.clone(), Tensor::from_data([2, 1], &device));
        let soft = Tensor::<2>::from_data([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], &device);
        let by_hand = (2.407_606 + 0.306_356) / 2.0;
        assert!((value(hard) - by_hand).abs() < 1e-5);
        assert!((value(soft_cross_entropy(logits, soft)) - by_hand).abs() < 1e-5);
    }

    #[test]
    fn yes_no_is_symmetric_and_stays_finite_for_large_logits() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data([[200.0, -200.0, 0.0]], &device);
        let right = Tensor::<2>::from_data([[1.0, 0.0, 0.5]], &device);
        assert!((value(yes_no(logits.clone(), right)) - 2f32.ln() / 3.0).abs() < 1e-5);
        let wrong = Tensor::<2>::from_data([[0.0, 1.0, 0.5]], &device);
        assert!((value(yes_no(logits, wrong)) - (400.0 + 2f32.ln()) / 3.0).abs() < 1e-2);
    }
}
