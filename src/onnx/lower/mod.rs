//! One translation per burn operation.
//!
//! `table` says which family's file an operation belongs to; each family turns its operations into ONNX nodes through
//! [`Lowering`].

mod activation;
mod attention;
mod base;
mod bits;
mod context;
mod index;
mod layers;
mod numeric;
mod pool;
mod reduce;
mod shape;
mod table;

pub(super) use context::Lowering;
