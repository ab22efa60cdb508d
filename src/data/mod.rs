//! The dataset folder: what it holds, how it is checked, and what is derived from it.
//!
//! `images/…` and any of five JSON-lines files, joined by picture. Everything wrong in it is found when it is opened.

pub mod import;

mod check;
mod error;
mod features;
mod folder;
mod new_file;
mod record;
mod split;
mod store_writer;

pub use error::{BadLine, Error};
pub use features::{Found, GRID, NO_CLASS, ObjectStore, StoreError};
pub use folder::{Dataset, Entry, Expression, FEATURES, Hypothesis, LabelledObject, OnBad, Opened, Question};
pub use new_file::NewFile;
pub use record::{CaptionRecord, EntailmentRecord, ObjectRecord, ObjectsRecord, ReferringRecord, VqaRecord};
pub use store_writer::ObjectStoreWriter;
