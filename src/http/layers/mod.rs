//! What every request passes, one layer per file; their order is in [`router`](super::router()).

mod auth;
mod closing;
mod cors;
mod document;
mod observe;
mod panic;
mod request_id;
mod traced;

pub use auth::{auth, needs_key};
pub use closing::closing;
pub use cors::{Origins, cors};
pub use document::document;
pub use observe::observe;
pub use panic::panicked;
pub use request_id::{RequestId, request_id};
pub use traced::Traced;
