//! What each command does.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::args::{OutputArgs, OverloadArgs, RunArgs, SweepArgs};
use crate::failure::Failure;
use crate::knee::{Search, Step, knee};
use crate::load::{Drive, Load, Plan};
use crate::output::print;
use crate::plot;
use crate::show;
use crate::stop::Stop;
use crate::summary::Summary;

/// Of a load that says neither how long it is nor how many requests it has.
const DURATION: Duration = Duration::from_secs(10);
/// For measuring the capacity.
const MEASURED: Duration = Duration::from_secs(10);

/// One load.
pub async fn run(args: &RunArgs, stop: Stop) -> Result<(), Failure> {
    let load = Load::prepare(&args.target, &args.work, args.output.slo_ms, stop)?;
    let drive = match (args.connections, args.rate) {
        (Some(connections), _) => Drive::Closed { connections },
        (None, Some(rate)) => Drive::Open { rate, arrivals: args.arrivals, seed: args.work.seed },
        (None, None) => return Err(Failure::usage("give a --rate or --connections")),
    };
    let requests = args.requests.map(u64::from);
    let duration = args.duration.or(requests.is_none().then_some(DURATION));
    let plan = Plan { drive, warmup: args.warmup, duration, requests, probes: args.probe.clone() };
    let summary = load.run(&plan).await?;
    print(&show::summary(&summary))?;
    write(&args.output, || json!({ "run": summary }))?;
    draw(&args.output, |path| plot::single(path, &summary))
}

/// Rising rates, a line each, and the knee.
pub async fn sweep(args: &SweepArgs, stop: Stop) -> Result<(), Failure> {
    let load = Load::prepare(&args.target, &args.work, args.output.slo_ms, stop)?;
    let search = Search { from: args.from, to: args.to, factor: args.factor, refine: args.refine };
    let (mut steps, mut summaries): (Vec<Step>, Vec<Summary>) = (Vec::new(), Vec::new());
    print(&format!(
        "{:>9}{:>10}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}\n",
        "rate", "due/s", "200/s", "good/s", "p50 ms", "p90", "p99", "p99.9", "cpu ms", "late"
    ))?;
    while let Some(rate) = search.next(&steps) {
        let drive = Drive::Open { rate, arrivals: args.arrivals, seed: args.work.seed };
        let duration = Some(args.duration);
        let plan = Plan { drive, warmup: args.warmup, duration, requests: None, probes: Vec::new() };
        let summary = load.run(&plan).await?;
        if summary.interrupted {
            break;
        }
        print(&row(rate, &summary))?;
        let (offered, goodput) = (summary.offered(), summary.goodput);
        let (p99_ms, slo_ms) = (summary.latency_ms.p99, summary.slo_ms);
        steps.push(Step { rate, offered, goodput, p99_ms, slo_ms });
        summaries.push(summary);
    }
    let knee = knee(&steps);
    print(&match knee {
        Some(knee) => {
            format!("the knee is at {:.1} requests a second, with p99 {:.1} ms\n", knee.rate, knee.p99_ms)
        }
        None => "no rate was answered in time\n".to_owned(),
    })?;
    if summaries.iter().any(Summary::is_late) {
        print(
            "WARNING: at rates marked with ! the client itself was late: those figures are the client's\n",
        )?;
    }
    write(&args.output, || json!({ "knee": knee.map(|knee| knee.rate), "steps": summaries }))?;
    draw(&args.output, |path| plot::sweep(path, &summaries))
}

fn row(rate: f64, summary: &Summary) -> String {
    let latency = &summary.latency_ms;
    let cpu = summary
        .server
        .as_ref()
        .map_or_else(|| "?".to_owned(), |server| format!("{:.3}", server.cpu_ms_per_answer));
    format!(
        "{rate:>9.1}{:>10.1}{:>10.1}{:>10.1}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{cpu:>9}{:>6.1} %{}\n",
        summary.offered(),
        summary.throughput,
        summary.goodput,
        latency.p50,
        latency.p90,
        latency.p99,
        latency.p99_9,
        summary.late.share * 100.0,
        if summary.is_late() { " !" } else { "" },
    )
}

/// Several times the capacity.
pub async fn overload(args: &OverloadArgs, stop: Stop) -> Result<(), Failure> {
    let load = Load::prepare(&args.target, &args.work, args.output.slo_ms, stop)?;
    let measured = match args.capacity {
        Some(_) => None,
        None => Some(capacity(&load, args).await?),
    };
    let capacity = args.capacity.or(measured.as_ref().map(|summary| summary.throughput)).unwrap_or_default();
    if capacity <= 0.0 {
        let complaint = measured.and_then(|summary| summary.complaint).unwrap_or_default();
        return Err(Failure::run(format!(
            "the server answered nothing, so it can't be overloaded: {complaint}"
        )));
    }
    print(&format!("capacity {capacity:.1} requests a second\n"))?;
    let root = args.target.url.trim_end_matches('/');
    let usual = || ["/health/ready", "/metrics"].map(|path| format!("{root}{path}")).to_vec();
    let plan = Plan {
        drive: Drive::Open { rate: capacity * args.times, arrivals: args.arrivals, seed: args.work.seed },
        warmup: args.warmup,
        duration: Some(args.duration),
        requests: None,
        probes: if args.probe.is_empty() { usual() } else { args.probe.clone() },
    };
    let summary = load.run(&plan).await?;
    print(&show::summary(&summary))?;
    print(&format!("goodput ÷ capacity: {:.2}\n", summary.goodput / capacity))?;
    write(&args.output, || json!({ "capacity": capacity, "measured": measured, "overload": summary }))?;
    draw(&args.output, |path| plot::single(path, &summary))
}

async fn capacity(load: &Load, args: &OverloadArgs) -> Result<Summary, Failure> {
    let plan = Plan {
        drive: Drive::Closed { connections: args.connections },
        warmup: args.warmup,
        duration: Some(MEASURED),
        requests: None,
        probes: Vec::new(),
    };
    load.run(&plan).await
}

fn write(output: &OutputArgs, value: impl FnOnce() -> Value) -> Result<(), Failure> {
    let Some(path) = &output.json else { return Ok(()) };
    let text = format!("{:#}\n", value());
    fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
}

fn draw(output: &OutputArgs, draw: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    output.plot.as_deref().map_or(Ok(()), draw)
}
