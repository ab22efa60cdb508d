//! What a load showed, as it is told and written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::arrivals::Arrivals;
use crate::client::Lost;
use crate::figures::{Figures, Percentiles};
use crate::observe::Observed;
use crate::probe::Probed;

/// Above this share of late requests the client is what limits the figures.
pub const LATE: f64 = 0.01;

/// What drove a load.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "loop", rename_all = "lowercase")]
pub enum Driven {
    Open { rate: f64, arrivals: Arrivals },
    Closed { connections: usize },
}

/// What was measured beside the requests, from the end of the warm-up to the end of the load.
#[derive(Debug)]
pub struct Measured {
    pub seconds: f64,
    /// Requests answered with 200 in that time.
    pub finished: u64,
    /// Processor time of the client, in seconds.
    pub own_cpu: f64,
    pub observed: Option<Observed>,
}

/// The figures of one load. Times are in milliseconds; open loop counts requests that were due after the warm-up, closed loop those
/// that ended after it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub url: String,
    #[serde(flatten)]
    pub driven: Driven,
    pub seconds: f64,
    pub requests: u64,
    /// Requests answered with 200 per second, and the queries in them.
    pub throughput: f64,
    pub items_per_second: f64,
    /// Requests answered correctly within the objective, per second.
    pub goodput: f64,
    pub slo_ms: f64,
    /// From the intended send time (closed loop: the actual one) to the answer, of those answered with 200.
    pub latency_ms: Percentiles,
    /// As latency, from the actual send time.
    pub service_ms: Percentiles,
    /// From the intended send time to a 429.
    pub refusal_ms: Percentiles,
    pub statuses: BTreeMap<u16, u64>,
    pub lost: BTreeMap<Lost, u64>,
    pub unreadable: u64,
    /// Answers that differ from the first one to the same; always 0 without `--verify`.
    pub wrong: u64,
    pub complaint: Option<String>,
    pub late: Late,
    pub connections_opened: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub stages: Vec<Stage>,
    pub client: Spent,
    pub server: Option<Server>,
    pub probes: Vec<Probed>,
    pub interrupted: bool,
    /// Shares of the latencies below 1 with their milliseconds.
    pub curve: Vec<(f64, f64)>,
}

/// How true the client was to its schedule.
#[derive(Clone, Debug, Serialize)]
pub struct Late {
    pub bound_ms: f64,
    pub count: u64,
    pub share: f64,
    pub lateness_ms: Percentiles,
}

/// Time in one stage, as the server told it with its answers.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    pub name: String,
    #[serde(flatten)]
    pub times_ms: Percentiles,
}

/// Processor time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spent {
    pub cpu_seconds: f64,
    pub cpu_ms_per_answer: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Server {
    pub cpu_ms_per_answer: f64,
    #[serde(flatten)]
    pub observed: Observed,
}

impl Summary {
    pub fn new(url: &str, driven: Driven, figures: &Figures, measured: Measured) -> Self {
        let per_second = |count: u64| count as f64 / measured.seconds.max(f64::EPSILON);
        let per_answer = |cpu: f64| cpu * 1e3 / measured.finished.max(1) as f64;
        let own = Spent { cpu_seconds: measured.own_cpu, cpu_ms_per_answer: per_answer(measured.own_cpu) };
        let server = measured
            .observed
            .map(|observed| Server { cpu_ms_per_answer: per_answer(observed.cpu_seconds), observed });
        Self {
            url: url.to_owned(),
            driven,
            seconds: measured.seconds,
            requests: figures.requests,
            throughput: per_second(figures.answered),
            items_per_second: per_second(figures.items),
            goodput: per_second(figures.good),
            slo_ms: figures.bounds.slo.as_secs_f64() * 1e3,
            latency_ms: figures.latency.percentiles(),
            service_ms: figures.service.percentiles(),
            refusal_ms: figures.refusal.percentiles(),
            statuses: figures.statuses.clone(),
            lost: figures.lost.clone(),
            unreadable: figures.unreadable,
            wrong: figures.wrong,
            complaint: figures.complaint.clone(),
            late: Late {
                bound_ms: figures.bounds.late.as_secs_f64() * 1e3,
                count: figures.late,
                share: figures.late as f64 / figures.requests.max(1) as f64,
                lateness_ms: figures.lateness.percentiles(),
            },
            connections_opened: 0,
            sent_bytes: figures.sent_bytes,
            received_bytes: figures.received_bytes,
            stages: figures
                .stages
                .iter()
                .map(|(name, times)| Stage { name: name.clone(), times_ms: times.percentiles() })
                .collect(),
            client: own,
            server,
            probes: Vec::new(),
            interrupted: false,
            curve: figures.latency.curve(),
        }
    }

    /// Requests that were due per second.
    pub fn offered(&self) -> f64 {
        self.requests as f64 / self.seconds.max(f64::EPSILON)
    }

    /// Requests that got no answer that can be used, other than those refused because of the load.
    pub fn failed(&self) -> u64 {
        let odd = self.statuses.iter().filter(|(status, _)| ![200, 429].contains(*status));
        odd.map(|(_, count)| count).chain(self.lost.values()).sum::<u64>() + self.unreadable + self.wrong
    }

    /// Whether the client was too slow for the figures to be the server's.
    pub fn is_late(&self) -> bool {
        self.late.share > LATE || self.lost.contains_key(&Lost::Unsent)
    }
}
