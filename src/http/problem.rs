//! The one error of the HTTP side: every status a client can meet, and the RFC 9457 document that explains it.
//!
//! A handler returns a [`Problem`]; its response carries it as an extension, and [`layers::document`](super::layers) writes the
//! document, because only there the request's id is known. What a client can do something about goes into the document; causes
//! inside the server go to the log only. There is no conversion from errors at large: one that isn't mapped here doesn't compile.

mod document;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::input::{PictureError, TextError};
use crate::runtime;

use document::shortened;
pub use document::{ProblemDocument, quote, with_short_quotes};

/// Why a request has no answer; its text is the `detail` of the document.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The body is not JSON or not a form, or doesn't have the fields and types of the contract.
    #[error("{reason}")]
    Malformed { field: Option<String>, reason: String },
    #[error("the header `{name}` is `{found}`, it must be {expected}")]
    Header { name: &'static str, found: String, expected: &'static str },
    /// The server has API keys, and the request carries none.
    #[error("an API key is needed: send it as `Authorization: Bearer KEY` or as `X-API-Key: KEY`")]
    NoKey,
    #[error("the API key is none of this server's")]
    WrongKey,
    #[error("there is nothing at this path; the contract is at /openapi.yaml")]
    UnknownRoute,
    #[error("no model `{name}` is served here; /v1/models lists those that are")]
    UnknownModel { name: String },
    #[error("there is no picture `{id}` here, or none any more: send it again")]
    UnknownPicture { id: String },
    #[error("this path does not take this method; the header `Allow` lists those it takes")]
    Method,
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("pictures may take {limit} bytes here: send this one with each request")]
    TooLargeToKeep { limit: usize },
    #[error("the body must be `application/json` or `multipart/form-data` with a boundary")]
    BodyType,
    /// Well-formed, but a value that can't be answered.
    #[error("`{field}` {reason}")]
    Unusable { field: &'static str, reason: String },
    #[error("the model is still loading")]
    Loading,
    #[error("the server is shutting down")]
    Draining,
    #[error("the deadline of the request passed before its answer was ready")]
    Expired,
    #[error("{0}")]
    Engine(runtime::Error),
    #[error(transparent)]
    Protocol(super::v2::Refusal),
    #[error("a handler panicked: {message}")]
    Panic { message: String },
}

impl From<runtime::Error> for Problem {
    fn from(error: runtime::Error) -> Self {
        Self::Engine(error)
    }
}

impl Problem {
    pub fn status(&self) -> StatusCode {
        self.kind().status()
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Malformed { .. } | Self::Header { .. } => Kind::Malformed,
            Self::NoKey | Self::WrongKey => Kind::Unauthorized,
            Self::UnknownRoute | Self::UnknownModel { .. } | Self::UnknownPicture { .. } => Kind::NotFound,
            Self::Method => Kind::Method,
            Self::BodyTooLarge { .. } | Self::TooLargeToKeep { .. } => Kind::TooLarge,
            Self::BodyType => Kind::Unsupported,
            Self::Unusable { .. } => Kind::Unusable,
            Self::Loading | Self::Draining => Kind::NotReady,
            Self::Expired => Kind::Expired,
            Self::Panic { .. } => Kind::Fault,
            Self::Engine(error) => Kind::of_engine(error),
            Self::Protocol(refusal) => refusal.kind(),
        }
    }

    /// What the client reads; `request_id` is what it can quote.
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        let kind = self.kind();
        let detail = match kind {
            Kind::Fault => {
                "the server failed on this request; its log has the cause under this request_id".to_owned()
            }
            _ => with_short_quotes(&self.to_string()),
        };
        let field = match self {
            Self::Malformed { field, .. } => field.clone(),
            Self::Unusable { field, .. } => Some((*field).to_owned()),
            _ => None,
        };
        ProblemDocument {
            kind: kind.uri().to_owned(),
            title: kind.title().to_owned(),
            status: kind.status().as_u16(),
            detail,
            request_id: request_id.to_owned(),
            field: field.as_deref().map(quote),
            limit: self.limit(),
        }
    }

    /// The limit that the request passes: bytes of a body or a text, pixels, tokens.
    fn limit(&self) -> Option<u64> {
        match self {
            Self::BodyTooLarge { limit } | Self::TooLargeToKeep { limit } => Some(*limit as u64),
            Self::Engine(runtime::Error::Picture(error)) => match **error {
                PictureError::TooLarge { limit, .. } => Some(limit),
                _ => None,
            },
            Self::Engine(runtime::Error::Text(error)) => match **error {
                TextError::TooLong { limit, .. } | TextError::TooLarge { limit, .. } => Some(limit as u64),
                _ => None,
            },
            _ => None,
        }
    }

    /// The sentence for the log, with the causes that the client isn't told; cut like what the client reads, but a fault of the server
    /// quotes no client.
    pub fn cause(&self) -> String {
        let mut text = self.to_string();
        if let Self::Engine(error) = self {
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
        }
        if self.kind() == Kind::Fault { shortened(&text) } else { with_short_quotes(&text) }
    }

    /// When a client may come back.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Engine(runtime::Error::Overloaded { retry_after }) => Some(*retry_after),
            Self::Loading | Self::Draining | Self::Engine(runtime::Error::Draining) => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }

    /// How a client proves who it is (RFC 6750).
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::NoKey => Some(r#"Bearer realm="cmal""#),
            Self::WrongKey => Some(r#"Bearer realm="cmal", error="invalid_token""#),
            _ => None,
        }
    }
}

/// A problem on its way out through the layers.
#[derive(Clone)]
pub(super) struct Refused(pub Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(wait) = self.retry_after() {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge() {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response.extensions_mut().insert(Refused(Arc::new(self)));
        response
    }
}

/// The kinds of problem: one status each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Malformed,
    Unauthorized,
    NotFound,
    Method,
    TooLarge,
    Unsupported,
    Unusable,
    Overloaded,
    Fault,
    NotReady,
    Expired,
}

impl Kind {
    fn of_engine(error: &runtime::Error) -> Self {
        match error {
            runtime::Error::Overloaded { .. } => Self::Overloaded,
            runtime::Error::Expired => Self::Expired,
            runtime::Error::Draining => Self::NotReady,
            runtime::Error::Picture(error) => Self::of_picture(error),
            runtime::Error::Text(error) => Self::of_text(error),
            runtime::Error::Graph { .. } | runtime::Error::Interrupted { .. } => Self::Fault,
        }
    }

    fn of_picture(error: &PictureError) -> Self {
        match error {
            PictureError::Empty | PictureError::Damaged(_) => Self::Unusable,
            PictureError::Unsupported => Self::Unsupported,
            PictureError::TooLarge { .. } => Self::TooLarge,
            // The bytes are in memory; failing to read them is no fault of the client.
            PictureError::Read(_) => Self::Fault,
        }
    }

    fn of_text(error: &TextError) -> Self {
        match error {
            TextError::Empty
            | TextError::TooLong { .. }
            | TextError::TooLarge { .. }
            | TextError::Failed(_) => Self::Unusable,
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unusable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Expired => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request is malformed",
            Self::Unauthorized => "A valid API key is needed",
            Self::NotFound => "Not found",
            Self::Method => "The method is not allowed here",
            Self::TooLarge => "The body or the picture is too large",
            Self::Unsupported => "The body or the picture is of a type that is not supported",
            Self::Unusable => "The request is well-formed but can't be answered",
            Self::Overloaded => "Too many requests are waiting",
            Self::Fault => "The server failed",
            Self::NotReady => "The server is not ready",
            Self::Expired => "The deadline passed",
        }
    }

    fn uri(self) -> &'static str {
        match self {
            Self::Malformed => "urn:problem-type:cmal:malformed",
            Self::Unauthorized => "urn:problem-type:cmal:unauthorized",
            Self::NotFound => "urn:problem-type:cmal:not-found",
            Self::Method => "urn:problem-type:cmal:method-not-allowed",
            Self::TooLarge => "urn:problem-type:cmal:too-large",
            Self::Unsupported => "urn:problem-type:cmal:unsupported-type",
            Self::Unusable => "urn:problem-type:cmal:unusable",
            Self::Overloaded => "urn:problem-type:cmal:overloaded",
            Self::Fault => "urn:problem-type:cmal:fault",
            Self::NotReady => "urn:problem-type:cmal:not-ready",
            Self::Expired => "urn:problem-type:cmal:deadline-passed",
        }
    }
}

#[cfg(test)]
mod tests;
