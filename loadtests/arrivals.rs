//! When requests are to be sent, decided before anything is sent: what the server does has no say in it.

use std::time::Duration;

use clap::ValueEnum;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// At equal distances.
    Constant,
    /// Independently of each other, as from many clients who don't know of each other.
    Poisson,
}

/// Endless times from the start of a run, rising.
#[derive(Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    rate: f64,
    dice: ChaCha8Rng,
    count: u64,
    seconds: f64,
}

impl Schedule {
    /// `rate` arrivals a second on average, above 0. The same seed gives the same times.
    pub fn new(arrivals: Arrivals, rate: f64, seed: u64) -> Self {
        Self { arrivals, rate, dice: ChaCha8Rng::seed_from_u64(seed), count: 0, seconds: 0.0 }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.count += 1;
        self.seconds = match self.arrivals {
            // Not summed up, so that no rounding adds up over a long run.
            Arrivals::Constant => (self.count - 1) as f64 / self.rate,
            Arrivals::Poisson => {
                let uniform: f64 = self.dice.random();
                self.seconds - (1.0 - uniform).ln() / self.rate
            }
        };
        Duration::try_from_secs_f64(self.seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(schedule: Schedule, count: usize) -> Vec<f64> {
        let times: Vec<f64> = schedule.take(count + 1).map(|time| time.as_secs_f64()).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn constant_arrivals_keep_their_distance_from_zero_on() {
        let times: Vec<_> = Schedule::new(Arrivals::Constant, 250.0, 0).take(4).collect();
        assert_eq!(times, [0, 4, 8, 12].map(Duration::from_millis));
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_their_rate() {
        let gaps = gaps(Schedule::new(Arrivals::Poisson, 400.0, 3), 40_000);
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 400.0 - 1.0).abs() < 0.03, "the mean gap is {mean} s");
        // The spread of exponential gaps is their mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "the deviation is {} s", variance.sqrt());
        let longer = gaps.iter().filter(|gap| **gap > mean).count() as f64 / gaps.len() as f64;
        assert!((longer - (-1_f64).exp()).abs() < 0.01, "{longer} of the gaps are longer than the mean");
    }

    #[test]
    fn a_seed_decides_the_times() {
        let times = |seed| Schedule::new(Arrivals::Poisson, 50.0, seed).take(20).collect::<Vec<_>>();
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
        assert!(times(7).is_sorted());
    }
}
