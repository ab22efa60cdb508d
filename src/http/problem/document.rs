//! What a client reads of a problem.

use serde::Serialize;
use utoipa::ToSchema;

/// A problem as RFC 9457 writes it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Names the kind of problem; the same kind has the same URI.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub(super) kind: String,
    /// The kind of problem in words.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// What is wrong with this request, and what to do.
    pub(in crate::http) detail: String,
    /// The request's id, also in the header `X-Request-Id`.
    pub(super) request_id: String,
    /// The field of the request that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) field: Option<String>,
    /// The limit that was passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) limit: Option<u64>,
}

impl ProblemDocument {
    pub const MEDIA_TYPE: &str = "application/problem+json";
}

/// Error texts quote what a client sent, which may be as long as the body.
pub fn clip(mut text: String) -> String {
    const LONGEST: usize = 400;
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}
