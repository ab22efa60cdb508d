//! Pictures and texts in, answers out: the engine on ONNX Runtime with dynamic batching.
//!
//! A call is admitted once ([`Engine::admit`]), then goes through the stages: a picture is decoded by the [`workers`], its objects are
//! found, its visual states computed ([`Engine::see`]); a text is split and read ([`Engine::read`]); both meet in the fusion graph
//! ([`Engine::ask`]). What was made of pictures and texts is kept in [`cache`]s. Each stage has a queue; executors, threads that own
//! their sessions, cut batches from the queues whenever they are free, later stages first. The question about a new picture
//! ([`Engine::answer`]) goes from thread to thread, and its caller wakes when it is answered: a worker hands the decoded picture to an
//! executor, which then asks the question at the [`meeting`] of the two. Beside this, a single graph can be run on a caller's own tensors
//! ([`Engine::graph`]).

mod associate;
mod bare;
mod batching;
mod cache;
mod call;
mod encoded;
mod engine;
mod error;
mod executor;
mod features;
mod graph;
mod graphs;
mod heads;
mod job;
pub mod library;
mod meeting;
mod pace;
mod proof;
mod provider;
mod queue;
mod raw;
#[cfg(test)]
mod scheduling;
mod settings;
mod source;
mod stage;
mod weighed;
mod workers;

pub use associate::Association;
pub use bare::Bare;
pub use batching::Budget;
pub use call::{Call, Interval, Phase, Timing};
pub use encoded::Encoded;
pub use engine::{Engine, ModelInfo};
pub use error::{Error, LibraryError, StartError};
pub use features::{ReadText, Seen};
pub use provider::{Cuda, Provider};
pub use raw::{Outline, RawError, RawGraph, RawRun};
pub use settings::{Settings, processors};
pub use source::Source;
