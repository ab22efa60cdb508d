//! What is seen of a request from outside: its count, its duration, one line in the log, a trace, `Server-Timing`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::AppState;
use crate::http::problem::Refused;
use crate::http::traces::{Outcome, RequestSpan, sent_trace_id};
use crate::metrics::Held;
use crate::runtime::{Phase, Timing};

use super::{RequestId, Traced};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Label of requests that match no route: their paths are of the clients' making.
const UNMATCHED: &str = "unmatched";

/// Routes that machines ask every few seconds; their answers are worth no line in the log and no trace.
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
const CLIENT_LEFT: u16 = 499;

/// Counts and times the request, logs it, and tells the client where the time went.
pub async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let _inflight = Held::new(&state.metrics().inflight_requests);
    let traced = Traced::default();
    request.extensions_mut().insert(traced.clone());
    let mut seen = Observed::new(&state, &request, traced.clone());

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
    /// Length of the body that the client announced.
    bytes_in: Option<u64>,
    started: Instant,
    traced: Traced,
    span: Option<RequestSpan>,
    /// The trace that the request belongs to, ours or the client's.
    trace: Option<String>,
    answered: bool,
}

/// How a request ended.
struct End {
    status: u16,
    bytes_out: Option<u64>,
    cause: Option<String>,
}

impl<'a> Observed<'a> {
    fn new(state: &'a AppState, request: &Request, traced: Traced) -> Self {
        let (extensions, headers) = (request.extensions(), request.headers());
        let route = extensions.get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str).to_owned();
        let id = extensions.get::<RequestId>().map_or("", RequestId::as_str).to_owned();
        let method = label(request.method());
        let traces = state.traces().filter(|_| !is_probe(&route));
        let span = traces.map(|traces| traces.begin(headers, method, &route));
        let trace = span.as_ref().map(RequestSpan::trace_id).or_else(|| sent_trace_id(headers));
        let (bytes_in, started) = (announced(headers), Instant::now());
        Self { state, id, method, route, bytes_in, started, traced, span, trace, answered: false }
    }

    fn finish(&mut self, response: &Response) {
        self.answered = true;
        self.end(End {
            status: response.status().as_u16(),
            bytes_out: response.body().size_hint().exact(),
            cause: response.extensions().get::<Refused>().map(|Refused(problem)| problem.cause()),
        });
    }

    fn end(&mut self, end: End) {
        let elapsed = self.started.elapsed();
        self.count(end.status, elapsed);
        self.log(&end, elapsed);
        if let Some(span) = self.span.take() {
            let (id, traced) = (self.id.as_str(), &self.traced);
            let cause = end.cause.as_deref().or_else(|| (end.status == CLIENT_LEFT).then_some("client left"));
            let (model, key, timing) = (traced.model(), traced.key(), traced.timing());
            span.end(&Outcome { status: end.status, cause, id, model, key, timing });
        }
    }

    fn count(&self, status: u16, elapsed: Duration) {
        let metrics = self.state.metrics();
        metrics.http_requests.with_label_values(&[&self.route, self.method, &status.to_string()]).inc();
        metrics.http_request_duration.with_label_values(&[&self.route]).observe(elapsed.as_secs_f64());
    }

    fn log(&self, end: &End, elapsed: Duration) {
        let spent = |phase| {
            let spent = self.traced.timing()?.get(phase);
            (!spent.is_zero()).then(|| milliseconds(spent))
        };
        // The level is part of a log statement's static description, so it can't be a variable.
        macro_rules! tell {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    id = self.id,
                    method = self.method,
                    route = self.route,
                    status = end.status,
                    milliseconds = milliseconds(elapsed),
                    bytes_in = self.bytes_in,
                    bytes_out = end.bytes_out,
                    model = self.traced.model(),
                    key = self.traced.key(),
                    trace = self.trace.as_deref(),
                    decode_ms = spent(Phase::Decode),
                    objects_ms = spent(Phase::Objects),
                    vision_ms = spent(Phase::Vision),
                    text_ms = spent(Phase::Text),
                    queue_ms = spent(Phase::Queue),
                    fusion_ms = spent(Phase::Fusion),
                    association_ms = spent(Phase::Association),
                    raw_ms = spent(Phase::Raw),
                    cause = end.cause.as_deref(),
                    $message
                )
            };
        }
        match StatusCode::from_u16(end.status) {
            Ok(StatusCode::INTERNAL_SERVER_ERROR) => tell!(error, "request"),
            _ if is_probe(&self.route) => tell!(debug, "request"),
            _ if end.status == CLIENT_LEFT => tell!(info, "client left"),
            _ => tell!(info, "request"),
        }
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.end(End { status: CLIENT_LEFT, bytes_out: None, cause: None });
        }
    }
}

fn is_probe(route: &str) -> bool {
    PROBES.contains(&route)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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
