//! Asks probes at a steady pace while the server is under load, from a thread of their own, as an operator's tools would.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::spawn_blocking;
use ureq::Agent;

use crate::client::locate;
use crate::failure::Failure;
use crate::figures::{Percentiles, Times};
use crate::stop::Stop;

/// Between two questions to one probe.
const EVERY: Duration = Duration::from_millis(50);
const TIMEOUT: Duration = Duration::from_secs(10);

/// How a probe was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Probed {
    pub url: String,
    /// Answers other than 200, and none at all.
    pub failed: u64,
    /// Milliseconds from when it was to be asked to its answer.
    pub latency_ms: Percentiles,
}

/// A probe that is asked until it is told to finish.
#[derive(Debug)]
pub struct Probe {
    thread: JoinHandle<Probed>,
    stop: Stop,
}

impl Probe {
    /// Starts asking; an address on another machine only if `remote` allows it.
    pub fn start(url: &str, remote: bool) -> Result<Self, Failure> {
        let (uri, _) = locate(url, remote)?;
        let config = Agent::config_builder().proxy(None).timeout_global(Some(TIMEOUT));
        let agent: Agent = config.build().into();
        let stop = Stop::new();
        let asked = stop.clone();
        let thread = thread::spawn(move || {
            let (mut times, mut failed) = (Times::new(), 0);
            let mut due = Instant::now();
            while !asked.is_asked() {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                // Any status but success is an error to it.
                let answered =
                    agent.get(uri.clone()).call().and_then(|mut answer| answer.body_mut().read_to_vec());
                // A probe that is stuck holds back those after it, and their time counts from when they were due.
                times.record(due.elapsed());
                failed += u64::from(answered.is_err());
                due += EVERY;
            }
            Probed { url: uri.to_string(), failed, latency_ms: times.percentiles() }
        });
        Ok(Self { thread, stop })
    }

    /// Waits for the question under way, without holding anything else back.
    pub async fn finish(self) -> Result<Probed, Failure> {
        self.stop.ask();
        let joined = spawn_blocking(|| self.thread.join()).await;
        joined.ok().and_then(Result::ok).ok_or_else(|| Failure::run("the thread of a probe panicked"))
    }
}
