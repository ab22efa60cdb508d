//! `cmal serve` as a process: its settings, its log, its signals, its exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::Value;

use crate::support::ENDPOINTS;
use crate::support::pictures::{png, scene};
use crate::support::server::json_body;

/// More than any line of the log needs, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `cmal serve`; killed when a test fails before it ends.
pub struct Process {
    child: Child,
    pub url: String,
    /// Reads the log as it is written: a full pipe would hold the server.
    log: Option<JoinHandle<String>>,
    lines: Receiver<String>,
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
    command.env("CMAL_OPS_BIND", "127.0.0.1:0");
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
    pub fn live(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        let log = thread::spawn(move || {
            let mut text = String::new();
            for line in log.lines().map(Result::unwrap) {
                text.push_str(&line);
                text.push('\n');
                // Nobody waits for a line any more when the process is dropped.
                let _ = tell.send(line);
            }
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim().to_owned(), log: Some(log), lines }
    }

    /// The next line of the log that has this in it.
    pub fn logged(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the log lacks this line");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Root of the ops listener; asked once, after the start.
    pub fn ops(&self) -> String {
        let line = self.logged("ops listener ready");
        let address = line.split("127.0.0.1:").nth(1).unwrap();
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        format!("http://127.0.0.1:{port}")
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
pub fn fails(command: &mut Command) -> (i32, String) {
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
    let request = Client::new().post(format!("{}/v1/vqa", process.url)).header("x-request-id", "line-2");
    let request = request.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let answer = request.json(&json_body(&png(&scene(64, 64, 0)), ENDPOINTS[0].1)).send().unwrap();
    let length = answer.text().unwrap().len() as u64;
    let request =
        Client::new().post(format!("{}/v1/associations", process.url)).header("x-request-id", "line-3");
    let associated =
        request.json(&json_body(&png(&scene(64, 64, 0)), &[("text", "a circle")])).send().unwrap();
    assert_eq!(associated.status(), 200);
    let probe = Client::new().get(format!("{}/health/live", process.url)).header("x-request-id", "probe");
    assert_eq!(probe.send().unwrap().status(), 200);
    process.terminate();
    let (_, log) = process.ended();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |id: &str| -> Vec<&Value> {
        lines.iter().map(|line| &line["fields"]).filter(|line| line["id"] == id).collect()
    };
    let refused = told("line-1");
    assert_eq!(refused.len(), 1, "{log}");
    assert_eq!((refused[0]["route"].as_str(), refused[0]["status"].as_u64()), (Some("/v1/vqa"), Some(400)));
    assert!(refused[0]["cause"].as_str().unwrap().contains("image"), "{}", refused[0]);
    assert_eq!((refused[0]["bytes_in"].as_u64(), refused[0].get("decode_ms")), (Some(2), None));
    let answered = told("line-2");
    assert_eq!(answered.len(), 1, "{log}");
    for name in [
        "milliseconds",
        "decode_ms",
        "objects_ms",
        "vision_ms",
        "text_ms",
        "queue_ms",
        "fusion_ms",
        "bytes_in",
    ] {
        assert!(answered[0][name].as_f64().is_some_and(|value| value > 0.0), "{name} in {}", answered[0]);
    }
    assert_eq!(answered[0]["bytes_out"].as_u64(), Some(length));
    assert!(answered[0]["model"].as_str().unwrap().starts_with("shapes"), "{}", answered[0]);
    assert_eq!(answered[0]["trace"], "0af7651916cd43dd8448eb211c80319c");
    let associated = told("line-3");
    assert!(associated[0]["association_ms"].as_f64().is_some_and(|value| value > 0.0), "{}", associated[0]);
    assert_eq!(associated[0].get("decode_ms"), None, "the picture was seen before");
    assert_eq!((told("probe").len(), answered[0].get("key")), (0, None), "a probe is worth no line");
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
            .args(["serve", "--bind", &address, "--ops-bind", "off"])
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
