//! `cmal bench`: what the bundle can do without a server around it.

use std::process::Command;

use crate::failure::Failure;

use super::ReportArgs;

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
    /// Runs it with further options.
    pub fn run(args: &ReportArgs, options: &[&str]) -> Result<Self, Failure> {
        let seconds = (args.seconds / 4).max(1).to_string();
        let mut command = Command::new(&args.cmal);
        command.arg("bench").arg(&args.model).args(["--seconds", &seconds]).args(options);
        let output = command.output().map_err(|error| Failure::file("start", &args.cmal, &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let loops: Vec<Loop> = text.lines().filter_map(parse).collect();
        if output.status.success() && !loops.is_empty() {
            Ok(Self(loops))
        } else {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(Failure::run(format!("`cmal bench` has failed: {why}")))
        }
    }

    /// One item after the other.
    pub fn single(&self) -> Loop {
        self.0[0]
    }

    /// The fastest batch size.
    pub fn best(&self) -> Loop {
        self.0
            .iter()
            .copied()
            .fold(self.0[0], |best, next| if next.per_second > best.per_second { next } else { best })
    }
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
        let bench = Bench(text.lines().filter_map(parse).collect());
        assert_eq!(bench.0.len(), 3);
        assert_eq!(bench.single(), Loop { batch: 1, per_second: 700.5, cpu_ms: 2.8 });
        assert_eq!(bench.best(), Loop { batch: 16, per_second: 1087.0, cpu_ms: 1.83 });
    }
}
