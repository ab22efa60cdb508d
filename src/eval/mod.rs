//! Held-out figures of a bundle, asked through the engine that serves, or of a running server over HTTP. The formulas are those of
//! [`score`](crate::score).

mod answers;
mod error;
mod html;
mod part;
mod report;
mod run;
mod server;
mod subject;
mod submission;
#[cfg(test)]
mod testing;

pub use error::Error;
pub use html::Page;
pub use part::Part;
pub use report::Report;
pub use run::{Asked, Evaluation, evaluate};
pub use server::{ServedModel, Server, Upload};
pub use subject::{InProcess, Subject};
pub use submission::Submission;
