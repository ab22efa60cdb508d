//! The Open Inference Protocol, version 2 (KServe's v2 REST API) with the binary tensor data extension, over the graphs of the bundle,
//! so that clients and tools that speak it work unchanged.
//!
//! A graph is the model `BUNDLE.GRAPH`, as in `shapes.text`; its version is the bundle's. Errors have the form of the protocol on every
//! path below `/v2`, whatever layer refuses.

mod address;
mod contract;
mod data;
mod encoding;
mod frame;
pub mod infer;
pub mod metadata;
mod read;
mod refusal;
mod reply;
mod request;

pub use contract::{components, unauthorized};
pub use refusal::{ErrorView, Refusal, speaks};

use crate::bundle::DType;

/// The protocol's name of an element type.
fn datatype(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "FP32",
        DType::I64 => "INT64",
        DType::U8 => "UINT8",
        DType::Bool => "BOOL",
    }
}
