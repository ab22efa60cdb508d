//! The problem document of a refused request, with the request's id in it.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::problem::{ProblemDocument, Refused};
use crate::http::v2;

use super::RequestId;

/// Writes the document of a refusal. The problem itself stays with the response: its cause is for the log.
pub async fn document(request: Request, next: Next) -> Response {
    let in_protocol = v2::speaks(request.uri().path());
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let Some(Refused(problem)) = response.extensions().get::<Refused>().cloned() else { return response };
    let document = problem.document(id.as_ref().map_or("", RequestId::as_str));
    if in_protocol {
        with_body(response, "application/json", Json(v2::ErrorView::from(document)))
    } else {
        with_body(response, ProblemDocument::MEDIA_TYPE, Json(document))
    }
}

/// Keeps the status and the headers that handler and layers set, and puts the document in place of the body.
fn with_body(refused: Response, media_type: &'static str, document: impl IntoResponse) -> Response {
    let (mut parts, _) = refused.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Response::from_parts(parts, document.into_response().into_body())
}
