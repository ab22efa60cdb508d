//! Towards the end of a server, clients are asked to go elsewhere with their next request.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::AppState;

/// Has connections closed after the answer while the server is draining: a request sent on one that is about to be closed is lost.
pub async fn closing(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if state.is_draining() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
