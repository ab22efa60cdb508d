//! Held-out figures of a bundle, asked through the engine that serves, or of a running server over HTTP. The formulas are those of
//! [`score`](crate::score).

mod error;
mod part;
mod report;
mod retrieval;
mod run;
mod server;
mod subject;

pub use error::Error;
pub use part::Part;
pub use report::Report;
pub use run::{Asked, evaluate};
pub use server::{ServedModel, Server, Upload};
pub use subject::{InProcess, Subject};
