//! The ops listener: probes, metrics and the contract at an address of their own, from the first moment to the last.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use reqwest::blocking::Client;

use crate::process::{Process, fails, serve};
use crate::support::ENDPOINTS;
use crate::support::pictures::{png, scene};
use crate::support::server::json_body;

fn status(url: &str) -> u16 {
    Client::new().get(url).send().unwrap().status().as_u16()
}

#[test]
fn the_ops_listener_answers_those_who_operate_and_nobody_else() {
    let process = Process::start(serve().args(["--grace-ms", "0"]));
    let ops = process.ops();
    assert_ne!(ops, process.url);
    for path in ["/health/live", "/health/ready", "/metrics", "/openapi.yaml", "/openapi.json"] {
        assert_eq!(status(&format!("{ops}{path}")), 200, "{path}");
        assert_eq!(process.get(path).status(), 200, "{path}");
    }
    assert_eq!(status(&format!("{ops}/v1/models")), 404);
    let metrics = Client::new().get(format!("{ops}/metrics")).send().unwrap().text().unwrap();
    for line in [
        r#"cmal_http_requests_total{method="GET",route="/openapi.yaml",status="200"} 2"#,
        r#"cmal_model_info{model="shapes","#,
        "cmal_ready 1\n",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    process.terminate();
    process.ended();
}

#[test]
fn the_ops_listener_lives_until_the_last_request_is_answered() {
    let process = Process::live(serve().args(["--grace-ms", "0"]));
    let ops = process.ops();
    assert_eq!(status(&format!("{ops}/health/live")), 200, "while the model loads");
    while status(&format!("{ops}/health/ready")) != 200 {
        thread::yield_now();
    }
    let address = process.url.strip_prefix("http://").unwrap().to_owned();
    let body = json_body(&png(&scene(64, 64, 0)), ENDPOINTS[0].1).to_string();
    let (start, last) = body.split_at(body.len() - 1);
    let mut connection = TcpStream::connect(&address).unwrap();
    let length = body.len();
    write!(
        connection,
        "POST /v1/vqa HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{start}"
    )
    .unwrap();
    let metrics = || Client::new().get(format!("{ops}/metrics")).send().unwrap().text().unwrap();
    while !metrics().contains("cmal_inflight_requests 2") {
        thread::yield_now();
    }
    process.terminate();
    while TcpStream::connect(&address).is_ok() {
        thread::yield_now();
    }
    assert_eq!(status(&format!("{ops}/health/live")), 200);
    assert_eq!(status(&format!("{ops}/health/ready")), 503);
    assert!(metrics().contains("cmal_ready 0\n"));
    connection.write_all(last.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (ended, log) = process.ended();
    assert_eq!(ended.code(), Some(0), "{log}");
}

#[test]
fn a_taken_ops_address_stops_the_server_and_off_needs_none() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = fails(serve().args(["--ops-bind", &address]));
    assert!(code == 1 && said.contains(&address) && said.contains("--ops-bind"), "{code}: {said}");
    let process = Process::start(serve().args(["--grace-ms", "0", "--ops-bind", "off"]));
    process.terminate();
    let (_, log) = process.ended();
    assert!(!log.contains("ops listener"), "{log}");
}
