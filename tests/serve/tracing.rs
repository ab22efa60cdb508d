//! Traces: a collector of this test receives the spans of a request.

use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::blocking::Client;

use crate::process::{Process, fails, serve};
use crate::support::ENDPOINTS;
use crate::support::pictures::{png, scene};
use crate::support::server::json_body;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const PATIENCE: Duration = Duration::from_secs(60);

/// A collector at a free port: its root, and what is delivered to it.
fn collector() -> (String, Receiver<ExportTraceServiceRequest>) {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let (deliver, delivered) = channel();
    let routes = Router::new().route("/v1/traces", post(take)).with_state(deliver);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, routes).await.unwrap();
        });
    });
    (root, delivered)
}

async fn take(State(deliver): State<Sender<ExportTraceServiceRequest>>, body: Bytes) {
    // The test may have seen enough.
    let _ = deliver.send(ExportTraceServiceRequest::decode(body).unwrap());
}

fn spans(request: &ExportTraceServiceRequest) -> Vec<Span> {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| scope.spans.clone()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    found.value.as_ref()?.value.as_ref()
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

/// Asks as a client whose trace is recorded (`01`) or not (`00`).
fn ask(process: &Process, sampled: &str) -> u16 {
    let body = json_body(&png(&scene(64, 64, 0)), ENDPOINTS[0].1);
    let request = Client::new().post(format!("{}/v1/vqa", process.url)).json(&body);
    let parent = format!("00-{TRACE}-{PARENT}-{sampled}");
    request.header("traceparent", parent).header("x-request-id", "t-1").send().unwrap().status().as_u16()
}

#[test]
fn a_request_is_a_span_under_the_clients_with_a_child_for_each_stage() {
    let (root, delivered) = collector();
    let process = Process::start(serve().args(["--grace-ms", "0", "--otlp-endpoint", &root]));
    assert_eq!(ask(&process, "01"), 200);
    process.terminate();
    let (ended, log) = process.ended();
    assert_eq!(ended.code(), Some(0), "{log}");

    let request = delivered.recv_timeout(PATIENCE).unwrap();
    let resource = &request.resource_spans[0].resource.as_ref().unwrap().attributes;
    assert_eq!(attribute(resource, "service.name"), Some(&text("cmal")));
    assert_eq!(attribute(resource, "service.version"), Some(&text(env!("CARGO_PKG_VERSION"))));
    let spans = spans(&request);
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE), "probes have no spans");
    let (whole, stages): (Vec<&Span>, Vec<&Span>) =
        spans.iter().partition(|span| span.name == "POST /v1/vqa");
    assert_eq!(whole.len(), 1);
    let whole = whole[0];
    assert_eq!(hex(&whole.parent_span_id), PARENT);
    for (name, value) in [
        ("http.route", text("/v1/vqa")),
        ("cmal.request_id", text("t-1")),
        ("http.response.status_code", Value::IntValue(200)),
    ] {
        assert_eq!(attribute(&whole.attributes, name), Some(&value));
    }
    for stage in ["decode", "objects", "vision", "text", "queue", "fusion"] {
        assert!(stages.iter().any(|span| span.name == stage), "no {stage}");
    }
    for stage in stages {
        assert_eq!(stage.parent_span_id, whole.span_id, "{}", stage.name);
        let inside = whole.start_time_unix_nano..=whole.end_time_unix_nano;
        assert!(inside.contains(&stage.start_time_unix_nano), "{} begins outside", stage.name);
        assert!(inside.contains(&stage.end_time_unix_nano), "{} ends outside", stage.name);
    }
}

#[test]
fn a_trace_that_the_client_does_not_record_is_not_sent() {
    let (root, delivered) = collector();
    let process = Process::start(serve().args(["--grace-ms", "0", "--otlp-endpoint", &root]));
    assert_eq!(ask(&process, "00"), 200);
    process.terminate();
    process.ended();
    assert!(delivered.try_recv().is_err());
}

#[test]
fn a_collector_that_is_not_there_disturbs_nobody() {
    let gone = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut command = serve();
    command.args(["--grace-ms", "0", "--otlp-endpoint", &format!("http://{gone}")]);
    let process = Process::start(command.env("OTEL_BSP_SCHEDULE_DELAY", "10"));
    assert_eq!(ask(&process, "01"), 200);
    process.logged("the collector takes no traces");
    assert_eq!(ask(&process, "01"), 200);
    process.terminate();
    let (ended, log) = process.ended();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert_eq!(log.matches("the collector takes no traces").count(), 1, "{log}");
    let (code, said) = fails(serve().args(["--otlp-endpoint", "https://collector"]));
    assert!(code == 2 && said.contains("TLS"), "{code}: {said}");
}
