//! Servers that the report starts, and that end with it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ureq::Agent;

use crate::failure::Failure;

use super::ReportArgs;

/// A server that isn't ready by then never will be.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// A running server; it is killed when this is dropped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    pub url: String,
    /// Where its probes are asked.
    pub probes: String,
    agent: Agent,
}

impl Served {
    /// `cmal serve` with the bundle of the report and further options, on free ports.
    pub fn cmal(args: &ReportArgs, options: &[&str]) -> Result<Self, Failure> {
        Self::cmal_with(args, &args.model, options)
    }

    /// As [`cmal`](Self::cmal), with other models.
    pub fn cmal_with(args: &ReportArgs, models: &Path, options: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(&args.cmal);
        command.arg("serve").arg("--models").arg(models).args(["--bind", "127.0.0.1:0"]).args(options);
        let ops = if knows(&args.cmal, "--ops-bind")? { Some(free_port()?) } else { None };
        if let Some(port) = ops {
            command.args(["--ops-bind", &format!("127.0.0.1:{port}")]);
        }
        let mut served = Self::start(command, &args.cmal)?;
        if let Some(port) = ops {
            served.probes = format!("http://127.0.0.1:{port}");
        }
        served.until_ready()?;
        Ok(served)
    }

    /// The server in Python.
    pub fn fastapi(args: &ReportArgs) -> Result<Self, Failure> {
        let mut command = Command::new(&args.fastapi);
        command.arg("--model").arg(&args.model).args(["--port", "0"]);
        let served = Self::start(command, &args.fastapi)?;
        served.until_ready()?;
        Ok(served)
    }

    /// The first line on its standard output is its address.
    fn start(mut command: Command, program: &Path) -> Result<Self, Failure> {
        // What it logs isn't read, but it is written as in operation.
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| Failure::file("start", program, &error))?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        let config = Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(10)));
        let served = Self { child, probes: url.clone(), url, agent: config.build().into() };
        if served.url.starts_with("http://") {
            Ok(served)
        } else {
            Err(Failure::run(format!("{} ended without saying where it listens", program.display())))
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn until_ready(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.get("/health/ready").is_none() {
            if begun.elapsed() > PATIENCE {
                return Err(Failure::run(format!("{} didn't become ready", self.url)));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// The body of a successful answer.
    pub fn get(&self, path: &str) -> Option<String> {
        let response = self.agent.get(format!("{}{path}", self.url)).call();
        response.ok()?.body_mut().read_to_string().ok()
    }

    /// The sum of a metric over its labels; 0 where there is none.
    pub fn sum_of(&self, metric: &str) -> f64 {
        let metrics = self.get("/metrics").unwrap_or_default();
        let values = metrics.lines().filter_map(|line| {
            let rest = line.strip_prefix(metric)?;
            let value = rest.strip_prefix(' ').or_else(|| rest.rsplit_once("} ").map(|(_, value)| value))?;
            value.parse::<f64>().ok()
        });
        values.sum()
    }

    /// Whether it serves a path at all.
    pub fn has(&self, path: &str) -> bool {
        let contract = self.get("/openapi.json").unwrap_or_default();
        contract.contains(&format!("\"{path}\""))
    }

    pub fn signal(&self, name: &str) -> Result<(), Failure> {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status()?;
        if sent.success() {
            Ok(())
        } else {
            Err(Failure::run(format!("the server didn't get the signal {name}")))
        }
    }

    /// Whether it has ended, and as it should.
    pub fn ended(&mut self) -> Result<Option<bool>, Failure> {
        Ok(self.child.try_wait()?.map(|status| status.success()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether `cmal serve` has an option.
fn knows(program: &Path, option: &str) -> Result<bool, Failure> {
    let help = Command::new(program).args([OsStr::new("serve"), OsStr::new("--help")]).output();
    let help = help.map_err(|error| Failure::file("start", program, &error))?;
    Ok(String::from_utf8_lossy(&help.stdout).contains(option))
}

fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
