//! `cmal serve` as a process: its settings, its log, its signals, its exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::Value;

use crate::support::ENDPOINTS;
use crate::support::pictures::{png, scene};
use crate::support::server::json_body;

/// A running `cmal serve`; killed when a test fails before it ends.
pub struct Process {
    child: Child,
    pub url: String,
    /// Reads the log as it is written: a full pipe would hold the server.
    log: Option<JoinHandle<String>>,
}

/// `cmal serve` on a free port with nothing from the environment of this test but the ONNX Runtime library.
pub fn serve() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cmal"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CMAL_") && name != "CMAL_ONNXRUNTIME" {
            command.env_remove(name);
        }
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["serve", "--bind", "127.0.0.1:0"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Process {
    /// A server that is ready.
    pub fn start(command: &mut Command) -> Self {
        let process = Self::live(command);
        assert!(process.url.starts_with("http://127.0.0.1:"), "{}", process.failure());
        while !process.get("/health/ready").status().is_success() {
            thread::yield_now();
        }
        process
    }

    /// A server that listens.
    fn live(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut log = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).unwrap();
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim().to_owned(), log: Some(log) }
    }

    pub fn get(&self, path: &str) -> reqwest::blocking::Response {
        Client::new().get(format!("{}{path}", self.url)).send().unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; returns the exit status and the log.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let log = self.log.take().unwrap().join().unwrap();
        (self.child.wait().unwrap(), log)
    }

    fn failure(&self) -> String {
        format!("`cmal serve` printed {:?} instead of its address", self.url)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that must fail; returns its exit code and what it said.
fn fails(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn a_signal_with_requests_in_flight_loses_none_and_exits_with_zero() {
    let process = Process::start(serve().args(["--grace-ms", "0"]));
    let address = process.url.strip_prefix("http://").unwrap().to_owned();
    let body = json_body(&png(&scene(64, 64, 0)), ENDPOINTS[0].1).to_string();
    let (start, last) = body.split_at(body.len() - 1);
    let connections: Vec<TcpStream> = (0..6)
        .map(|_| {
            let mut connection = TcpStream::connect(&address).unwrap();
            write!(
                connection,
                "POST /v1/vqa HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{start}",
                body.len()
            )
            .unwrap();
            connection
        })
        .collect();
    while !process.get("/metrics").text().unwrap().contains("cmal_inflight_requests 7") {
        thread::yield_now();
    }
    process.terminate();
    while TcpStream::connect(&address).is_ok() {
        thread::yield_now();
    }
    for mut connection in connections {
        connection.write_all(last.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let (status, log) = process.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_signal_while_the_model_loads_ends_the_server_too() {
    let process = Process::live(serve().args(["--grace-ms", "0"]));
    process.terminate();
    assert_eq!(process.ended().0.code(), Some(0));
}

#[test]
fn one_line_of_the_log_tells_of_a_request() {
    let process = Process::start(serve().args(["--grace-ms", "0", "--log-format", "json"]));
    let request = Client::new().post(format!("{}/v1/vqa", process.url)).header("x-request-id", "line-1");
    assert_eq!(request.body("{}").header("content-type", "application/json").send().unwrap().status(), 400);
    process.terminate();
    let (_, log) = process.ended();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&Value> =
        lines.iter().map(|line| &line["fields"]).filter(|line| line["id"] == "line-1").collect();
    assert_eq!(told.len(), 1, "{log}");
    assert_eq!((told[0]["route"].as_str(), told[0]["status"].as_u64()), (Some("/v1/vqa"), Some(400)));
    assert!(told[0]["cause"].as_str().unwrap().contains("image"), "{}", told[0]);
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cmal.toml");
    std::fs::write(&file, "max-pairs = 11\nmax-request-ms = 12\nmax-body-bytes = 13000\n").unwrap();
    let process = Process::start(
        serve()
            .args(["--grace-ms", "0", "--max-pairs", "31"])
            .env("CMAL_CONFIG", &file)
            .env("CMAL_MAX_PAIRS", "21")
            .env("CMAL_MAX_REQUEST_MS", "22"),
    );
    let models: Value = process.get("/v1/models").json().unwrap();
    let limits = &models["models"][0]["limits"];
    let read = ["pairs", "request_ms", "body_bytes"].map(|name| limits[name].as_u64());
    assert_eq!(read, [Some(31), Some(22), Some(13_000)]);
    process.terminate();
    process.ended();
}

#[test]
fn what_prevents_a_start_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let started = Instant::now();
    let (code, said) = fails(serve().args(["--onnxruntime", "/nowhere/libonnxruntime.so"]));
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(code == 1 && said.contains("/nowhere/libonnxruntime.so"), "{code}: {said}");
    let (code, said) = fails(serve().args(["--models", folder]));
    assert!(code == 2 && said.contains("no bundle"), "{code}: {said}");
    let (code, said) = fails(serve().args(["--queue", "0"]));
    assert!(code == 2 && said.contains("--queue"), "{code}: {said}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = fails(
        Command::new(env!("CARGO_BIN_EXE_cmal"))
            .args(["serve", "--bind", &address])
            .current_dir(env!("CARGO_MANIFEST_DIR")),
    );
    assert!(code == 1 && said.contains(&address), "{code}: {said}");
}

#[test]
fn the_command_prints_the_checked_in_contract() {
    let output = Command::new(env!("CARGO_BIN_EXE_cmal")).arg("openapi").output().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    assert!(
        output.stdout == std::fs::read(file).unwrap(),
        "openapi.yaml is not what the code says: run `make openapi`"
    );
}
