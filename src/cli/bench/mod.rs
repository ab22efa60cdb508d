//! `cmal bench`: what a bundle can do on this machine, the ceiling that serving is held against.

mod alone;
mod cpu;
mod measure;
mod mixing;
mod samples;
mod served;
mod wire;

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::bundle::Bundle;
use crate::eval::{Server, Upload};
use crate::metrics::Metrics;
use crate::runtime::{Bare, Engine, ModelInfo, Phase, Provider, Settings};

use super::engine_args::EngineArgs;
use super::exit::Failure;
use super::output::print;

use measure::{BareLoops, Measured};
use served::Served;

const BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Callers, and connections, at the same time.
const CALLERS: usize = 16;
/// The ways are compared in turns, so that whatever else the machine does meets them all.
const TURNS: u32 = 4;

/// Measure pictures per second from JPEG bytes to an answer: in a bare loop, through the engine, over HTTP.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// The bundle, as in `models/shapes`
    model: PathBuf,
    /// Seconds for each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Measure instead whether queries of all tasks should share batches: one queue against a queue per task
    #[arg(long)]
    mixing: bool,
    /// Measure instead what one picture at a time takes: in a bare loop, through the engine, over one connection
    #[arg(long, conflicts_with = "mixing")]
    alone: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Prints a line per measurement, and at the end how the ways compare.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    if args.mixing {
        let mut bare = Bare::load(&Bundle::open(&args.model)?, &args.engine.settings())?;
        return mixing::run(&mut bare, Duration::from_secs(args.seconds));
    }
    let samples = Arc::new(samples::draw()?);
    let uploads: Vec<_> = samples.iter().map(|sample| Upload::of(&sample.picture, &sample.query)).collect();
    let time = Duration::from_secs(args.seconds);
    // The samples are asked again and again, and every picture is to be a new one.
    let settings = Settings { cache_pictures: 0, cache_texts: 0, ..args.engine.settings() };
    let begun = Instant::now();
    let bundle = Bundle::open(&args.model)?;
    let engine = Engine::start(bundle.clone(), &settings, Arc::new(Metrics::new()))?;
    let model = engine.model();
    print(&format!(
        "{} {} on {}, {} executors, ready after {:.2} s\n\n",
        model.name(),
        model.version(),
        model.provider,
        model.executors,
        begun.elapsed().as_secs_f64(),
    ))?;
    let settings = as_found(settings, model);
    if args.alone {
        let mut bare = Bare::load(&bundle, &settings)?;
        return alone::run(&mut bare, &engine, &samples, &uploads, time);
    }

    print(&heading())?;
    let mut loops = BareLoops::load(&bundle, &settings)?;
    let mut best = (BATCHES[0], 0.0);
    for rows in BATCHES {
        let measured = loops.run(rows, &samples, time)?;
        if measured.per_second() > best.1 {
            best = (rows, measured.per_second());
        }
        print(&line(&format!("bare loop, batch {rows}"), &measured))?;
    }

    let served = Served::start(engine.clone())?;
    let server = Server::new(&served.root());
    let (mut bare, mut engined, mut https) = (Measured::default(), Measured::default(), Measured::default());
    for _ in 0..TURNS {
        let time = time / TURNS;
        bare.absorb(&loops.run(best.0, &samples, time)?);
        engined.absorb(&measure::engine(&engine, CALLERS, &samples, time)?);
        https.absorb(&measure::http(&server, CALLERS, &uploads, time)?);
    }
    print(&format!("\nin {TURNS} turns\n"))?;
    print(&line(&format!("bare loop, batch {}", best.0), &bare))?;
    print(&line(&format!("engine, {CALLERS} callers"), &engined))?;
    print(&line(&format!("http, {CALLERS} connections"), &https))?;
    print(&compared("engine", &engined, &bare))?;
    print(&compared("http", &https, &bare))
}

/// The settings with what the engine found where they left it open.
fn as_found(settings: Settings, model: &ModelInfo) -> Settings {
    let provider = match settings.provider {
        Provider::Auto(cuda) if model.provider == "cuda" => Provider::Cuda(cuda),
        Provider::Auto(_) => Provider::Cpu,
        named => named,
    };
    Settings { provider, executors: NonZeroUsize::new(model.executors), ..settings }
}

fn compared(what: &str, measured: &Measured, bare: &Measured) -> String {
    format!(
        "{what} ÷ bare loop: {:.2} pictures/s, {:.2} processor time per picture\n",
        measured.per_second() / bare.per_second(),
        measured.cpu_ms() / bare.cpu_ms(),
    )
}

fn heading() -> String {
    let mut text = format!("{:<24}{:>12}{:>10}", "", "pictures/s", "cpu ms");
    for phase in Phase::ANSWERING {
        // Writing to a String can't fail.
        let _ = write!(text, "{:>12}", format!("{} ms", phase.name()));
    }
    text + "\n"
}

fn line(what: &str, measured: &Measured) -> String {
    let mut text = format!("{what:<24}{:>12.1}{:>10.2}", measured.per_second(), measured.cpu_ms());
    for phase in Phase::ANSWERING {
        let _ = write!(text, "{:>12.3}", measured.phase_ms(phase));
    }
    text + "\n"
}
