//! The command line.

use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hyper::header::{HeaderName, HeaderValue};

use crate::arrivals::Arrivals;
use crate::report::ReportArgs;
use crate::scenario::Scenario;

/// Puts a server of cmal's HTTP API under load and tells how it does
///
/// Open loop: requests are sent when they are due, whether or not the ones before are answered, and their latency counts from then, so
/// that a server that stalls can't hide it. `run --connections N` is the closed loop instead, for throughput at saturation.
#[derive(Debug, Parser)]
#[command(name = "load", after_help = "See loadtests/README.md for what to run and how to read it.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(RunArgs),
    Sweep(SweepArgs),
    Overload(OverloadArgs),
    Compare(CompareArgs),
    Report(ReportArgs),
}

/// One load: at a rate, or over a number of connections that are always busy
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub work: WorkArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Open loop: requests a second
    #[arg(long, value_name = "PER_SECOND", value_parser = positive, required_unless_present = "connections")]
    pub rate: Option<f64>,
    /// Open loop: how requests follow each other
    #[arg(long, value_enum, default_value = "poisson")]
    pub arrivals: Arrivals,
    /// Closed loop: connections, each with its next request as soon as it has an answer
    #[arg(long, value_name = "COUNT", conflicts_with = "rate")]
    pub connections: Option<NonZeroUsize>,
    /// How long, the warm-up not counted [default: 10 unless --requests is given]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// End after so many requests, the warm-up not counted
    #[arg(long, value_name = "COUNT")]
    pub requests: Option<NonZeroU64>,
    /// Load before anything is counted
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "2")]
    pub warmup: Duration,
    /// Ask this address twenty times a second meanwhile, and tell how that is answered; may be given several times
    #[arg(long, value_name = "URL")]
    pub probe: Vec<String>,
}

/// Rising rates up to the knee: the highest rate whose requests are still answered in time
#[derive(Args, Clone, Debug)]
pub struct SweepArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub work: WorkArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// The first rate
    #[arg(long, value_name = "PER_SECOND", value_parser = positive, default_value = "25")]
    pub from: f64,
    /// Each rate is so many times the one before
    #[arg(long, value_parser = above_one, default_value = "1.5")]
    pub factor: f64,
    /// No rate is above this
    #[arg(long, value_name = "PER_SECOND", value_parser = positive, default_value = "100000")]
    pub to: f64,
    /// Further rates tried between the last good one and the first bad one
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub refine: usize,
    /// How requests follow each other
    #[arg(long, value_enum, default_value = "poisson")]
    pub arrivals: Arrivals,
    /// How long each rate lasts, its warm-up not counted
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    pub duration: Duration,
    /// Load of each rate before anything is counted
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1")]
    pub warmup: Duration,
}

/// Several times what a server can do, in open loop, with its probes asked meanwhile
#[derive(Args, Clone, Debug)]
pub struct OverloadArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub work: WorkArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Requests a second that the server can answer; else that is measured first, in closed loop
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    pub capacity: Option<f64>,
    /// So many times the capacity is sent
    #[arg(long, value_parser = positive, default_value = "3")]
    pub times: f64,
    /// Connections for measuring the capacity
    #[arg(long, value_name = "COUNT", default_value = "64")]
    pub connections: NonZeroUsize,
    /// How requests follow each other
    #[arg(long, value_enum, default_value = "poisson")]
    pub arrivals: Arrivals,
    /// How long the overload lasts, its warm-up not counted
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    pub duration: Duration,
    /// Load before anything is counted
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "2")]
    pub warmup: Duration,
    /// Probes to ask [default: /health/ready and /metrics of the server]
    #[arg(long, value_name = "URL")]
    pub probe: Vec<String>,
}

/// Ask two servers the same and tell whether they answer the same
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// Such as http://127.0.0.1:8080
    pub one: String,
    pub other: String,
    #[command(flatten)]
    pub work: WorkArgs,
    /// Questions to ask
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub requests: u64,
    /// How far scores may be apart: another rounding when a picture is scaled moves some of them
    #[arg(long, default_value_t = 0.1)]
    pub tolerance: f64,
    /// Servers may be on other machines
    #[arg(long)]
    pub allow_remote: bool,
}

/// Which server, and how the client behaves towards it.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// The server may be on another machine
    #[arg(long)]
    pub allow_remote: bool,
    /// Send this header with each request, such as `authorization: Bearer KEY`; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub header: Vec<(HeaderName, HeaderValue)>,
    /// The server's process [default: the one that listens at the server's port, if it is on this machine]
    #[arg(long)]
    pub pid: Option<u32>,
    /// Give a request up after so long
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "30000")]
    pub timeout_ms: Duration,
    /// A request that is sent later than this after its time is a late one
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "5")]
    pub late_ms: Duration,
    /// Requests on their way at the same time; what is due beyond that is not sent, and counted as such
    #[arg(long, value_name = "COUNT", default_value = "4096")]
    pub max_in_flight: NonZeroUsize,
}

/// What is asked.
#[derive(Args, Clone, Debug)]
pub struct WorkArgs {
    #[arg(long, value_enum, default_value = "one-task")]
    pub scenario: Scenario,
    /// A dataset folder such as `cmal world` writes, or one of JPEG and PNG files; else pictures are drawn
    #[arg(long, value_name = "DIR")]
    pub pictures: Option<PathBuf>,
    /// Pictures that are drawn or read. All but those of `repeated` are sent as new ones: a number in a comment makes them such [default:
    /// 64; repeated 8, large-jpeg 4]
    #[arg(long, value_name = "COUNT")]
    pub distinct: Option<NonZeroU16>,
    /// Requests in a row about the same new picture
    #[arg(long, value_name = "COUNT", default_value = "1")]
    pub per_picture: NonZeroU64,
    /// Send JSON with the picture in base64 instead of a form
    #[arg(long)]
    pub json_body: bool,
    /// Hold every answer against the first one to the same question about the same picture
    #[arg(long)]
    pub verify: bool,
    /// Of Poisson arrivals
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What is told, and where.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// An answer counts as good if it is there so soon
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "100")]
    pub slo_ms: Duration,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw the latencies into this SVG file
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

/// More than nothing and no more than a day, so that no sum of times is out of range.
fn seconds(text: &str) -> Result<Duration, String> {
    bounded(text, 86_400.0).map(Duration::from_secs_f64)
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    bounded(text, 86_400_000.0).map(|milliseconds| Duration::from_secs_f64(milliseconds / 1e3))
}

fn bounded(text: &str, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=most).contains(&number) { Ok(number) } else { Err(format!("not from 0 to {most}")) }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = bounded(text, 1e6)?;
    if number >= 1e-3 { Ok(number) } else { Err("not from 0.001 to 1000000".to_owned()) }
}

fn above_one(text: &str) -> Result<f64, String> {
    let number = bounded(text, 100.0)?;
    if number >= 1.01 { Ok(number) } else { Err("not from 1.01 to 100".to_owned()) }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("there is no colon behind the name")?;
    let name = name.trim().parse().map_err(|_| format!("{name} is no name of a header"))?;
    let value = value.trim().parse().map_err(|_| "the value has characters that no header has".to_owned())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_run_is_either_open_or_closed() {
        let parses = |words: &[&str]| Cli::try_parse_from([&["load", "run"], words].concat()).is_ok();
        assert!(parses(&["--rate", "10"]) && parses(&["--connections", "4"]));
        assert!(!parses(&[]) && !parses(&["--rate", "10", "--connections", "4"]));
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        for (option, value) in
            [("--rate", "0"), ("--rate", "nan"), ("--duration", "-1"), ("--duration", "1e9")]
        {
            assert!(
                Cli::try_parse_from(["load", "run", "--rate", "5", option, value]).is_err(),
                "{option} {value}"
            );
        }
        assert!(header("x-a: b").is_ok() && header("x-a").is_err() && header("x a: b").is_err());
    }
}
