//! A run folder into a bundle: the model's own forward passes recorded as ONNX graphs, each proven against burn before it is written.

mod assemble;
mod error;
mod inputs;
mod metrics;
mod parity;

pub use assemble::{Options, Report, export};
pub use error::Error;
pub use metrics::read_metrics;
