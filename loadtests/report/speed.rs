//! How fast it is: against the bare loop, with the caches, against Python.

use crate::failure::Failure;
use crate::scenario::Scenario;
use crate::stop::Stop;

use super::bench::{self, Bench};
use super::served::Served;
use super::{Closed, Found, ReportArgs, median, told};

/// Enough to keep every executor busy with full batches.
const MANY: usize = 64;
/// Questions about one picture.
const QUESTIONS: u64 = 16;

/// Against a plain loop in one process.
pub async fn bare(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    let mut turns = Vec::new();
    for _ in 0..args.turns {
        let bench = Bench::run(args)?;
        let load = Closed::new(MANY, args.seconds);
        let batched = load.run(&Served::cmal(args, &[])?, stop).await?;
        let unbatched = load.run(&Served::cmal(args, &["--batch-rows", "1"])?, stop).await?;
        turns.push((bench, batched, unbatched));
    }
    let place = bench::best(turns.iter().map(|(bench, ..)| bench));
    let (mut cost, mut saturation, mut batching) = (Vec::new(), Vec::new(), Vec::new());
    for (bench, batched, unbatched) in &turns {
        let (single, best) = (bench.single(), bench.at(place));
        let cpu = batched.server.as_ref().map_or(f64::NAN, |server| server.cpu_ms_per_answer);
        cost.push(cpu / best.cpu_ms);
        saturation.push(batched.throughput / best.per_second);
        let gain = best.per_second / single.per_second;
        batching.push(batched.throughput / unbatched.throughput / gain);
    }
    let size = turns.first().map_or(0, |(bench, ..)| bench.at(place).batch);
    Ok(vec![
        Found::new(
            "server processor time per VQA request (new picture each) ÷ that per item of the bare loop",
            format!("{}; bare loop in batches of {size}", told(&cost, 2)),
            "≤ 1.10",
            median(&cost) <= 1.10,
        ),
        Found::new(
            "throughput at saturation ÷ bare loop, load generator on the same cores",
            told(&saturation, 2),
            "≥ 0.85",
            median(&saturation) >= 0.85,
        ),
        Found::new(
            "throughput with 64 connections ÷ with batches of 1, as a share of the same in the bare loop",
            told(&batching, 2),
            "≥ 0.9",
            median(&batching) >= 0.9,
        ),
    ])
}

/// One connection against one inference after the other on one thread.
pub fn single(args: &ReportArgs) -> Result<Vec<Found>, Failure> {
    let (over, told) = bench::alone(args)?;
    Ok(vec![Found::new("one connection: p50 over the bare single inference", told, "≤ +0.3 ms", over <= 0.3)])
}

/// Pictures that come again against new ones, on one server.
pub async fn cache(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    let server = Served::cmal(args, &[])?;
    let mut ratios = Vec::new();
    for _ in 0..args.turns {
        let new = Closed::new(MANY, args.seconds);
        let repeated = Closed { scenario: Scenario::Repeated, ..Closed::new(MANY, args.seconds) };
        let new = new.run(&server, stop).await?;
        ratios.push(repeated.run(&server, stop).await?.throughput / new.throughput);
    }
    let met = median(&ratios) >= 3.0;
    Ok(vec![Found::new("throughput with repeated pictures ÷ with new ones", told(&ratios, 2), "≥ 3", met)])
}

/// Sixteen questions about a new picture together, and one by one.
pub async fn query(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    const FIGURE: &str =
        "answers a second: `/v1/query` with 16 questions ÷ 16 separate requests, new picture";
    let server = Served::cmal(args, &[])?;
    if !server.has("/v1/query") {
        return Ok(vec![Found::missing(FIGURE, "this server has no /v1/query", "≥ 4")]);
    }
    let (mut apart, mut shared) = (Vec::new(), Vec::new());
    for _ in 0..args.turns {
        let load = Closed::new(MANY, args.seconds);
        let together = Closed { scenario: Scenario::Query, ..Closed::new(MANY / 4, args.seconds) };
        let same = Closed { per_picture: QUESTIONS, ..Closed::new(MANY, args.seconds) };
        let together = together.run(&server, stop).await?.items_per_second;
        apart.push(together / load.run(&server, stop).await?.items_per_second);
        shared.push(together / same.run(&server, stop).await?.items_per_second);
    }
    let met = median(&apart) >= 4.0;
    let found = format!(
        "{}; {} if all sixteen ask about the same picture and the server remembers it",
        told(&apart, 2),
        told(&shared, 2)
    );
    Ok(vec![Found::new(FIGURE, found, "≥ 4", met)])
}

/// The same graphs behind a server in Python.
pub async fn fastapi(args: &ReportArgs, stop: &Stop) -> Result<Vec<Found>, Failure> {
    let (mut ratios, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..args.turns {
        let load = Closed::new(MANY, args.seconds);
        let python = load.run(&Served::fastapi(args)?, stop).await?;
        let cmal = load.run(&Served::cmal(args, &[])?, stop).await?;
        ratios.push(cmal.throughput / python.throughput);
        p99.push(cmal.latency_ms.p99 / python.latency_ms.p99);
    }
    Ok(vec![
        Found::new("throughput ÷ FastAPI's, 64 connections", told(&ratios, 2), "≥ 2", median(&ratios) >= 2.0),
        Found::new("p99 ÷ FastAPI's, same load", told(&p99, 2), "≤ 1", median(&p99) <= 1.0),
    ])
}
