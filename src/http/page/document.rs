//! A document of the binary as browsers are given it: with the policy that holds for it there, and a tag that spares sending it again.

use std::iter;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

pub struct Document {
    body: Bytes,
    headers: HeaderMap,
}

impl Document {
    /// A page that runs the scripts and styles written in it and those of `sources`, asks this server, and can do nothing else.
    pub fn page(html: &'static str, sources: &str) -> Self {
        let mut page = Self::new(Bytes::from_static(html.as_bytes()), "text/html; charset=utf-8");
        let policy = HeaderValue::from_str(&policy(html, sources)).expect("names and digests are plain text");
        page.headers.insert(CONTENT_SECURITY_POLICY, policy);
        page.headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        page
    }

    /// What a page loads, in gzip's form, which every browser takes.
    pub fn gzipped(body: Bytes, media_type: &'static str) -> Self {
        let mut loaded = Self::new(body, media_type);
        loaded.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        loaded
    }

    fn new(body: Bytes, media_type: &'static str) -> Self {
        let tag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..32]);
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (ETAG, HeaderValue::from_str(&tag).expect("hexadecimal is plain text")),
            // Kept, but asked for anew each time: the server may be another version tomorrow.
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ]);
        Self { body, headers }
    }

    /// The document, unless the request says that the browser has it.
    pub fn answer(&self, request: &HeaderMap) -> Response {
        if self.is_known(request) {
            let mut headers = self.headers.clone();
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_ENCODING);
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (self.headers.clone(), self.body.clone()).into_response()
    }

    fn is_known(&self, request: &HeaderMap) -> bool {
        let lists = request.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
        // A proxy that changes the encoding makes the tag a weak one.
        let mut known = lists.flat_map(|list| list.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
        known.any(|tag| tag == "*" || self.headers[ETAG] == tag)
    }
}

/// Scripts and styles in the page are named by their digests, so that none that gets into it some other way runs.
fn policy(html: &str, sources: &str) -> String {
    let allowed = |element| {
        let digests =
            contents(html, element).map(|text| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text))));
        let own = (!sources.is_empty()).then(|| sources.to_owned());
        own.into_iter().chain(digests).collect::<Vec<_>>().join(" ")
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        allowed("script"),
        allowed("style"),
    )
}

/// What is written in the page's elements of this name.
fn contents<'a>(html: &'a str, element: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let mut rest = html;
    let elements = iter::from_fn(move || {
        let (_, element) = rest.split_once(open.as_str())?;
        let (_, text) = element.split_once('>')?;
        let (text, after) = text.split_once(close.as_str())?;
        rest = after;
        Some(text)
    });
    elements.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "<style>p{}</style><script src=\"a.js\"></script><p>1</p><script type=\"module\">let a;</script>";

    #[test]
    fn a_policy_names_what_is_written_in_the_page_and_nothing_else() {
        let page = Document::page(PAGE, "'self'");
        let digest = |text: &str| STANDARD.encode(Sha256::digest(text));
        assert_eq!(
            page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap(),
            format!(
                "default-src 'none'; script-src 'self' 'sha256-{}'; style-src 'self' 'sha256-{}'; img-src data: blob:; \
                 connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                digest("let a;"),
                digest("p{}"),
            )
        );
        let alone = Document::page(PAGE, "");
        let alone = alone.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(alone.contains(&format!("; script-src 'sha256-{}'; ", digest("let a;"))), "{alone}");
    }

    #[test]
    fn a_document_that_the_browser_has_is_not_sent_again() {
        let page = Document::page(PAGE, "");
        let tag = page.headers[ETAG].to_str().unwrap();
        let asked = |tag: String| {
            let request = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(&tag).unwrap())]);
            page.answer(&request).status().as_u16()
        };
        assert_eq!(page.answer(&HeaderMap::new()).status(), StatusCode::OK);
        for known in [tag.to_owned(), format!("W/{tag}"), format!("\"1\", {tag}"), "*".to_owned()] {
            assert_eq!(asked(known.clone()), 304, "{known}");
        }
        for other in ["\"1\"", "", tag.trim_matches('"')] {
            assert_eq!(asked(other.to_owned()), 200, "{other}");
        }
    }
}
