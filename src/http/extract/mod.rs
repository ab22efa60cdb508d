//! What handlers are given: a typed request, whether it came as JSON or as a form, and the engine's call that it becomes.

mod asked;
mod body;
mod deadline;
mod form;
mod number;
mod picture;

pub use asked::{Asked, Sent};
pub use body::{PARSE_HERE, discard, from_json};
pub use number::whole_number;
pub use picture::{Picture, PictureFile};
