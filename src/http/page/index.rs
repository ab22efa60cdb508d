//! `GET /`: a page on which the model is shown a picture and asked about it. It is one more client of `/v1`.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;

use super::document::Document;

static PAGE: LazyLock<Document> = LazyLock::new(|| Document::page(include_str!("index.html"), ""));

/// A page to try the model
///
/// It asks this server as any client does, and for an API key if one is needed.
#[utoipa::path(get, path = "/", tag = "pages", operation_id = "page", responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
))]
pub async fn page(request: HeaderMap) -> Response {
    PAGE.answer(&request)
}
