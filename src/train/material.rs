//! What the stages of the association model learn from.

use burn::tensor::Device;

use super::lexicon::Lexicon;
use super::samples::Samples;
use crate::data::ObjectStore;

/// The joined corpus, and where it is worked on.
pub struct Material {
    /// Seed of every draw.
    pub seed: u64,
    pub lexicon: Lexicon,
    pub store: ObjectStore,
    pub train: Samples,
    pub val: Samples,
    /// Without gradients.
    pub device: Device,
}
