//! The server's process while it is under load: processor time, and memory over time.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::process::{self, Usage};

/// How often memory is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// The growth of memory counts from here: until then buffers grow to what the load needs.
const SETTLED: Duration = Duration::from_secs(10);

/// What was seen of a process.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Observed {
    pub pid: u32,
    pub cpu_seconds: f64,
    /// Processors in use on average.
    pub cores: f64,
    pub memory_before: u64,
    pub memory_after: u64,
    pub memory_most: u64,
    /// Growth of memory after the first ten seconds, as a part of what it was then; none if the run was too short to tell.
    pub growth_after_10_s: Option<f64>,
    /// Mean memory in each tenth of the time, and the growth from the second tenth to the last as a part of the second; none if too
    /// short to tell.
    pub memory_by_tenth: Vec<u64>,
    pub growth_by_tenth: Option<f64>,
    /// Seconds since the start, and memory.
    pub samples: Vec<(f64, u64)>,
}

/// Looks at a process until it is told to finish.
#[derive(Debug)]
pub struct Observer {
    pid: u32,
    begun: Instant,
    first: Option<Usage>,
    samples: JoinHandle<()>,
    seen: tokio::sync::mpsc::UnboundedReceiver<(f64, u64)>,
}

impl Observer {
    pub fn start(pid: u32) -> Self {
        let begun = Instant::now();
        let (send, seen) = tokio::sync::mpsc::unbounded_channel();
        let samples = tokio::spawn(async move {
            let mut ticks = interval_at((begun + EVERY).into(), EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                let Some(usage) = process::usage(pid) else { return };
                if send.send((begun.elapsed().as_secs_f64(), usage.memory)).is_err() {
                    return;
                }
            }
        });
        Self { pid, begun, first: process::usage(pid), samples, seen }
    }

    /// What was seen from the start until now; `None` if the process wasn't there at the start.
    pub fn finish(mut self) -> Option<Observed> {
        let last = process::usage(self.pid);
        let seconds = self.begun.elapsed().as_secs_f64();
        self.samples.abort();
        let first = self.first?;
        let mut samples = vec![(0.0, first.memory)];
        while let Ok(sample) = self.seen.try_recv() {
            samples.push(sample);
        }
        samples.extend(last.map(|last| (seconds, last.memory)));
        let cpu_seconds = last.map_or(f64::NAN, |last| last.cpu - first.cpu);
        let memory_by_tenth = tenths(&samples);
        Some(Observed {
            pid: self.pid,
            cpu_seconds,
            cores: cpu_seconds / seconds,
            memory_before: first.memory,
            memory_after: samples[samples.len() - 1].1,
            memory_most: samples.iter().map(|(_, memory)| *memory).max().unwrap_or_default(),
            growth_after_10_s: growth_after(&samples, SETTLED),
            growth_by_tenth: memory_by_tenth
                .get(1)
                .map(|second| growth(*second, memory_by_tenth[memory_by_tenth.len() - 1])),
            memory_by_tenth,
            samples,
        })
    }
}

/// Growth from the first sample after `settled` to the last one; none if the time between is shorter than what came before.
fn growth_after(samples: &[(f64, u64)], settled: Duration) -> Option<f64> {
    let settled = settled.as_secs_f64();
    let (_, from) = samples.iter().find(|(at, _)| *at >= settled)?;
    let (end, to) = samples.last()?;
    (*end >= 2.0 * settled).then(|| growth(*from, *to))
}

/// The mean of each tenth of the time; none if one of them has no sample.
fn tenths(samples: &[(f64, u64)]) -> Vec<u64> {
    let end = samples.last().map_or(0.0, |(at, _)| *at);
    let mut sums = [(0_u64, 0_u64); 10];
    for (at, memory) in samples {
        let (sum, count) = &mut sums[((at / end * 10.0) as usize).min(9)];
        *sum += memory;
        *count += 1;
    }
    if sums.iter().any(|(_, count)| *count == 0) {
        return Vec::new();
    }
    sums.iter().map(|(sum, count)| sum / count).collect()
}

fn growth(from: u64, to: u64) -> f64 {
    to as f64 / from as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_from_the_tenth_second_to_the_end() {
        let samples: Vec<_> =
            (0..=30_u64).map(|at| (at as f64, if at < 10 { 100 + at } else { 190 + at })).collect();
        let growth = growth_after(&samples, SETTLED).unwrap();
        assert!((growth - (220.0 / 200.0 - 1.0)).abs() < 1e-9, "{growth}");
        assert_eq!(growth_after(&samples[..15], SETTLED), None, "too short to tell");
    }

    #[test]
    fn tenths_are_means_over_equal_times() {
        let samples: Vec<_> = (0..=20_u64).map(|at| (at as f64, at)).collect();
        let tenths = tenths(&samples);
        assert_eq!(tenths, [0, 2, 4, 6, 8, 10, 12, 14, 16, 19]);
        assert!(super::tenths(&samples[..5]).is_empty(), "five samples are no ten tenths");
        assert!(super::tenths(&[]).is_empty());
    }

    #[tokio::test]
    async fn an_observed_process_shows_its_memory_and_one_that_is_not_there_nothing() {
        let observed = Observer::start(std::process::id()).finish().unwrap();
        assert!(observed.memory_before > 0 && observed.memory_most >= observed.memory_after);
        assert!(observed.cpu_seconds >= 0.0);
        assert!(Observer::start(u32::MAX).finish().is_none());
    }
}
