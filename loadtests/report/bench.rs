//! `cmal bench`: what the bundle can do without a server around it.

use std::process::Command;

use crate::failure::Failure;

use super::{ReportArgs, median};

/// Seconds that `cmal bench` takes for a measurement.
const LONGEST: u64 = 600;

/// A bare loop over batches of some size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loop {
    pub batch: usize,
    pub per_second: f64,
    /// Processor time per item.
    pub cpu_ms: f64,
}

/// The bare loops of one benchmark.
#[derive(Clone, Debug)]
pub struct Bench(Vec<Loop>);

impl Bench {
    /// Runs it, with a fourth of the report's seconds for each of its parts.
    pub fn run(args: &ReportArgs) -> Result<Self, Failure> {
        let seconds = (args.seconds / 4).clamp(1, LONGEST).to_string();
        let text = output(args, &["--seconds", &seconds])?;
        Self::read(&text).ok_or_else(|| odd(&text))
    }

    /// A loop per batch size; what is compared in turns further down is measured again.
    fn read(text: &str) -> Option<Self> {
        let sizes = text.lines().take_while(|line| !line.starts_with("in "));
        let loops: Vec<Loop> = sizes.filter_map(parse).collect();
        (!loops.is_empty()).then_some(Self(loops))
    }

    /// One item after the other.
    pub fn single(&self) -> Loop {
        self.0[0]
    }

    /// At the batch size with this index.
    pub fn at(&self, place: usize) -> Loop {
        self.0[place]
    }
}

/// Index of the batch size whose median speed over all benchmarks is the highest: each benchmark's own fastest would favour luck.
pub fn best<'a>(benches: impl Iterator<Item = &'a Bench> + Clone) -> usize {
    let sizes = benches.clone().map(|bench| bench.0.len()).min().unwrap_or_default();
    let speed =
        |place: usize| median(&benches.clone().map(|bench| bench.at(place).per_second).collect::<Vec<_>>());
    (0..sizes).max_by(|a, b| speed(*a).total_cmp(&speed(*b))).unwrap_or_default()
}

/// What one connection adds to a single inference, in milliseconds: the median of the turns and the quartiles, as told.
pub fn alone(args: &ReportArgs) -> Result<(f64, String), Failure> {
    let text = output(args, &["--alone", "--seconds", &args.seconds.min(LONGEST).to_string()])?;
    text.lines().find_map(parse_alone).ok_or_else(|| odd(&text))
}

fn output(args: &ReportArgs, options: &[&str]) -> Result<String, Failure> {
    let mut command = Command::new(&args.cmal);
    command.arg("bench").arg(&args.model).args(options);
    let output = command.output().map_err(|error| Failure::file("start", &args.cmal, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(Failure::run(format!("`cmal bench` has failed: {why}")))
}

fn odd(text: &str) -> Failure {
    Failure::run(format!("`cmal bench` has printed no figures that this program knows: {text}"))
}

/// A line such as `http         p50 4.210 ms, +0.250 ms over the bare loop, half of the turns +0.200 to +0.310`.
fn parse_alone(line: &str) -> Option<(f64, String)> {
    let (_, over) = line.strip_prefix("http ")?.split_once(" ms, ")?;
    let (over, turns) = over.split_once(" ms over the bare loop, ")?;
    Some((over.parse().ok()?, format!("{over} ms ({turns})")))
}

/// A line such as `bare loop, batch 16   1087.0   1.83 …`.
fn parse(line: &str) -> Option<Loop> {
    let mut fields = line.strip_prefix("bare loop, batch ")?.split_whitespace();
    Some(Loop {
        batch: fields.next()?.parse().ok()?,
        per_second: fields.next()?.parse().ok()?,
        cpu_ms: fields.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bare_loops_are_found_among_the_lines() {
        let text = "shapes 5 on cpu, 2 executors, ready after 0.15 s\n\n\
                    \x20                         pictures/s    cpu ms   decode ms\n\
                    bare loop, batch 1             700.5      2.80       0.300\n\
                    bare loop, batch 16           1087.0      1.83       0.301\n\
                    \nin 4 turns\n\
                    bare loop, batch 16           1080.0      1.84       0.301\n\
                    engine, 16 callers             935.1      2.11       0.302\n\
                    engine ÷ bare loop: 0.86 pictures/s, 1.15 processor time per picture\n";
        let bench = Bench::read(text).unwrap();
        assert_eq!(bench.0.len(), 2);
        assert_eq!(bench.single(), Loop { batch: 1, per_second: 700.5, cpu_ms: 2.8 });
        assert_eq!(bench.at(1), Loop { batch: 16, per_second: 1087.0, cpu_ms: 1.83 });
    }

    #[test]
    fn the_best_size_is_best_over_all_benchmarks_not_in_a_lucky_one() {
        let bench = |speeds: [f64; 3]| {
            let loops = speeds.iter().zip([1, 8, 32]);
            Bench(loops.map(|(&per_second, batch)| Loop { batch, per_second, cpu_ms: 1.0 }).collect())
        };
        let benches = [[5.0, 7.0, 6.0], [5.0, 7.0, 9.0], [5.0, 8.0, 6.5]].map(bench);
        assert_eq!(best(benches.iter()), 1);
    }

    #[test]
    fn what_one_connection_adds_is_found_among_the_lines() {
        let text = "one picture at a time, 120 turns\n\
                    bare loop    p50 4.000 ms, +0.000 ms over the bare loop, half of the turns +0.000 to +0.000\n\
                    http         p50 4.210 ms, +0.250 ms over the bare loop, half of the turns +0.200 to +0.310\n";
        let (over, told) = text.lines().find_map(parse_alone).unwrap();
        assert!((over - 0.25).abs() < 1e-9);
        assert_eq!(told, "+0.250 ms (half of the turns +0.200 to +0.310)");
    }
}
