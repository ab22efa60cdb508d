//! The learning rate over a stage: a linear warm-up, then half a cosine down to a small share.

use serde::{Deserialize, Serialize};

/// Share of the peak rate that the cosine ends at.
const FLOOR: f64 = 0.02;

/// Length, batch and learning rate of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Optimiser steps.
    pub steps: usize,
    /// Samples per step.
    pub batch: usize,
    /// Learning rate at the end of the warm-up.
    pub rate: f64,
    /// Steps of the warm-up.
    pub warmup: usize,
    /// Steps between validations; a checkpoint is written after each.
    pub validate_every: usize,
    /// Shards that a batch is divided into, each on a thread of its own; divides the batch. On a CPU as many as cores are fastest. One
    /// leaves the dividing to the operations of the device. What compares samples within a batch sees its own shard only.
    #[serde(default = "one")]
    pub workers: usize,
}

fn one() -> usize {
    1
}

impl Schedule {
    /// Samples of one shard.
    pub fn shard(&self) -> usize {
        self.batch / self.workers
    }

    /// Learning rate of a step, counted from 0.
    pub fn rate_at(&self, step: usize) -> f64 {
        if step < self.warmup {
            return self.rate * (step + 1) as f64 / self.warmup as f64;
        }
        let after = (step - self.warmup) as f64 / self.steps.saturating_sub(self.warmup).max(1) as f64;
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * after.min(1.0)).cos());
        self.rate * (FLOOR + (1.0 - FLOOR) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_peak_and_falls_to_the_floor() {
        let schedule =
            Schedule { steps: 110, batch: 1, rate: 2.0, warmup: 10, validate_every: 1, workers: 1 };
        assert!((schedule.rate_at(0) - 0.2).abs() < 1e-9);
        assert!((schedule.rate_at(9) - 2.0).abs() < 1e-9);
        assert!((schedule.rate_at(60) - 2.0 * (FLOOR + (1.0 - FLOOR) * 0.5)).abs() < 1e-9);
        assert!((schedule.rate_at(110) - 2.0 * FLOOR).abs() < 1e-9);
    }
}
