//! What every request passes, one layer per file; their order is in [`router`](super::router()).

mod closing;
mod observe;
mod panic;
mod request_id;

pub use closing::closing;
pub use observe::{Traced, observe};
pub use panic::panicked;
pub use request_id::{RequestId, request_id};
