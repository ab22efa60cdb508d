//! Pages of other origins: none may ask unless the operator says so.

use std::fs;
use std::process::Command;

use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};

use crate::process::{Process, fails, serve};

const SHOP: &str = "https://shop.example";

fn ask(process: &Process, method: Method, origin: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}/v1/vqa", process.url)).header("origin", origin)
}

fn preflight(process: &Process, origin: &str) -> Response {
    let request = ask(process, Method::OPTIONS, origin).header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "content-type,x-api-key").send().unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn pages_of_listed_origins_may_ask_and_read_refusals_and_others_may_not() {
    let process = Process::start(serve().args(["--grace-ms", "0", "--cors-origins", SHOP]));
    let allowed = preflight(&process, SHOP);
    assert!(allowed.status().is_success());
    assert_eq!(header(&allowed, "access-control-allow-origin"), Some(SHOP));
    assert!(header(&allowed, "access-control-allow-methods").unwrap().contains("POST"));
    let sent = header(&allowed, "access-control-allow-headers").unwrap();
    for name in ["content-type", "authorization", "x-api-key", "x-request-id", "x-request-timeout-ms"] {
        assert!(sent.contains(name), "{name} in {sent}");
    }
    assert!(header(&allowed, "vary").unwrap().contains("origin"));
    let refused = ask(&process, Method::POST, SHOP).body("{}").send().unwrap();
    assert_eq!(refused.status(), 415);
    assert_eq!(header(&refused, "access-control-allow-origin"), Some(SHOP));
    assert!(header(&refused, "access-control-expose-headers").unwrap().contains("x-request-id"));
    let other = preflight(&process, "https://other.example");
    assert_eq!(header(&other, "access-control-allow-origin"), None);
    process.terminate();
    process.ended();
}

#[test]
fn a_preflight_needs_no_key_and_a_page_can_read_that_it_lacks_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let made = Command::new(env!("CARGO_BIN_EXE_cmal")).args(["key", "shop"]).output().unwrap();
    fs::write(&file, made.stdout).unwrap();
    let mut command = serve();
    let process =
        Process::start(command.args(["--grace-ms", "0", "--cors-origins", "*", "--api-keys"]).arg(&file));
    assert!(preflight(&process, SHOP).status().is_success());
    let refused = ask(&process, Method::POST, SHOP).body("{}").send().unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "access-control-allow-origin"), Some("*"));
    process.terminate();
    process.ended();
}

#[test]
fn without_the_setting_no_other_origin_may_ask() {
    let process = Process::start(serve().args(["--grace-ms", "0"]));
    let refused = preflight(&process, SHOP);
    assert_eq!(refused.status(), 405);
    assert_eq!(header(&refused, "access-control-allow-origin"), None);
    process.terminate();
    process.ended();
    let (code, said) = fails(serve().args(["--cors-origins", "shop.example"]));
    assert!(code == 2 && said.contains("`shop.example` is no origin"), "{code}: {said}");
}
