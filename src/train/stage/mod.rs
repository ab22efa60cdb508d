//! The stages of a training, in the order they run.

mod association;
mod detector;
mod features;
mod finetune;
mod negatives;
mod pretrain;

pub use detector::{DetectorStage, Labelled};
pub use features::{ATTRIBUTE_THRESHOLD, PADDING, StoreShape, compute};
pub use finetune::FinetuneStage;
pub use pretrain::PretrainStage;
