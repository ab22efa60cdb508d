//! The spans of one request.

use std::time::{Instant, SystemTime};

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

use crate::runtime::Timing;

/// The span of a request that is being answered.
pub struct RequestSpan {
    tracer: SdkTracer,
    context: Context,
    started: (Instant, SystemTime),
}

/// How a request ended.
pub struct Outcome<'a> {
    pub status: u16,
    /// Why it was refused or not answered.
    pub cause: Option<&'a str>,
    pub id: &'a str,
    pub model: Option<&'a str>,
    pub key: Option<&'a str>,
    pub timing: Option<&'a Timing>,
}

impl RequestSpan {
    /// Starts a span under the one that the client's `traceparent` names, if there is one.
    pub(super) fn begin(tracer: &SdkTracer, headers: &HeaderMap, method: &'static str, route: &str) -> Self {
        let started = (Instant::now(), SystemTime::now());
        let builder = SpanBuilder::from_name(format!("{method} {route}"))
            .with_kind(SpanKind::Server)
            .with_start_time(started.1)
            .with_attributes([
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", route.to_owned()),
            ]);
        let span = tracer.build_with_context(builder, &sent(headers));
        Self { tracer: tracer.clone(), context: Context::new().with_span(span), started }
    }

    pub fn trace_id(&self) -> String {
        self.context.span().span_context().trace_id().to_string()
    }

    /// Ends the span now, with a child for each stretch of a phase.
    pub fn end(self, outcome: &Outcome<'_>) {
        let span = self.context.span();
        if !span.is_recording() {
            return;
        }
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(outcome.status)));
        let texts =
            [("cmal.request_id", Some(outcome.id)), ("cmal.model", outcome.model), ("cmal.key", outcome.key)];
        for (name, value) in texts {
            if let Some(value) = value {
                span.set_attribute(KeyValue::new(name, value.to_owned()));
            }
        }
        if let Some(cause) = outcome.cause {
            span.set_attribute(KeyValue::new("error.type", outcome.status.to_string()));
            span.set_attribute(KeyValue::new("cmal.cause", cause.to_owned()));
        }
        // A refusal is the client's error, not the server's.
        if outcome.status >= 500 {
            span.set_status(Status::error(outcome.cause.unwrap_or_default().to_owned()));
        }
        for stretch in outcome.timing.map(Timing::intervals).unwrap_or_default() {
            let begun = self.at(stretch.begun);
            let builder = SpanBuilder::from_name(stretch.phase.name()).with_start_time(begun);
            let mut child = self.tracer.build_with_context(builder, &self.context);
            child.end_with_timestamp(begun + stretch.spent);
        }
        span.end_with_timestamp(self.at(Instant::now()));
    }

    /// The time of day of an instant.
    fn at(&self, instant: Instant) -> SystemTime {
        let (started, time) = self.started;
        match instant.checked_duration_since(started) {
            Some(after) => time + after,
            None => time - started.duration_since(instant),
        }
    }
}

/// The id of the trace that the client's `traceparent` names.
pub fn sent_trace_id(headers: &HeaderMap) -> Option<String> {
    let context = sent(headers);
    context.has_active_span().then(|| context.span().span_context().trace_id().to_string())
}

/// What `traceparent` and `tracestate` (W3C Trace Context) say, if they are well formed.
fn sent(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_read_from_a_whole_traceparent_only() {
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([("traceparent".parse().unwrap(), text.parse().unwrap())]);
            sent_trace_id(&headers)
        };
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(read(&format!("00-{id}-b7ad6b7169203331-01")).as_deref(), Some(id));
        for broken in ["", "00", &format!("00-{id}"), "00-zz-b7ad6b7169203331-01"] {
            assert_eq!(read(broken), None, "{broken}");
        }
        assert_eq!(sent_trace_id(&HeaderMap::new()), None);
    }
}
