//! API keys: who has one may ask; the file is read again on a signal.

use std::fs;
use std::process::Command;
use std::thread;

use reqwest::blocking::{Client, Response};
use serde_json::Value;

use crate::process::{Process, fails, serve};
use crate::support::ENDPOINTS;

/// Makes a key by the command; returns it and its line.
fn key(name: &str) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cmal")).args(["key", name]).output().unwrap();
    assert!(output.status.success());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stderr).trim().to_owned(), text(output.stdout))
}

fn models(process: &Process, headers: &[(&str, &str)]) -> Response {
    let request = Client::new().get(format!("{}/v1/models", process.url));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().unwrap()
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

#[test]
fn a_server_with_keys_answers_those_who_have_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let (shop, line) = key("shop");
    let (stranger, _) = key("stranger");
    fs::write(&file, format!("# clients\n{line}")).unwrap();
    let mut command = serve();
    let process =
        Process::start(command.args(["--grace-ms", "0", "--log-format", "json"]).env("CMAL_API_KEYS", &file));
    let ops = process.ops();

    assert_eq!(models(&process, &[("authorization", &bearer(&shop))]).status(), 200);
    assert_eq!(models(&process, &[("authorization", "Basic eDp5"), ("x-api-key", &shop)]).status(), 200);
    let strangers = bearer(&stranger);
    let wrong: [&[(&str, &str)]; 3] = [&[], &[("authorization", &strangers)], &[("x-api-key", "guess")]];
    for headers in wrong {
        let refused = models(&process, headers);
        assert_eq!(refused.status(), 401);
        assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer realm="));
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        let id = refused.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(refused.json::<Value>().unwrap()["request_id"], id);
    }
    for path in ENDPOINTS.map(|(path, _)| path).into_iter().chain(["/v1/query", "/v1/images"]) {
        let request = Client::new().post(format!("{}{path}", process.url)).body(vec![b' '; 1 << 20]);
        assert_eq!(request.send().unwrap().status(), 401, "{path}");
    }
    let forgetting = Client::new().delete(format!("{}/v1/images/none", process.url));
    assert_eq!(forgetting.send().unwrap().status(), 401);
    for (path, status) in [
        ("/health/live", 200),
        ("/health/ready", 200),
        ("/openapi.yaml", 200),
        ("/openapi.json", 200),
        ("/", 200),
        ("/docs", 200),
        ("/docs/swagger-ui-bundle.js", 200),
        ("/docs/swagger-ui.css", 200),
        ("/metrics", 401),
        ("/no/such/path", 401),
    ] {
        assert_eq!(process.get(path).status(), status, "{path}");
    }
    assert_eq!(Client::new().get(format!("{ops}/metrics")).send().unwrap().status(), 200);

    process.terminate();
    let (_, log) = process.ended();
    let named = log.lines().filter(|line| line.contains(r#""key":"shop""#)).count();
    assert_eq!(named, 2, "{log}");
    assert!(!log.contains(&shop) && !log.contains(&stranger), "a key is in the log");
}

#[test]
fn keys_are_read_again_on_a_signal_and_a_broken_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let ((old, old_line), (new, new_line)) = (key("shop"), key("shop"));
    fs::write(&file, &old_line).unwrap();
    let process = Process::start(serve().args(["--grace-ms", "0", "--api-keys"]).arg(&file));
    let allowed = |key: &str| models(&process, &[("x-api-key", key)]).status() == 200;

    fs::write(&file, format!("{old_line}nonsense\n")).unwrap();
    process.signal("-HUP");
    let told = process.logged("the API keys stay as they were");
    assert!(told.contains("line 2"), "{told}");
    assert!(allowed(&old) && !allowed(&new));

    fs::write(&file, new_line).unwrap();
    process.signal("-HUP");
    while !allowed(&new) {
        thread::yield_now();
    }
    assert!(!allowed(&old));
    process.logged("API keys read again");
    process.terminate();
    process.ended();
}

#[test]
fn a_file_without_usable_keys_prevents_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    for (text, expected) in [("", "cmal key NAME"), ("shop secret\n", "line 1"), ("# none\n", "no API key")] {
        fs::write(&file, text).unwrap();
        let (code, said) = fails(serve().arg("--api-keys").arg(&file));
        assert!(code == 2 && said.contains(expected), "{code}: {said}");
    }
    let (code, said) = fails(Command::new(env!("CARGO_BIN_EXE_cmal")).args(["key", "two words"]));
    assert!(code == 2 && said.contains("two words"), "{code}: {said}");
}
