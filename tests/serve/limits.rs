//! What a request may cost: bytes, time, a place among the accepted ones.

use std::num::NonZeroUsize;

use cmal::http::Settings;
use cmal::runtime;
use reqwest::multipart::{Form, Part};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::bad::noise;
use crate::support::pictures::{png, scene};
use crate::support::server::{json_body, settings};
use crate::support::{ENDPOINTS, Reply, TestServer};

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_in_both_forms_everywhere() {
    let limit = NonZeroUsize::new(64 << 10).unwrap();
    let server =
        TestServer::with(Settings { max_body: limit, ..settings() }, runtime::Settings::default()).await;
    let large = noise(400);
    for (path, fields) in ENDPOINTS {
        let problem = server.ask(path, &large, fields).await.problem(413);
        assert_eq!(problem["limit"].as_u64(), Some(64 << 10));
        server.ask_by_form(path, &large, fields).await.problem(413);
        server.ask_by_form(path, &png(&scene(64, 64, 0)), fields).await.answer();
    }
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_all_before_it_reads() {
    let limit = NonZeroUsize::new(8 << 20).unwrap();
    let server =
        TestServer::with(Settings { max_body: limit, ..settings() }, runtime::Settings::default()).await;
    let body = vec![b' '; 12 << 20];
    for (path, header, status) in [
        ("/v1/vqa", "content-type: application/json", 413),
        ("/v1/vqa", "content-type: text/plain", 415),
        ("/v1/vqa", "x-request-timeout-ms: soon", 400),
        ("/v1/models", "content-type: text/plain", 405),
        ("/v1/unknown", "content-type: text/plain", 404),
    ] {
        let mut connection = TcpStream::connect(server.address).await.unwrap();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: cmal\r\nconnection: close\r\n{header}\r\ncontent-length: {length}\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&body).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}, {header}: {answer}");
    }
}

#[tokio::test]
async fn several_megabytes_are_answered() {
    let server = TestServer::start().await;
    let large = noise(1_500);
    assert!(large.len() > 5 << 20);
    let by_json = server.ask("/v1/objects", &large, &[]).await.answer();
    assert_eq!(server.ask_by_form("/v1/objects", &large, &[]).await.answer(), by_json);
}

#[tokio::test]
async fn a_request_whose_time_is_over_is_told_so() {
    let server = TestServer::start().await;
    let body = json_body(&noise(1_500), ENDPOINTS[0].1);
    let request = server.post("/v1/vqa").header("x-request-timeout-ms", "1").json(&body);
    Reply::read(request.send().await.unwrap()).await.problem(504);
    let request = server.post("/v1/vqa").header("x-request-timeout-ms", "60000").json(&body);
    Reply::read(request.send().await.unwrap()).await.answer();
}

#[tokio::test]
async fn a_time_that_is_no_time_is_malformed() {
    let server = TestServer::start().await;
    let body = json_body(&png(&scene(64, 64, 0)), ENDPOINTS[0].1);
    for time in ["0", "-1", "soon", "1.5"] {
        let request = server.post("/v1/vqa").header("x-request-timeout-ms", time).json(&body);
        let problem = Reply::read(request.send().await.unwrap()).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains("X-Request-Timeout-Ms"));
    }
}

#[tokio::test]
async fn a_request_beyond_those_accepted_is_shed_and_told_when_to_return() {
    let one = runtime::Settings { in_flight: NonZeroUsize::MIN, ..runtime::Settings::default() };
    let server = TestServer::with(settings(), one).await;
    let picture = png(&scene(64, 64, 0));
    let place = server.engine.admit(None).unwrap();
    for (path, fields) in ENDPOINTS {
        let reply = server.ask(path, &picture, fields).await;
        reply.problem(429);
        assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    }
    drop(place);
    let form = Form::new().part("image", Part::bytes(picture));
    Reply::read(server.post("/v1/objects").multipart(form).send().await.unwrap()).await.answer();
}
