//! One accepted request as the engine sees it: its deadline and its durations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time;

use crate::metrics::{Metrics, Rejection};

use super::error::Error;

/// A request that the engine has accepted, see [`Engine::admit`](super::Engine::admit). It counts as accepted until its last clone is
/// dropped.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) deadline: Option<Instant>,
    pub(super) timing: Arc<Timing>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Call {
    /// A call that holds `place` among the accepted ones.
    pub(super) fn new(deadline: Option<Instant>, place: OwnedSemaphorePermit) -> Self {
        Self { deadline, timing: Arc::default(), _place: Arc::new(place) }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Where the call's time has gone so far.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Waits for a stage's answer, until the deadline at the latest: a deadline passes on its own, however busy the stage is.
    pub(super) async fn wait<T>(
        &self,
        answer: oneshot::Receiver<Result<T, Error>>,
        stage: &'static str,
        metrics: &Metrics,
    ) -> Result<T, Error> {
        let answered = match self.deadline {
            Some(deadline) => time::timeout_at(deadline.into(), answer).await,
            None => Ok(answer.await),
        };
        let outcome = match answered {
            Ok(Ok(outcome)) => outcome,
            // The reply was dropped unanswered: its thread has panicked.
            Ok(Err(_)) => Err(Error::Interrupted { stage }),
            Err(_) => Err(Error::Expired),
        };
        if matches!(outcome, Err(Error::Expired)) {
            metrics.reject(Rejection::Expired);
        }
        outcome
    }
}

/// What a call spends time on, in the order a request meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Decode,
    Objects,
    Vision,
    Text,
    /// Waiting in front of any stage.
    Queue,
    Fusion,
    /// A graph on tensors that the caller gave.
    Raw,
}

impl Phase {
    pub const ALL: [Self; 7] =
        [Self::Decode, Self::Objects, Self::Vision, Self::Text, Self::Queue, Self::Fusion, Self::Raw];
    /// Those that an answer about a picture goes through.
    pub const ANSWER: [Self; 6] =
        [Self::Decode, Self::Objects, Self::Vision, Self::Text, Self::Queue, Self::Fusion];

    /// The name in `Server-Timing`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Objects => "objects",
            Self::Vision => "vision",
            Self::Text => "text",
            Self::Queue => "queue",
            Self::Fusion => "fusion",
            Self::Raw => "raw",
        }
    }
}

/// Time spent in each phase, summed over the items of a call. A batch's whole duration counts for each call in it.
#[derive(Debug, Default)]
pub struct Timing {
    nanoseconds: [AtomicU64; Phase::ALL.len()],
}

impl Timing {
    pub(super) fn add(&self, phase: Phase, spent: Duration) {
        let nanoseconds = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[phase as usize].fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Does `work` and adds the time it takes.
    pub(super) fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.add(phase, begun.elapsed());
        done
    }

    /// Adds the times of another call.
    pub fn absorb(&self, other: &Self) {
        Phase::ALL.into_iter().for_each(|phase| self.add(phase, other.get(phase)));
    }

    pub fn get(&self, phase: Phase) -> Duration {
        Duration::from_nanos(self.nanoseconds[phase as usize].load(Ordering::Relaxed))
    }

    /// The phases that took any time.
    pub fn phases(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        Phase::ALL.into_iter().map(|phase| (phase, self.get(phase))).filter(|(_, spent)| !spent.is_zero())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    /// A call outside any engine.
    pub fn call(deadline: Option<Instant>) -> Call {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Call::new(deadline, place)
    }

    #[test]
    fn a_phase_sums_its_items_and_phases_without_time_are_left_out() {
        let timing = Timing::default();
        timing.add(Phase::Text, Duration::from_millis(2));
        timing.add(Phase::Text, Duration::from_millis(3));
        timing.add(Phase::Fusion, Duration::from_millis(1));
        let phases: Vec<_> =
            timing.phases().map(|(phase, spent)| (phase.name(), spent.as_millis())).collect();
        assert_eq!(phases, [("text", 5), ("fusion", 1)]);
    }
}
