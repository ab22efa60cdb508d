//! The id a request is known by: in the log, in the response, in a problem document.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::problem::{ProblemDocument, Refused};
use crate::http::{AppState, v2};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request at hand.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The client's own id, unless it is one that would garble a log line or a header.
    fn sent(request: &Request) -> Option<Self> {
        const LONGEST: usize = 128;
        let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
        let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
        ((1..=LONGEST).contains(&id.len()) && id.bytes().all(sane)).then(|| Self(id.to_owned()))
    }
}

/// Gives the request its id and the response the same; writes the problem document of a refused request.
pub async fn request_id(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = RequestId::sent(&request).unwrap_or_else(|| RequestId(state.next_request_id()));
    request.extensions_mut().insert(id.clone());
    let in_protocol = v2::speaks(request.uri().path());
    let mut response = next.run(request).await;
    if let Some(Refused(problem)) = response.extensions_mut().remove::<Refused>() {
        let document = problem.document(id.as_str());
        response = if in_protocol {
            with_body(response, "application/json", Json(v2::ErrorView::from(document)))
        } else {
            with_body(response, ProblemDocument::MEDIA_TYPE, Json(document))
        };
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Keeps the status and the headers that handler and layers set, and puts the document in place of the body.
fn with_body(refused: Response, media_type: &'static str, document: impl IntoResponse) -> Response {
    let (mut parts, _) = refused.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Response::from_parts(parts, document.into_response().into_body())
}
