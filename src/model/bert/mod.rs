//! A BERT as the beginning of the textual side, and the published checkpoints that it can be taken from.
//!
//! ```text
//! config.json ─ config → sizes, family ┐
//! model.safetensors ─ checkpoint ──────┴→ weights under our paths → encoder
//! ```

mod checkpoint;
mod config;
mod encoder;
mod error;
mod family;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, path};
pub use encoder::{Bert, INITIAL};
pub use error::CheckpointError;
