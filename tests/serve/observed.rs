//! What operators and clients see of a request: its id, its timing, its metrics.

use crate::support::pictures::{png, scene};
use crate::support::server::json_body;
use crate::support::{ENDPOINTS, Reply, TestServer};

#[tokio::test]
async fn a_request_id_is_echoed_on_answers_and_problems() {
    let server = TestServer::start().await;
    let body = json_body(&png(&scene(64, 64, 0)), ENDPOINTS[0].1);
    let send = async |id: &str, body: &serde_json::Value| {
        let request = server.post("/v1/vqa").header("x-request-id", id).json(body);
        Reply::read(request.send().await.unwrap()).await
    };
    let answer = send("order-66/a", &body).await;
    answer.answer();
    assert_eq!(answer.header("x-request-id"), Some("order-66/a"));
    let problem = send("order-67", &serde_json::json!({})).await.problem(400);
    assert_eq!(problem["request_id"], "order-67");
}

#[tokio::test]
async fn requests_without_a_usable_id_get_one_of_their_own() {
    let server = TestServer::start().await;
    let long = "x".repeat(129);
    let mut ids = Vec::new();
    for sent in
        [&b""[..], b"two words", b"a\"b", b"{id}", b"a\tb", "\u{e9}".as_bytes(), b"\xff", long.as_bytes()]
    {
        let request = server.client.get(server.url("/health/live")).header("x-request-id", sent);
        let reply = Reply::read(request.send().await.unwrap()).await;
        let id = reply.header("x-request-id").unwrap().to_owned();
        assert!(!id.is_empty() && id.as_bytes() != sent, "{sent:?}");
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[tokio::test]
async fn every_answer_of_the_model_tells_where_its_time_went() {
    let server = TestServer::start().await;
    for (shift, (path, fields)) in (0..).zip(ENDPOINTS) {
        // Another picture each time: nothing is computed of one that was seen.
        let reply = server.ask(path, &png(&scene(128, 96, shift)), fields).await;
        let timing = reply.header("server-timing").unwrap().to_owned();
        // Objects are found without a text.
        let phases: &[&str] = match path {
            "/v1/objects" => &["decode", "objects", "queue"],
            "/v1/associations" => &["decode", "objects", "vision", "text", "queue", "association"],
            _ => &["decode", "objects", "vision", "text", "queue", "fusion"],
        };
        for phase in phases {
            let entry = timing.split(", ").find(|entry| entry.starts_with(&format!("{phase};dur=")));
            let entry = entry.unwrap_or_else(|| panic!("no {phase} in {timing} of {path}"));
            let milliseconds: f64 = entry[phase.len() + 5..].parse().unwrap();
            assert!((0.0..30_000.0).contains(&milliseconds));
        }
    }
}

#[tokio::test]
async fn requests_stages_and_the_model_are_measured() {
    let server = TestServer::start().await;
    for (path, fields) in ENDPOINTS {
        server.ask(path, &png(&scene(64, 64, 0)), fields).await.answer();
    }
    server.get("/secret/path/42").await.problem(404);
    server.json("/v1/vqa", &serde_json::json!({})).await.problem(400);
    let reply = server.get("/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4"));
    for line in [
        r#"cmal_http_requests_total{method="POST",route="/v1/vqa",status="200"} 1"#,
        r#"cmal_http_requests_total{method="POST",route="/v1/vqa",status="400"} 1"#,
        r#"cmal_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"cmal_http_request_duration_seconds_count{route="/v1/match"} 1"#,
        r#"cmal_stage_compute_seconds_count{stage="objects"}"#,
        r#"cmal_stage_compute_seconds_count{stage="vision"}"#,
        r#"cmal_stage_queue_seconds_count{stage="fusion"}"#,
        r#"cmal_batch_size_count{stage="text"}"#,
        r#"cmal_batch_padding_ratio_count{stage="fusion"}"#,
        r#"cmal_queue_depth{stage="objects"} 0"#,
        r#"cmal_rejected_total{reason="overloaded"} 0"#,
        r#"cmal_model_info{model="shapes","#,
        // The request for the metrics itself.
        "cmal_inflight_requests 1",
        "process_resident_memory_bytes",
    ] {
        assert!(reply.body.contains(line), "{line} is missing in\n{}", reply.body);
    }
    assert!(!reply.body.contains("secret"), "a path became a label");
}
