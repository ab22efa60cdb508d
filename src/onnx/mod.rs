//! Any burn forward pass → ONNX model.
//!
//! [`convert`] runs a forward pass twice on burn's capture device, at two sizes of every named axis, and turns what
//! was recorded into an ONNX graph whose named axes stay dynamic:
//!
//! ```text
//! forward ─ capture (twice) ─ align ─ lower ─ fuse or quantise ─ weights ─ proto → bytes
//! ```
//!
//! The forward pass is the only definition of the model; nothing here knows which model it is. An operation without a
//! translation, a structure that depends on the sizes, or a size that can't be computed at run time is an error that
//! names the operation and the module it stands in.

mod align;
mod capture;
mod convert;
mod convolution;
mod error;
mod fuse;
mod graph;
mod linear;
mod literal;
mod lower;
mod model;
mod proto;
mod quantise;
mod signature;
mod size;
#[cfg(all(test, feature = "serve"))]
pub(crate) mod testing;
#[cfg(all(test, feature = "serve"))]
mod tests;
mod values;
mod weights;

pub use convert::{Options, convert, convert_with};
pub use convolution::{Convolutions, RANGES, Range};
pub use error::Error;
pub use model::{Model, Port};
pub use signature::{Axis, Input, Kind, Output, Signature};
pub use values::Values;
pub use weights::Weights;
