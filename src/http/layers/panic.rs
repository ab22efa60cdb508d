//! A panic in a handler is answered like any other fault of the server.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::http::Problem;

/// The answer to a request whose handler panicked with `payload`.
pub fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    Problem::Panic { message }.into_response()
}
