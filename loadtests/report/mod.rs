//! The figures that serving is judged by, each measured and held against what it should be. Ratios are taken within one turn, and the
//! median over the turns is told, so that whatever else the machine does meets both sides.

mod bench;
mod endurance;
mod served;
mod speed;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use crate::args::{TargetArgs, WorkArgs};
use crate::failure::Failure;
use crate::load::{Drive, Load, Plan};
use crate::output::print;
use crate::scenario::Scenario;
use crate::stop::Stop;
use crate::summary::Summary;

use served::Served;

/// Measure what serving is judged by and print it as a table; starts and ends the servers itself
///
/// Run it on a machine that does nothing else.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// The program to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/cmal")]
    pub cmal: PathBuf,
    /// The bundle that is served
    #[arg(long, value_name = "DIR", default_value = "models/shapes")]
    pub model: PathBuf,
    /// What starts the Python server
    #[arg(long, value_name = "FILE", default_value = "loadtests/fastapi/serve.sh")]
    pub fastapi: PathBuf,
    /// What to measure; may be given several times [default: everything but `million`]
    #[arg(long, value_enum, value_name = "ROW")]
    pub row: Vec<Row>,
    /// Turns of each ratio
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub turns: u16,
    /// Seconds of each load but the overload; a benchmark of the bare loop has nine parts of a fourth of that
    #[arg(long, value_name = "SECONDS", default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Seconds of the overload
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub overload_seconds: u64,
    /// Servers that are ended, and bundles that are exchanged, under load
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub times: usize,
    /// Requests of `million`
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    pub requests: u64,
    /// Write the table to this file as well
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// Processor time, saturation and batching against the bare loop
    Bare,
    /// One connection against a single inference
    Single,
    /// Repeated pictures against new ones
    Cache,
    /// Sixteen questions in one request against sixteen requests
    Query,
    /// Three times the capacity, with probes
    Overload,
    /// SIGTERM under load
    Sigterm,
    /// Another version of the bundle under load
    Swap,
    /// Memory over a million mixed requests
    Million,
    /// Against the same in Python
    Fastapi,
}

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    pub figure: String,
    pub found: String,
    pub wanted: &'static str,
    /// None if it could not be measured.
    pub met: Option<bool>,
}

impl Found {
    pub fn new(figure: &str, found: String, wanted: &'static str, met: bool) -> Self {
        Self { figure: figure.to_owned(), found, wanted, met: Some(met) }
    }

    /// A figure that this server has no way to.
    pub fn missing(figure: &str, why: &str, wanted: &'static str) -> Self {
        Self { figure: figure.to_owned(), found: why.to_owned(), wanted, met: None }
    }
}

/// Measures the rows that were asked for.
pub async fn run(args: &ReportArgs, stop: Stop) -> Result<(), Failure> {
    let all = || Row::value_variants().iter().copied().filter(|row| *row != Row::Million).collect();
    let rows: Vec<Row> = if args.row.is_empty() { all() } else { args.row.clone() };
    print("| figure | found | wanted | |\n|---|---|---|---|\n")?;
    let mut table = Vec::new();
    for row in rows {
        let found = match row {
            Row::Bare => speed::bare(args, &stop).await?,
            Row::Single => speed::single(args)?,
            Row::Cache => speed::cache(args, &stop).await?,
            Row::Query => speed::query(args, &stop).await?,
            Row::Fastapi => speed::fastapi(args, &stop).await?,
            Row::Overload => endurance::overload(args, &stop).await?,
            Row::Sigterm => endurance::sigterm(args, &stop).await?,
            Row::Swap => endurance::swap(args, &stop).await?,
            Row::Million => endurance::million(args, &stop).await?,
        };
        if stop.is_asked() {
            return Err(Failure::run("stopped before the table was complete"));
        }
        for Found { figure, found, wanted, met } in &found {
            let met = met.map_or("–", |met| if met { "yes" } else { "NO" });
            print(&format!("| {figure} | {found} | {wanted} | {met} |\n"))?;
        }
        table.extend(found);
    }
    let Some(path) = &args.json else { return Ok(()) };
    std::fs::write(path, format!("{:#}\n", json!(table)))
        .map_err(|error| Failure::file("write", path, &error))
}

/// A closed load on a server that was started here.
pub struct Closed {
    pub scenario: Scenario,
    pub connections: usize,
    pub per_picture: u64,
    pub seconds: u64,
}

impl Closed {
    /// A question about a new picture each.
    pub fn new(connections: usize, seconds: u64) -> Self {
        Self { scenario: Scenario::OneTask, connections, per_picture: 1, seconds }
    }

    pub async fn run(&self, server: &Served, stop: &Stop) -> Result<Summary, Failure> {
        let work = WorkArgs {
            per_picture: self.per_picture.try_into().unwrap_or(std::num::NonZeroU64::MIN),
            ..work(self.scenario)
        };
        let load = prepare(server, &work, stop)?;
        let summary =
            load.run(&plan(drive(self.connections), Some(Duration::from_secs(self.seconds)))).await?;
        if summary.failed() > 0 {
            let why = summary.complaint.unwrap_or_default();
            let (lost, statuses) = (summary.lost, summary.statuses);
            return Err(Failure::run(format!(
                "there were failures under a plain load: {lost:?}, {statuses:?} {why}"
            )));
        }
        Ok(summary)
    }
}

fn prepare(server: &Served, work: &WorkArgs, stop: &Stop) -> Result<Load, Failure> {
    let target = TargetArgs {
        url: server.url.clone(),
        allow_remote: false,
        header: Vec::new(),
        pid: Some(server.pid()),
        timeout_ms: Duration::from_secs(60),
        late_ms: Duration::from_millis(5),
        max_in_flight: 4096.try_into().unwrap_or(std::num::NonZeroUsize::MIN),
    };
    Load::prepare(&target, work, Duration::from_millis(SLO_MS), stop.clone())
}

/// The server's own limit on a request's time: every answer in time is a good one.
const SLO_MS: u64 = 30_000;

fn work(scenario: Scenario) -> WorkArgs {
    let per_picture = std::num::NonZeroU64::MIN;
    WorkArgs {
        scenario,
        pictures: None,
        distinct: None,
        per_picture,
        json_body: false,
        verify: false,
        seed: 1,
    }
}

fn plan(drive: Drive, duration: Option<Duration>) -> Plan {
    Plan { drive, warmup: Duration::from_secs(2), duration, requests: None, probes: Vec::new() }
}

fn drive(connections: usize) -> Drive {
    Drive::Closed { connections: connections.try_into().unwrap_or(std::num::NonZeroUsize::MIN) }
}

/// The middle value; of an even number the lower one of the two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// A ratio over the turns: its median, and the turns themselves.
fn told(values: &[f64], digits: usize) -> String {
    let turns: Vec<_> = values.iter().map(|value| format!("{value:.digits$}")).collect();
    format!("{:.digits$} ({})", median(values), turns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_turn() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0]), median(&[5.0])), (2.0, 1.0, 5.0));
        assert_eq!(told(&[0.91, 0.9], 1), "0.9 (0.9, 0.9)");
    }
}
