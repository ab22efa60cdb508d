//! A bundle: the folder `models/NAME/` that training writes and serving reads.

mod card;
mod error;
mod form;
mod golden;
mod manifest;
pub mod names;
mod open;
mod signature;
mod stamp;
#[cfg(test)]
mod testing;
mod write;

pub use card::{Statement, card};
pub use error::Error;
pub use form::{COARSE, Compared, Comparison, Convolutions, Form, Refused, Speed, Weights};
pub use golden::{Golden, GoldenGraph, GoldenTensor, Values};
pub use manifest::{
    Axis, DType, Dimensions, FileEntry, Graph, Manifest, Preprocessing, Temperatures, TensorEntry,
    TokenizerFile, Training,
};
pub use open::Bundle;
pub use signature::{Signature, Slot, signature};
pub use stamp::Stamp;
pub use write::{Draft, write};
