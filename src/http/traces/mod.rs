//! OpenTelemetry traces: a span for each request with a child for each stretch that it spent in a stage, sent to a collector by OTLP.

mod collector;
mod request;

pub use collector::{Endpoint, Traces, TracesError};
pub use request::{Outcome, RequestSpan, sent_trace_id};
