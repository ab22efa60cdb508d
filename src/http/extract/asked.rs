//! A request to the model, on its way from bytes to the engine.
//!
//! The body is read before the engine is asked for a place, so that clients who are slow to send hold none; it is parsed after, so that an
//! overloaded server refuses cheaply.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::http::layers::Traced;
use crate::http::{AppState, Images, Problem};
use crate::metrics::Rejection;
use crate::runtime::{Call, Engine};

use super::body::{Body, discard, whole};
use super::deadline::deadline;

/// What was asked, the pictures it may name, the engine that answers it, and the place it holds among the accepted requests.
pub struct Asked<T> {
    pub request: T,
    pub images: Images,
    pub engine: Engine,
    pub call: Call,
}

/// The same of a request whose body only its handler can read.
pub struct Sent {
    pub headers: HeaderMap,
    pub body: Bytes,
    pub engine: Engine,
    pub call: Call,
}

/// A request that has arrived, as far as its time goes.
struct Arrived<'a> {
    state: &'a AppState,
    deadline: Instant,
    traced: Traced,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<AppState> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (arrived, request) = Arrived::of(request, state).await?;
        let body = Body::read(request, state.settings().max_body.get(), arrived.deadline).await;
        let body = body.inspect_err(|problem| arrived.note(problem))?;
        let (engine, call) = arrived.admit()?;
        let images = state.images().clone();
        Ok(Self { request: body.parse().await?, images, engine, call })
    }
}

impl FromRequest<AppState> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (arrived, request) = Arrived::of(request, state).await?;
        let read = whole(request, state.settings().max_body.get(), arrived.deadline).await;
        let (parts, body) = read.inspect_err(|problem| arrived.note(problem))?;
        let (engine, call) = arrived.admit()?;
        Ok(Self { headers: parts.headers, body, engine, call })
    }
}

impl<'a> Arrived<'a> {
    async fn of(request: Request, state: &'a AppState) -> Result<(Self, Request), Problem> {
        match deadline(request.headers(), state.settings().max_time) {
            Ok(deadline) => {
                let traced = request.extensions().get::<Traced>().cloned().unwrap_or_default();
                Ok((Self { state, deadline, traced }, request))
            }
            Err(problem) => {
                discard(request).await;
                Err(problem)
            }
        }
    }

    fn note(&self, problem: &Problem) {
        if matches!(problem, Problem::Expired) {
            self.state.metrics().reject(Rejection::Expired);
        }
    }

    /// A place at the engine, which from here on sees to the deadline itself.
    fn admit(self) -> Result<(Engine, Call), Problem> {
        let engine = self.state.engine()?;
        self.traced.by_model(&engine);
        let call = engine.admit(Some(self.deadline))?;
        self.traced.set(&call);
        Ok((engine, call))
    }
}
