//! Losses as functions of logits and targets.

mod classify;
mod contrast;
mod detection;

pub use classify::{binary_cross_entropy, cross_entropy, one_hot, soft_cross_entropy, yes_no};
pub use contrast::contrast;
pub use detection::{Targets, detection};
