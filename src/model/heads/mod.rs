//! What is read off the encoders: answers of the four tasks, associations, and the coarse vectors of retrieval.

mod association;
mod coarse;
mod tasks;

pub use association::{AssociationHead, AssociationLogits, ObjectLogits};
pub use coarse::CoarseHead;
pub use tasks::{TaskHeads, TaskLogits};
