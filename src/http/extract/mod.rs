//! What handlers are given: a typed request, whether it came as JSON or as a form, and the engine's call that it becomes.

mod asked;
mod body;
mod deadline;
mod form;
mod picture;

pub use asked::Asked;
pub use body::discard;
pub use picture::{Picture, PictureFile};
