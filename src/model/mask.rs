//! From our masks (true = real) to burn's padding masks (true = padding): the only place where the meaning turns.

use burn::tensor::{Bool, Tensor};

/// Padding mask of a real-slot mask.
///
/// # Shapes
/// - real: `[batch, slots]`
/// - output: `[batch, slots]`
pub fn padding(real: Tensor<2, Bool>) -> Tensor<2, Bool> {
    real.bool_not()
}
