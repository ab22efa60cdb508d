//! A unit of work on its way through one stage, and the lane it waits in.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::{BatchMetrics, Metrics, QueueMetrics, Rejection};

use super::batching::{self, Budget, Terms, Verdict, Waiting};
use super::call::{Caller, Phase, Timing};
use super::error::Error;
use super::graph::Failed;
use super::stage::{Questions, Stage};

/// What a stage is to work on, and for whom.
pub(super) struct Job<S: Stage> {
    pub input: S::Input,
    caller: Caller<S::Output>,
    queued: Instant,
}

impl<S: Stage> Job<S> {
    /// A job that waits from now on.
    pub fn new(input: S::Input, caller: Caller<S::Output>) -> Self {
        Self { input, caller, queued: Instant::now() }
    }

    /// Answers the caller, who may have left by now.
    pub fn answer(self, outcome: Result<S::Output, Error>) {
        self.caller.answer(outcome);
    }

    fn waiting(&self) -> Waiting {
        Waiting {
            extent: S::extent(&self.input),
            departed: self.caller.has_left(),
            deadline: self.caller.deadline,
        }
    }
}

/// The jobs in front of one stage.
pub(super) struct Lane<S: Stage> {
    jobs: VecDeque<Job<S>>,
    queue: QueueMetrics,
    batch: BatchMetrics,
}

impl<S: Stage> Lane<S> {
    pub fn new(metrics: &Metrics) -> Self {
        Self { jobs: VecDeque::new(), queue: metrics.queue(S::NAME), batch: metrics.batch(S::NAME) }
    }

    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    pub fn push(&mut self, job: Job<S>) {
        self.jobs.push_back(job);
        self.queue.depth.set(self.jobs.len() as i64);
    }

    /// How long the lane wants to wait for more jobs before it is cut: none when it holds a full batch or has waited `linger`.
    pub fn wants_to_wait(&self, budget: Budget, linger: Duration, now: Instant) -> Option<Duration> {
        let oldest = self.jobs.front()?;
        if self.jobs.len() >= budget.rows.get() {
            return None;
        }
        let left = linger.saturating_sub(now.saturating_duration_since(oldest.queued));
        (!left.is_zero()).then_some(left)
    }

    /// Takes the next batch and drops what nobody needs. `hands` executors are free to share the waiting jobs.
    pub fn cut(
        &mut self,
        terms: Terms,
        hands: NonZeroUsize,
        now: Instant,
        metrics: &Metrics,
    ) -> Option<Batch<S>> {
        let share = NonZeroUsize::new(self.jobs.len().div_ceil(hands.get()))?;
        let terms = Terms { budget: terms.budget.at_most(share), ..terms };
        let verdicts = batching::cut(self.jobs.iter().map(Job::waiting), terms, now);
        let mut taken = Vec::with_capacity(terms.budget.rows.get());
        let mut kept = Vec::new();
        for (job, verdict) in self.jobs.drain(..verdicts.len()).zip(verdicts) {
            match verdict {
                Verdict::Take => taken.push(job),
                Verdict::Keep => kept.push(job),
                Verdict::Departed => metrics.reject(Rejection::Withdrawn),
                Verdict::Expired => job.answer(Err(Error::Expired)),
            }
        }
        for job in kept.into_iter().rev() {
            self.jobs.push_front(job);
        }
        self.queue.depth.set(self.jobs.len() as i64);
        (!taken.is_empty()).then(|| {
            self.record(&taken, now);
            Batch { jobs: taken }
        })
    }

    /// Records that jobs have stopped waiting.
    fn record(&self, taken: &[Job<S>], now: Instant) {
        for job in taken {
            let waited = now.saturating_duration_since(job.queued);
            job.caller.timing.add(Phase::Queue, waited);
            self.queue.wait.observe(waited.as_secs_f64());
        }
        self.batch.size.observe(taken.len() as f64);
        self.batch.padding.observe(batching::padding(taken.iter().map(|job| S::extent(&job.input))));
    }
}

/// Jobs that run together.
pub(super) struct Batch<S: Stage> {
    pub jobs: Vec<Job<S>>,
}

impl<S: Stage> Batch<S> {
    /// The batch's time counts for each job in it.
    pub fn count(&self, timing: &Timing) {
        self.jobs.iter().for_each(|job| job.caller.timing.absorb(timing));
    }

    /// The questions that can be asked now that the jobs have their outputs.
    pub fn follow(&self, outputs: &[S::Output]) -> Vec<Job<Questions>> {
        self.jobs.iter().zip(outputs).filter_map(|(job, output)| S::follow(&job.input, output)).collect()
    }

    /// Hands each caller its row, or all of them the one failure.
    pub fn finish(self, outcome: Result<Vec<S::Output>, Failed>) {
        match outcome {
            Ok(outputs) => {
                for (job, output) in self.jobs.into_iter().zip(outputs) {
                    job.answer(Ok(output));
                }
            }
            Err(Failed { graph, source }) => {
                tracing::error!(graph, error = %source, jobs = self.jobs.len(), "batch failed");
                let source = Arc::new(source);
                for job in self.jobs {
                    job.answer(Err(Error::Graph { graph, source: Arc::clone(&source) }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::tests::call;
    use super::super::call::{Call, Reply};
    use super::super::features::ReadText;
    use super::super::stage::Texts;
    use super::*;

    fn a_job(tokens: Vec<i64>, call: &Call) -> (Job<Texts>, Reply<ReadText>) {
        let (caller, reply) = Caller::new(call);
        (Job::new(tokens, caller), reply)
    }

    fn lane() -> (Lane<Texts>, Metrics) {
        let metrics = Metrics::new();
        (Lane::new(&metrics), metrics)
    }

    fn budget(rows: usize, slots: usize) -> Budget {
        Budget { rows: NonZeroUsize::new(rows).unwrap(), slots: NonZeroUsize::new(slots).unwrap() }
    }

    fn terms(rows: usize, slots: usize) -> Terms {
        Terms { budget: budget(rows, slots), run: 10 }
    }

    fn lengths(batch: Option<Batch<Texts>>) -> Vec<usize> {
        batch.map(|batch| batch.jobs.iter().map(|job| job.input.len()).collect()).unwrap_or_default()
    }

    #[test]
    fn jobs_that_do_not_fit_keep_their_place_in_front() {
        let (mut lane, metrics) = lane();
        let replies: Vec<_> = [2, 30, 2, 3]
            .map(|length| {
                let (job, reply) = a_job(vec![7; length], &call(None));
                lane.push(job);
                reply
            })
            .into();
        let now = Instant::now();
        assert_eq!(lengths(lane.cut(terms(8, 12), NonZeroUsize::MIN, now, &metrics)), [2, 2, 3]);
        assert_eq!(lengths(lane.cut(terms(8, 12), NonZeroUsize::MIN, now, &metrics)), [30]);
        assert!(lane.cut(terms(8, 12), NonZeroUsize::MIN, now, &metrics).is_none());
        drop(replies);
    }

    #[test]
    fn free_executors_share_what_waits() {
        let (mut lane, metrics) = lane();
        let replies: Vec<_> = (0..5)
            .map(|_| {
                let (job, reply) = a_job(vec![7; 3], &call(None));
                lane.push(job);
                reply
            })
            .collect();
        let two = NonZeroUsize::new(2).unwrap();
        assert_eq!(lengths(lane.cut(terms(8, 100), two, Instant::now(), &metrics)).len(), 3);
        assert_eq!(lane.len(), 2);
        drop(replies);
    }

    #[test]
    fn a_departed_job_is_dropped_and_an_expired_one_is_told() {
        let (mut lane, metrics) = lane();
        let (departed, reply) = a_job(vec![7; 3], &call(None));
        drop(reply);
        lane.push(departed);
        let now = Instant::now();
        let (expired, mut told) = a_job(vec![7; 3], &call(Some(now)));
        lane.push(expired);
        assert!(lane.cut(terms(8, 100), NonZeroUsize::MIN, now, &metrics).is_none());
        assert_eq!(metrics.rejections(Rejection::Withdrawn), 1);
        assert!(matches!(told.try_recv(), Ok(Err(Error::Expired))));
        assert!(metrics.render().contains("cmal_queue_depth{stage=\"text\"} 0"));
    }

    #[test]
    fn a_lane_lingers_from_its_first_job_until_it_is_full() {
        let (mut lane, _) = lane();
        let (job, _first) = a_job(vec![7], &call(None));
        let queued = job.queued;
        let linger = Duration::from_millis(10);
        assert_eq!(
            lane.wants_to_wait(budget(2, 9), linger, queued),
            None,
            "an empty lane has nothing to wait for"
        );
        lane.push(job);
        assert_eq!(lane.wants_to_wait(budget(2, 9), Duration::ZERO, queued), None);
        let later = queued + Duration::from_millis(4);
        assert_eq!(lane.wants_to_wait(budget(2, 9), linger, later), Some(Duration::from_millis(6)));
        assert_eq!(lane.wants_to_wait(budget(2, 9), linger, queued + linger), None);
        let (job, _second) = a_job(vec![7], &call(None));
        lane.push(job);
        assert_eq!(lane.wants_to_wait(budget(2, 9), linger, later), None, "a full batch doesn't wait");
    }
}
