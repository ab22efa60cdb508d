//! The id a request is known by: in the log, in the response, in a problem document.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::AppState;

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

/// Gives the request its id and the response the same.
pub async fn request_id(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = RequestId::sent(&request).unwrap_or_else(|| RequestId(state.next_request_id()));
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
