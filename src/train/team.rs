//! The threads of a stage: a step's batch in shards, each differentiated on a thread of its own.
//!
//! Divided inside every operation, threads meet after each of them, and most are too short for that; divided by samples they meet
//! once a step. A shard's operations stay on its thread, so that sums are formed in the same order each time.

use std::panic;
use std::thread;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::error::Error;
use super::run::{Loss, Stage};

/// The threads of a stage.
pub struct Team {
    /// A pool of one thread for each shard; none if a single shard has the whole machine.
    alone: Vec<ThreadPool>,
}

/// A step's losses, one for each shard, and the gradients of their mean.
pub struct Outcome {
    pub losses: Vec<Loss>,
    pub gradients: GradientsParams,
}

impl Team {
    /// # Errors
    /// The system gives no more threads.
    pub fn new(workers: usize) -> Result<Self, Error> {
        let workers = if workers > 1 { workers } else { 0 };
        let alone = (0..workers)
            .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::Threads)?;
        Ok(Self { alone })
    }

    /// Runs each task on a thread of its own, one for each shard at most, and gives what they return in their order. A single shard's team
    /// runs them here, one after the other.
    pub fn each<T: Send>(&self, tasks: Vec<impl FnOnce() -> T + Send>) -> Vec<T> {
        if self.alone.is_empty() {
            return tasks.into_iter().map(|task| task()).collect();
        }
        debug_assert!(tasks.len() <= self.alone.len(), "a task for each thread at most");
        thread::scope(|scope| {
            let started: Vec<_> = tasks
                .into_iter()
                .zip(&self.alone)
                .map(|(task, pool)| scope.spawn(move || pool.install(task)))
                .collect();
            let end = |task: thread::ScopedJoinHandle<'_, T>| {
                task.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
            };
            started.into_iter().map(end).collect()
        })
    }

    /// Loss and gradients of step number `step`.
    pub fn step<S: Stage>(&self, stage: &S, model: &S::Model, step: usize) -> Result<Outcome, Error> {
        if self.alone.is_empty() {
            let (loss, gradients) = differentiate(stage, &leaves(model), step, 1)?;
            return Ok(Outcome { losses: vec![loss], gradients });
        }
        let of = self.alone.len();
        // Leaves of its own for each: shards of one graph would wait for each other's locks.
        let shards = (step * of..step * of + of).map(|shard| {
            let model = leaves(model);
            move || differentiate(stage, &model, shard, of)
        });
        let shards = self.each(shards.collect()).into_iter().collect::<Result<Vec<_>, Error>>()?;
        let mut sum = GradientsAccumulator::new();
        let mut losses = Vec::with_capacity(of);
        for (loss, gradients) in shards {
            sum.accumulate(model, gradients);
            losses.push(loss);
        }
        Ok(Outcome { losses, gradients: sum.grads() })
    }
}

/// The model with leaves of its own, which go with it.
///
/// What is recorded at a parameter is kept for as long as the parameter is, and gone through after every step; one that gets no gradient
/// stays the same through all steps. `fork` is no way to such leaves: it records an operation at each parameter.
fn leaves<M: Module>(model: &M) -> M {
    model.valid().train()
}

/// Loss of a shard, and the gradients of its part in the mean of `of` shards.
fn differentiate<S: Stage>(
    stage: &S,
    model: &S::Model,
    shard: usize,
    of: usize,
) -> Result<(Loss, GradientsParams), Error> {
    let loss = stage.loss(model, shard)?;
    let gradients = loss.total.clone().div_scalar(of as f64).backward();
    Ok((loss.detached(), GradientsParams::from_grads(gradients, model)))
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::train::optimizer::Weighed;
    use crate::train::run::Figures;
    use crate::train::schedule::Schedule;

    #[derive(Module, Debug)]
    struct Net {
        used: Linear,
        idle: Linear,
    }

    impl Weighed for Net {
        fn hidden(&self) -> &'static [&'static str] {
            &[]
        }

        fn gentle(&self) -> &'static [&'static str] {
            &[]
        }
    }

    struct Sum;

    impl Stage for Sum {
        type Model = Net;

        fn name(&self) -> &'static str {
            "sum"
        }

        fn schedule(&self) -> Schedule {
            unreachable!("a team takes its steps from elsewhere")
        }

        fn loss(&self, model: &Net, _: usize) -> Result<Loss, Error> {
            let sum = model.used.forward(Tensor::<2>::ones([1, 2], &model.used.weight.device())).sum();
            Ok(Loss::sum(vec![("sum", 1.0, sum)]))
        }

        fn validate(&self, _: &Net) -> Result<Figures, Error> {
            unreachable!("no step validates")
        }
    }

    /// Set in the process that has the measurement to itself.
    const ALONE: &str = "CMAL_TEST_ALONE";

    #[test]
    fn steps_stay_as_short_as_they_were_though_a_weight_gets_no_gradient() {
        if env::var_os(ALONE).is_some() {
            return measure();
        }
        // burn goes through the graphs of a whole process after every step, those of other tests among them.
        let name = "train::team::tests::steps_stay_as_short_as_they_were_though_a_weight_gets_no_gradient";
        let mut alone = Command::new(env::current_exe().unwrap());
        let output = alone.args(["--exact", name]).env(ALONE, "1").output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
    }

    fn measure() {
        let device = Device::flex().autodiff();
        let net =
            Net { used: LinearConfig::new(2, 2).init(&device), idle: LinearConfig::new(2, 2).init(&device) };
        for workers in [1, 2] {
            let team = Team::new(workers).unwrap();
            let shortest = |steps: std::ops::Range<usize>| {
                let spent = steps.map(|step| {
                    let begun = Instant::now();
                    team.step(&Sum, &net, step).unwrap();
                    begun.elapsed()
                });
                spent.min().unwrap_or(Duration::MAX)
            };
            let (first, _, last) = (shortest(0..200), shortest(200..2000), shortest(2000..2200));
            assert!(last < first * 10, "{workers} workers: {first:?} at first, {last:?} after 2000 steps");
        }
    }
}
