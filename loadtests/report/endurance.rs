//! What it endures: overload, an end and an exchange of the bundle under load, a million requests.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::args::WorkArgs;
use crate::arrivals::Arrivals;
use crate::client::Lost;
use crate::failure::Failure;
use crate::load::{Drive, Plan};
use crate::scenario::Scenario;
use crate::stop::Stop;
use crate::summary::Summary;

use super::served::Served;
use super::{Closed, Found, ReportArgs, drive, plan, prepare, work};

const MANY: usize = 64;
/// So many times its capacity is an overload.
const OVERLOAD: f64 = 3.0;
/// The server's own limit on the time of a request.
const DEADLINE_MS: f64 = 30_000.0;
/// Connections while servers end and bundles change.
const SOME: usize = 16;
/// How long a load runs before and after what happens to it.
const MEANWHILE: Duration = Duration::from_millis(1000);
const PAUSE: Duration = Duration::from_millis(20);
/// Loads in which caches have to be full, and what they grow by at most in one once they are.
const LOADS_TO_FILL: usize = 60;
const FULL: f64 = 1.005;
/// A bundle that isn't served by then never will be.
const PATIENCE: Duration = Duration::from_secs(30);

/// Three times what it can do.
pub async fn overload(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    let server = Served::cmal(args, &[])?;
    let capacity = fill(&server, args, stop).await?;
    let load = prepare(&server, &work(Scenario::OneTask), stop)?;
    let probes = ["/health/ready", "/metrics"].map(|path| format!("{}{path}", server.probes)).to_vec();
    let drive = Drive::Open { rate: capacity * OVERLOAD, arrivals: Arrivals::Poisson, seed: 1 };
    let duration = Some(Duration::from_secs(args.overload_seconds));
    let summary = load.run(&Plan { probes, ..plan(drive, duration) }).await?;
    let share = summary.goodput / capacity;
    let (p99, refusal) = (summary.latency_ms.p99, &summary.refusal_ms);
    let late = if summary.is_late() { "; the client was late itself" } else { "" };
    let mut found = vec![
        Found::new(
            "3 × capacity, open loop: goodput ÷ capacity",
            format!("{share:.2}{late}"),
            "≥ 0.9",
            share >= 0.9,
        ),
        Found::new("— p99 of the accepted", format!("{p99:.0} ms"), "≤ the deadline", p99 <= DEADLINE_MS),
        Found::new(
            "— time to a 429",
            format!("p50 {:.1} ms, p99 {:.1} ms, of {}", refusal.p50, refusal.p99, refusal.count),
            "≤ 20 ms",
            refusal.p99 <= 20.0,
        ),
    ];
    const GROWTH: &str = "— growth of memory after the first 10 s, the caches being full before";
    found.push(match summary.server.as_ref().and_then(|server| server.observed.growth_after_10_s) {
        Some(growth) => Found::new(GROWTH, percent(growth), "≤ 5 %", growth <= 0.05),
        None => Found::missing(GROWTH, "too short to tell", "≤ 5 %"),
    });
    for probe in &summary.probes {
        let (p99, failed) = (probe.latency_ms.p99, probe.failed);
        let path = probe.url.splitn(4, '/').last().unwrap_or_default();
        let told = format!("{p99:.1} ms of {}, {failed} failed", probe.latency_ms.count);
        found.push(Found::new(&format!("— p99 of /{path}"), told, "≤ 10 ms", p99 <= 10.0 && failed == 0));
    }
    Ok(found)
}

/// Puts a server under load until its caches hold all that they have room for, so that what grows afterwards is not they; gives the
/// throughput of the last load.
async fn fill(server: &Served, args: &ReportArgs, stop: &Stop) -> Result<f64, Failure> {
    let mut before = 0.0;
    for _ in 0..LOADS_TO_FILL {
        let throughput = Closed::new(MANY, args.seconds).run(server, stop).await?.throughput;
        let bytes = server.sum_of("cmal_cache_bytes");
        if bytes <= before * FULL || stop.is_asked() {
            return Ok(throughput);
        }
        before = bytes;
    }
    Err(Failure::run("the caches were still growing after all the loads that are to fill them"))
}

fn percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

/// Mixed tasks over some connections, with every answer held against the first.
fn checked() -> WorkArgs {
    WorkArgs { verify: true, ..work(Scenario::Mixed) }
}

/// Told to end while it is busy, again and again.
pub async fn sigterm(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    let (mut answered, mut lost, mut wrong, mut odd) = (0, 0, 0, 0);
    for _ in 0..args.times {
        let mut server = Served::cmal(args, &[])?;
        let ended = Stop::new();
        let load = prepare(&server, &checked(), &ended)?;
        let plan = endless();
        let (summary, well) = tokio::join!(load.run(&plan), async {
            sleep(MEANWHILE).await;
            let well = end(&mut server).await;
            ended.ask();
            well
        });
        let summary = summary?;
        answered += summary.latency_ms.count;
        lost += unanswered(&summary);
        wrong += summary.wrong + summary.unreadable;
        odd += u64::from(!well?);
        if stop.is_asked() {
            break;
        }
    }
    Ok(vec![
        Found::new(
            &format!("SIGTERM during load, {} times: requests without an answer", args.times),
            format!("{lost} beside {answered} answers; {odd} times it didn't end as it should"),
            "0",
            lost + odd == 0,
        ),
        Found::new("— wrong answers", wrong.to_string(), "0", wrong == 0),
    ])
}

/// Sent to a server, but neither answered nor refused.
fn unanswered(summary: &Summary) -> u64 {
    [Lost::Broken, Lost::TimedOut].iter().filter_map(|lost| summary.lost.get(lost)).sum()
}

/// From the first request on, until it is stopped.
fn endless() -> Plan {
    Plan { warmup: Duration::ZERO, ..plan(drive(SOME), None) }
}

/// Whether it ends well.
async fn end(server: &mut Served) -> Result<bool, Failure> {
    server.signal("TERM")?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(well) = server.ended()? {
            return Ok(well);
        }
        sleep(PAUSE).await;
    }
    Ok(false)
}

/// Another version of the bundle in the place of the one before, again and again on one server.
pub async fn swap(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    const WANTED: &str = "0";
    let figure = format!("hot swap during load, {} times: failed or wrong answers", args.times);
    let folder = tempfile::tempdir()?;
    let bundle = folder.path().join(args.model.file_name().unwrap_or_default());
    copy(&args.model, &bundle)?;
    let mut server = Served::cmal_with(args, folder.path(), &[])?;
    let ended = Stop::new();
    let load = prepare(&server, &checked(), &ended)?;
    let plan = endless();
    let (summary, swapped) = tokio::join!(load.run(&plan), async {
        let mut swapped = Ok(0);
        for turn in 1..=args.times {
            sleep(MEANWHILE).await;
            match exchange(&mut server, &bundle, &format!("{turn}-under-load")).await {
                Ok(true) => swapped = swapped.map(|swapped| swapped + 1),
                Ok(false) => break,
                Err(failure) => swapped = Err(failure),
            }
            if swapped.is_err() || stop.is_asked() {
                break;
            }
        }
        sleep(MEANWHILE).await;
        ended.ask();
        swapped
    });
    let (summary, swapped) = (summary?, swapped?);
    if swapped == 0 {
        return Ok(vec![Found::missing(&figure, "this server took no new version of its bundle", WANTED)]);
    }
    let failed = summary.failed() + summary.statuses.get(&429).unwrap_or(&0);
    let found =
        format!("{failed} beside {} answers; {swapped} versions were taken", summary.latency_ms.count);
    Ok(vec![Found::new(&figure, found, WANTED, failed == 0 && swapped == args.times)])
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from).map_err(|error| Failure::file("read", from, &error))? {
        let path = entry?.path();
        fs::copy(&path, to.join(path.file_name().unwrap_or_default()))
            .map_err(|error| Failure::file("copy", &path, &error))?;
    }
    Ok(())
}

/// Gives the bundle another version and tells the server; whether it serves that version then. It answers as before, so that every
/// answer can be held against those before.
async fn exchange(server: &mut Served, bundle: &Path, version: &str) -> Result<bool, Failure> {
    let (manifest, aside) = (bundle.join("manifest.json"), bundle.join(".manifest.json"));
    let text = fs::read_to_string(&manifest).map_err(|error| Failure::file("read", &manifest, &error))?;
    let mut value: Value =
        serde_json::from_str(&text).map_err(|error| Failure::file("read", &manifest, &error))?;
    value["version"] = version.into();
    fs::write(&aside, format!("{value:#}\n")).map_err(|error| Failure::file("write", &aside, &error))?;
    fs::rename(&aside, &manifest).map_err(|error| Failure::file("write", &manifest, &error))?;
    server.signal("HUP")?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if server.ended()?.is_some() {
            return Ok(false);
        }
        let models = server.get("/v1/models").unwrap_or_default();
        if models.contains(&format!("\"version\":\"{version}\"")) {
            return Ok(true);
        }
        sleep(PAUSE).await;
    }
    Ok(false)
}

/// A million requests of all tasks.
pub async fn million(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    let figure =
        format!("{} mixed requests: growth of memory from the second tenth to the last", args.requests);
    let server = Served::cmal(args, &[])?;
    let load = prepare(&server, &work(Scenario::Mixed), stop)?;
    let summary = load.run(&Plan { requests: Some(args.requests), ..plan(drive(MANY), None) }).await?;
    let growth = summary.server.as_ref().and_then(|server| server.observed.growth_by_tenth);
    Ok(vec![match growth {
        Some(growth) => {
            let found = format!("{}, {} failed", percent(growth), summary.failed());
            Found::new(&figure, found, "≤ 3 %", growth <= 0.03 && summary.failed() == 0)
        }
        None => Found::missing(&figure, "too short to tell", "≤ 3 %"),
    }])
}
