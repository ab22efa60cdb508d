//! Pictures and texts in, answers out: the engine on ONNX Runtime with dynamic batching.
//!
//! A call is admitted once ([`Engine::admit`]), then goes through the stages: a picture is decoded by the [`workers`], its objects are
//! found, its visual states computed ([`Engine::see`]); a text is split and read ([`Engine::read`]); both meet in the fusion graph
//! ([`Engine::ask`]). Each stage has a queue; executors, threads that own their sessions, cut batches from the queues whenever they are
//! free, later stages first.

mod bare;
mod batching;
mod call;
mod engine;
mod error;
mod executor;
mod features;
mod graph;
mod graphs;
mod heads;
mod job;
pub mod library;
mod pace;
mod proof;
mod provider;
mod queue;
#[cfg(test)]
mod scheduling;
mod settings;
mod source;
mod stage;
mod workers;

pub use bare::Bare;
pub use batching::Budget;
pub use call::{Call, Phase, Timing};
pub use engine::{Engine, ModelInfo};
pub use error::{Error, LibraryError, StartError};
pub use features::{ReadText, Seen};
pub use provider::{Cuda, Provider};
pub use settings::{Settings, processors};
pub use source::Source;
