//! What the protocol's routes refuse, and the form in which it is told.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::problem::{Kind, ProblemDocument};
use crate::runtime::RawError;

/// Why a request of the protocol has no answer, where no other route could say the same.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no model `{name}`, the models are {served}")]
    Model { name: String, served: String },
    #[error("model `{name}` has no version `{version}`, it is served in version `{served}`")]
    Version { name: String, version: String, served: String },
    #[error("the body must be sent as it is or with the content encoding gzip or deflate")]
    Encoding,
    /// The body is not taken apart by what it says of itself.
    #[error("{0}")]
    Malformed(String),
    #[error(transparent)]
    Tensors(#[from] RawError),
}

impl Refusal {
    pub(in crate::http) fn kind(&self) -> Kind {
        match self {
            Self::Model { .. } | Self::Version { .. } => Kind::NotFound,
            Self::Encoding => Kind::Unsupported,
            Self::Malformed(_) | Self::Tensors(_) => Kind::Malformed,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Protocol(refusal)
    }
}

/// A refusal in the protocol's form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceError)]
pub struct ErrorView {
    /// What is wrong with the request, and what to do.
    error: String,
}

impl From<ProblemDocument> for ErrorView {
    fn from(document: ProblemDocument) -> Self {
        Self { error: document.detail }
    }
}

/// Whether a path is one of the protocol's, where errors have its form.
pub fn speaks(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_status() {
        let name = || "x".to_owned();
        for (refusal, status) in [
            (Refusal::Model { name: name(), served: name() }, 404),
            (Refusal::Version { name: name(), version: name(), served: name() }, 404),
            (Refusal::Encoding, 415),
            (Refusal::Malformed(name()), 400),
            (RawError::Missing { name: name() }.into(), 400),
        ] {
            let problem = Problem::from(refusal);
            assert_eq!(problem.status().as_u16(), status, "{problem}");
        }
    }

    #[test]
    fn an_error_is_a_sentence_and_nothing_else() {
        let problem = Problem::from(Refusal::Encoding);
        let view = serde_json::to_value(ErrorView::from(problem.document("id-1"))).unwrap();
        assert_eq!(view, serde_json::json!({"error": problem.to_string()}));
        assert!(speaks("/v2") && speaks("/v2/models/a") && !speaks("/v1/models") && !speaks("/v2x"));
    }
}
