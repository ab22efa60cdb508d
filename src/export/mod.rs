//! A run folder, or a bundle, into a bundle: the model's own forward passes recorded as ONNX graphs, each proven against burn before it is written.

mod assemble;
mod calibrate;
mod compare;
mod error;
mod inputs;
mod metrics;
mod parity;
mod source;

pub use assemble::{Form, Options, Report, export};
pub use compare::{HeldOut, forms};
pub use error::Error;
pub use metrics::read_metrics;
pub use parity::Difference;
