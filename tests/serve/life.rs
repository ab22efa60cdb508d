//! The life of a server: live at once, ready after the proof, and no accepted request lost at its end.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use cmal::bundle::Bundle;
use cmal::http::{self, AppState, Failure, Settings};
use cmal::metrics::Metrics;
use cmal::runtime::{self, Engine, StartError};
use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::support::pictures::{png, scene};
use crate::support::server::{bundle, json_body, listener, settings};
use crate::support::{ENDPOINTS, Reply, TestServer};

#[tokio::test]
async fn a_loading_server_is_live_and_says_that_it_is_not_ready() {
    let metrics = Arc::new(Metrics::new());
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    let (loaded, loading) = oneshot::channel::<Engine>();
    let (stop, stopped) = oneshot::channel::<()>();
    let state = AppState::new(settings(), Arc::clone(&metrics));
    let load = async { loading.await.map_err(|_| StartError::Interrupted) };
    let server = tokio::spawn(http::run(listener, state, load, async { drop(stopped.await) }));

    let client = Client::new();
    let get = async |path: &str| {
        Reply::read(client.get(format!("http://{address}{path}")).send().await.unwrap()).await
    };
    assert_eq!(get("/health/live").await.status, 200);
    assert_eq!(get("/metrics").await.status, 200);
    for path in ["/health/ready", "/v1/models", "/v1/models/shapes"] {
        let reply = get(path).await;
        reply.problem(503);
        assert!(reply.header("retry-after").is_some());
    }
    for (path, fields) in ENDPOINTS {
        let body = json_body(&png(&scene(32, 32, 0)), fields);
        let request = client.post(format!("http://{address}{path}")).json(&body);
        Reply::read(request.send().await.unwrap()).await.problem(503);
    }

    let starting = move || Engine::start(bundle(), &runtime::Settings::default(), metrics).unwrap();
    loaded.send(tokio::task::spawn_blocking(starting).await.unwrap()).unwrap();
    while get("/health/ready").await.status != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(get("/v1/models").await.status, 200);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_damaged_bundle_ends_the_server_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(bundle().folder()).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if path.ends_with("fusion.onnx") {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        fs::write(folder.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    let metrics = Arc::new(Metrics::new());
    let state = AppState::new(settings(), Arc::clone(&metrics));
    let load = async {
        let bundle = Bundle::open(folder.path())?;
        Engine::start(bundle, &runtime::Settings::default(), metrics)
    };
    let failure = http::run(listener().await, state, load, std::future::pending()).await.unwrap_err();
    assert!(
        matches!(failure, Failure::Start(StartError::Bundle(_)))
            && failure.to_string().contains("fusion.onnx")
    );
}

/// Sends a request but for the last byte of its body, and returns when the server is at work on it.
async fn half_sent(server: &TestServer) -> (TcpStream, u8) {
    let body = json_body(&png(&scene(64, 64, 0)), ENDPOINTS[0].1).to_string();
    let (start, last) = body.as_bytes().split_at(body.len() - 1);
    let address = server.address;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "POST /v1/vqa HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(start).await.unwrap();
    while server.metrics.inflight_requests.get() == 0 {
        tokio::task::yield_now().await;
    }
    (connection, last[0])
}

#[tokio::test]
async fn a_request_in_flight_at_the_end_is_answered() {
    let mut server = TestServer::start().await;
    let (mut connection, last) = half_sent(&server).await;
    server.stop();
    let address = server.address;
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    connection.write_all(&[last]).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains(r#""answer":"#), "{answer}");
    server.ended().await;
}

#[tokio::test]
async fn during_the_grace_time_requests_are_answered_though_the_server_is_not_ready() {
    let grace = Duration::from_secs(3600);
    let mut server = TestServer::with(Settings { grace, ..settings() }, runtime::Settings::default()).await;
    server.stop();
    while server.get("/health/ready").await.status == 200 {
        tokio::task::yield_now().await;
    }
    let reply = server.get("/health/ready").await;
    reply.problem(503);
    assert_eq!(reply.header("connection"), Some("close"), "the next request should go elsewhere");
    assert_eq!(server.get("/health/live").await.status, 200);
    server.ask("/v1/vqa", &png(&scene(64, 64, 0)), ENDPOINTS[0].1).await.answer();
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_server() {
    let drain = Duration::from_millis(50);
    let mut server = TestServer::with(Settings { drain, ..settings() }, runtime::Settings::default()).await;
    let (connection, _) = half_sent(&server).await;
    server.stop();
    server.ended().await;
    drop(connection);
    while server.metrics.inflight_requests.get() > 0 {
        tokio::task::yield_now().await;
    }
}
