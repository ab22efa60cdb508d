//! cmal trains CMAL, a vision-language model that learns by cross-modal association, exports it to ONNX and serves it over HTTP.
//!
//! The modules are listed in the order data flows; a module imports only from those of lower layers (see `arrows`).

#![forbid(unsafe_code)]

pub mod types;

pub mod bundle;
#[cfg(any(feature = "serve", feature = "train"))]
pub mod chart;
pub mod input;
#[cfg(feature = "serve")]
pub mod metrics;
#[cfg(feature = "train")]
pub mod onnx;
pub mod score;

pub mod data;
#[cfg(feature = "train")]
pub mod model;
#[cfg(feature = "serve")]
pub mod runtime;

#[cfg(feature = "serve")]
pub mod eval;
#[cfg(feature = "serve")]
pub mod http;
#[cfg(feature = "train")]
pub mod train;
pub mod world;

#[cfg(all(feature = "train", feature = "serve"))]
pub mod export;

pub mod cli;

#[cfg(test)]
mod arrows;
