//! A request to the model, on its way from bytes to the engine.

use crate::http::layers::Traced;
use crate::http::{AppState, Images, Problem};
use crate::metrics::Rejection;
use crate::runtime::{Call, Engine};
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::body::{Body, discard};
use super::deadline::deadline;

/// What was asked, the pictures it may name, the engine that answers it, and the place it holds among the accepted requests.
pub struct Asked<T> {
    pub request: T,
    pub images: Images,
    pub engine: Engine,
    pub call: Call,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<AppState> for Asked<T> {
    type Rejection = Problem;

    /// The body is read before the engine is asked for a place, so that clients who are slow to send hold none; it is parsed after,
    /// so that an overloaded server refuses cheaply.
    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let limit = state.settings().max_body.get();
        let deadline = match deadline(request.headers(), state.settings().max_time) {
            Ok(deadline) => deadline,
            Err(problem) => {
                discard(request).await;
                return Err(problem);
            }
        };
        let traced = request.extensions().get::<Traced>().cloned().unwrap_or_default();
        let body = Body::read(request, limit, deadline).await.inspect_err(|problem| {
            if matches!(problem, Problem::Expired) {
                state.metrics().reject(Rejection::Expired);
            }
        })?;
        let engine = state.engine()?.clone();
        // From here on the engine itself sees to the deadline.
        let call = engine.admit(Some(deadline))?;
        traced.set(&call);
        Ok(Self { request: body.parse().await?, images: state.images().clone(), engine, call })
    }
}
