//! The dataset folder: what it holds, how it is checked, and what is derived from it.
//!
//! `images/…` and any of five JSON-lines files, joined by picture. Everything wrong in it is found when it is opened.

mod check;
mod error;
mod features;
mod folder;
mod record;
mod split;

pub use error::{BadLine, Error};
pub use features::{Found, ObjectStore, StoreError};
pub use folder::{Dataset, Entry, Expression, Hypothesis, LabelledObject, OnBad, Opened, Question};
pub use record::{CaptionRecord, EntailmentRecord, ObjectRecord, ObjectsRecord, ReferringRecord, VqaRecord};
