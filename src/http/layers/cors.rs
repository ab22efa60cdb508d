//! Which pages of other origins a browser lets ask.

use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::uri::Uri;
use axum::http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Origins whose pages may ask: all, or some.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Origins(Vec<HeaderValue>);

const ALL: &str = "*";

impl FromStr for Origins {
    type Err = String;

    /// Reads `*`, or origins such as `https://shop.example` with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|origin| read(origin.trim())).collect::<Result<_, _>>().and_then(
            |origins: Vec<HeaderValue>| match origins.len() {
                2.. if origins.iter().any(|origin| origin == ALL) => {
                    Err(format!("`{ALL}` means every origin, so it stands alone"))
                }
                _ => Ok(Self(origins)),
            },
        )
    }
}

impl TryFrom<String> for Origins {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Browsers compare origins as texts, so one that they would never send is refused here.
fn read(origin: &str) -> Result<HeaderValue, String> {
    let sendable = || {
        let uri: Uri = origin.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        let exact = format!("{scheme}://{authority}").to_ascii_lowercase() == origin;
        (exact && !authority.as_str().contains('@')).then(|| HeaderValue::from_str(origin).ok())?
    };
    if origin == ALL {
        return Ok(HeaderValue::from_static(ALL));
    }
    sendable().ok_or_else(|| {
        format!(
            "`{origin}` is no origin: write it as browsers do, such as `https://shop.example`, without a path"
        )
    })
}

/// The layer that answers preflight requests and marks answers that pages of `origins` may read.
pub fn cors(origins: &Origins) -> CorsLayer {
    let named = |names: &[&'static str]| -> Vec<HeaderName> {
        names.iter().map(|name| HeaderName::from_static(name)).collect()
    };
    let origins = match origins.0.as_slice() {
        [only] if only == ALL => AllowOrigin::any(),
        some => AllowOrigin::list(some.iter().cloned()),
    };
    // Of the inference protocol, in both directions.
    const TEXT_LENGTH: &str = "inference-header-content-length";
    let mut sent = named(&[
        "x-api-key",
        "x-request-id",
        "x-request-timeout-ms",
        "traceparent",
        "tracestate",
        TEXT_LENGTH,
    ]);
    sent.extend([AUTHORIZATION, CONTENT_TYPE]);
    let mut read = named(&["x-request-id", "server-timing", TEXT_LENGTH]);
    read.extend([RETRY_AFTER, WWW_AUTHENTICATE]);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(sent)
        .expose_headers(read)
        .max_age(REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_send_them() {
        let origins: Origins = "https://shop.example, http://localhost:3000".parse().unwrap();
        assert_eq!(origins.0, ["https://shop.example", "http://localhost:3000"]);
        assert_eq!("*".parse::<Origins>().unwrap().0, ["*"]);
    }

    #[test]
    fn what_no_browser_sends_is_refused() {
        for text in [
            "",
            "shop.example",
            "https://shop.example/",
            "https://Shop.example",
            "https://shop.example/path",
            "https://user@shop.example",
            "https://shop.example,",
            "*, https://shop.example",
            "null",
        ] {
            assert!(text.parse::<Origins>().is_err(), "{text:?}");
        }
    }
}
