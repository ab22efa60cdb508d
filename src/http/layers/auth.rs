//! Who may ask: requests with one of the server's API keys, if it has any.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::extract::discard;
use crate::http::page::docs;
use crate::http::{AppState, Keys, Problem};

use super::Traced;

/// Carries a key, as `Authorization: Bearer KEY` does.
const API_KEY: &str = "x-api-key";

/// Routes that need no key: probes, because balancers have none; the contract, which is no secret; and the pages, because browsers send
/// none by themselves, and the pages ask for one.
const OPEN: [&str; 10] = [
    "/health/live",
    "/health/ready",
    "/v2/health/live",
    "/v2/health/ready",
    "/openapi.yaml",
    "/openapi.json",
    "/",
    "/docs",
    docs::SCRIPT,
    docs::STYLE,
];

/// Whether a request to this route needs a key where there are keys.
pub fn needs_key(route: &str) -> bool {
    !OPEN.contains(&route)
}

/// Lets requests with a key of the server's pass, and all where it has none. What no route takes needs a key too: strangers learn
/// nothing about paths.
pub async fn auth(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Some(keys) = state.keys() else { return next.run(request).await };
    let route = request.extensions().get::<MatchedPath>();
    if route.is_some_and(|route| !needs_key(route.as_str())) {
        return next.run(request).await;
    }
    match recognise(keys, request.headers()) {
        Ok(name) => {
            if let Some(traced) = request.extensions().get::<Traced>() {
                traced.with_key(name);
            }
            next.run(request).await
        }
        Err(problem) => {
            discard(request).await;
            problem.into_response()
        }
    }
}

/// The name of the key that a request carries. A proxy may have put a header of its own beside the client's, so any of them may be
/// the right one.
fn recognise(keys: &Keys, headers: &HeaderMap) -> Result<Arc<str>, Problem> {
    let mut sent = presented(headers).peekable();
    if sent.peek().is_none() {
        return Err(Problem::NoKey);
    }
    sent.find_map(|key| keys.name_of(key)).ok_or(Problem::WrongKey)
}

fn presented(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let bearers = headers.get_all(AUTHORIZATION).into_iter().filter_map(|value| {
        let (scheme, key) = value.to_str().ok()?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let plain = headers.get_all(API_KEY).into_iter().filter_map(|value| Some(value.to_str().ok()?.trim()));
    bearers.chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_both_headers_and_other_schemes_are_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(presented(&headers).count(), 0);
        headers.append(AUTHORIZATION, "Basic dXNlcjpwYXNz".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer".parse().unwrap());
        headers.append(AUTHORIZATION, "bearer  one ".parse().unwrap());
        headers.append(API_KEY, "two".parse().unwrap());
        assert_eq!(presented(&headers).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn metrics_and_the_model_need_a_key_and_probes_do_not() {
        assert!(needs_key("/metrics") && needs_key("/v1/vqa") && !needs_key("/health/live"));
    }
}
