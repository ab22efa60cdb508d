//! What is seen of a request from outside: its count, its duration, one line in the log, `Server-Timing`.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::AppState;
use crate::http::problem::Refused;
use crate::metrics::Held;
use crate::runtime::{Call, Timing};

use super::RequestId;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Label of requests that match no route: their paths are of the clients' making.
const UNMATCHED: &str = "unmatched";

/// Routes that machines ask every few seconds; their answers are worth no line in the log.
const PROBES: [&str; 7] = [
    "/health/live",
    "/health/ready",
    "/metrics",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/{model}/ready",
    "/v2/models/{model}/versions/{version}/ready",
];

/// Status under which requests are counted whose client left before the answer was there.
const CLIENT_LEFT: &str = "499";

/// Where a handler leaves the call that answers the request, so that its durations can be shown.
#[derive(Clone, Default)]
pub struct Traced(Arc<OnceLock<Call>>);

impl Traced {
    pub fn set(&self, call: &Call) {
        self.0.get_or_init(|| call.clone());
    }

    fn timing(&self) -> Option<&Timing> {
        self.0.get().map(Call::timing)
    }
}

/// Counts and times the request, logs it, and tells the client where the time went.
pub async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let _inflight = Held::new(&state.metrics().inflight_requests);
    let traced = Traced::default();
    request.extensions_mut().insert(traced.clone());
    let mut seen = Observed::new(&state, &request);

    let mut response = next.run(request).await;

    if let Some(timing) = traced.timing().and_then(server_timing) {
        response.headers_mut().insert(SERVER_TIMING, timing);
    }
    seen.finish(&response);
    response
}

/// One request under observation. A future that is dropped half-way means that the client left, and is recorded as such.
struct Observed<'a> {
    state: &'a AppState,
    id: String,
    method: &'static str,
    route: String,
    started: Instant,
    answered: bool,
}

impl<'a> Observed<'a> {
    fn new(state: &'a AppState, request: &Request) -> Self {
        let extensions = request.extensions();
        let route = extensions.get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str).to_owned();
        let id = extensions.get::<RequestId>().map_or("", RequestId::as_str).to_owned();
        Self { state, id, method: label(request.method()), route, started: Instant::now(), answered: false }
    }

    fn finish(&mut self, response: &Response) {
        self.answered = true;
        let elapsed = self.count(response.status().as_str());
        let status = response.status();
        let timing =
            response.headers().get(SERVER_TIMING).and_then(|value| value.to_str().ok()).unwrap_or("");
        let cause = response.extensions().get::<Refused>().map(|Refused(problem)| problem.cause());
        let (id, method, route) = (&self.id, self.method, &self.route);
        let (cause, milliseconds) = (cause.as_deref(), milliseconds(elapsed));
        // The level is part of a log statement's static description, so it can't be a variable.
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    id,
                    method,
                    route,
                    status = status.as_u16(),
                    milliseconds,
                    timing,
                    cause,
                    "request"
                )
            };
        }
        match status {
            StatusCode::INTERNAL_SERVER_ERROR => tell!(error),
            _ if PROBES.contains(&route.as_str()) => tell!(debug),
            _ => tell!(info),
        }
    }

    fn count(&self, status: &str) -> Duration {
        let elapsed = self.started.elapsed();
        let metrics = self.state.metrics();
        metrics.http_requests.with_label_values(&[&self.route, self.method, status]).inc();
        metrics.http_request_duration.with_label_values(&[&self.route]).observe(elapsed.as_secs_f64());
        elapsed
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let milliseconds = milliseconds(self.count(CLIENT_LEFT));
            tracing::info!(
                id = self.id,
                method = self.method,
                route = self.route,
                milliseconds,
                "client left"
            );
        }
    }
}

/// Methods are free text; the label takes only the standard ones.
fn label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn server_timing(timing: &Timing) -> Option<HeaderValue> {
    let mut text = String::new();
    for (phase, spent) in timing.phases() {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}{};dur={:.3}", phase.name(), milliseconds(spent));
    }
    if text.is_empty() { None } else { HeaderValue::from_str(&text).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_the_clients_making_share_a_label() {
        assert_eq!(label(&Method::POST), "POST");
        assert_eq!(label(&Method::from_bytes(b"BREW").unwrap()), "OTHER");
    }
}
