//! `GET /docs`: the contract as a reference to read and to send requests from. Swagger UI draws it; what it consists of lies in the
//! binary, so that it works without a connection to anywhere else.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use super::document::Document;

pub const SCRIPT: &str = "/docs/swagger-ui-bundle.js";
pub const STYLE: &str = "/docs/swagger-ui.css";

static PAGE: LazyLock<Document> = LazyLock::new(|| Document::page(include_str!("docs.html"), "'self'"));
static LOADED_SCRIPT: LazyLock<Document> = LazyLock::new(|| loaded(SCRIPT, "text/javascript; charset=utf-8"));
static LOADED_STYLE: LazyLock<Document> = LazyLock::new(|| loaded(STYLE, "text/css; charset=utf-8"));

/// This contract as a page
///
/// Requests can be sent from it, with an API key if one is needed.
#[utoipa::path(get, path = "/docs", tag = "pages", operation_id = "docs", responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
))]
pub async fn page(request: HeaderMap) -> Response {
    PAGE.answer(&request)
}

/// What the page runs.
pub async fn script(request: HeaderMap) -> Response {
    LOADED_SCRIPT.answer(&request)
}

/// What the page looks like.
pub async fn style(request: HeaderMap) -> Response {
    LOADED_STYLE.answer(&request)
}

/// A file of Swagger UI, by the path it is served at.
fn loaded(path: &str, media_type: &'static str) -> Document {
    let name = path.trim_start_matches("/docs/");
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default()));
    let file = file.ok().flatten().expect("Swagger UI has a script and a style sheet");
    assert!(file.gzpipped, "Swagger UI is built in compressed");
    let body = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Document::gzipped(body, media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_what_is_served() {
        let page = include_str!("docs.html");
        for path in [SCRIPT, STYLE] {
            // Without the slash: the page works below a proxy's prefix too.
            assert!(page.contains(&format!("\"{}\"", &path[1..])), "{path}");
        }
        LazyLock::force(&LOADED_SCRIPT);
        LazyLock::force(&LOADED_STYLE);
    }
}
