//! The stages of a training, in the order they run.

mod association;
mod captions;
mod contrastive;
mod detector;
mod features;
mod finetune;
mod grounding;
mod judge;
mod matching;
mod negatives;
mod pretrain;
#[cfg(test)]
mod testing;

pub use contrastive::ContrastiveStage;
pub use detector::{DetectorStage, Labelled};
pub use features::{ATTRIBUTE_THRESHOLD, PADDING, StoreShape, compute, square};
pub use finetune::FinetuneStage;
pub use judge::Judge;
pub use pretrain::PretrainStage;
