//! One accepted request as the engine sees it: its deadline and its durations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
        answer: Reply<T>,
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

    /// Does `work`, until the deadline at the latest.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
        metrics: &Metrics,
    ) -> Result<T, Error> {
        let Some(deadline) = self.deadline else { return work.await };
        time::timeout_at(deadline.into(), work).await.unwrap_or_else(|_| {
            metrics.reject(Rejection::Expired);
            Err(Error::Expired)
        })
    }
}

/// The call behind a piece of work, as the threads see it: where its answer goes, until when, and where its time is counted.
#[derive(Debug)]
pub(super) struct Caller<T> {
    reply: oneshot::Sender<Result<T, Error>>,
    pub deadline: Option<Instant>,
    pub timing: Arc<Timing>,
}

/// Where a call waits for the answer; dropping it withdraws the work.
pub(super) type Reply<T> = oneshot::Receiver<Result<T, Error>>;

impl<T> Caller<T> {
    pub fn new(call: &Call) -> (Self, Reply<T>) {
        let (reply, answer) = oneshot::channel();
        (Self { reply, deadline: call.deadline, timing: Arc::clone(&call.timing) }, answer)
    }

    /// Answers the call, which may have ended by now.
    pub fn answer(self, outcome: Result<T, Error>) {
        let _left = self.reply.send(outcome);
    }

    /// Whether nobody waits for the answer any more.
    pub fn has_left(&self) -> bool {
        self.reply.is_closed()
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
    Association,
    /// A graph on tensors that the caller gave.
    Raw,
}

impl Phase {
    pub const ALL: [Self; 8] = [
        Self::Decode,
        Self::Objects,
        Self::Vision,
        Self::Text,
        Self::Queue,
        Self::Fusion,
        Self::Association,
        Self::Raw,
    ];

    /// Those that every answer about a new picture goes through.
    pub const ANSWERING: [Self; 6] =
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
            Self::Association => "association",
            Self::Raw => "raw",
        }
    }
}

/// One stretch of a phase.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    pub phase: Phase,
    pub begun: Instant,
    pub spent: Duration,
}

/// Intervals that one call remembers; of a larger call only the sums are complete.
const INTERVALS: usize = 64;

/// Time spent in each phase, summed over the items of a call. A batch's whole duration counts for each call in it.
#[derive(Debug, Default)]
pub struct Timing {
    nanoseconds: [AtomicU64; Phase::ALL.len()],
    intervals: Mutex<Vec<Interval>>,
}

impl Timing {
    /// Adds time that ends now.
    pub(super) fn add(&self, phase: Phase, spent: Duration) {
        let now = Instant::now();
        self.count(phase, spent);
        self.remember(&[Interval { phase, begun: now.checked_sub(spent).unwrap_or(now), spent }]);
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
        Phase::ALL.into_iter().for_each(|phase| self.count(phase, other.get(phase)));
        // Taken before this one's own lock, so that two that absorb each other can't wait for each other.
        let intervals = other.intervals();
        self.remember(&intervals);
    }

    pub fn get(&self, phase: Phase) -> Duration {
        Duration::from_nanos(self.nanoseconds[phase as usize].load(Ordering::Relaxed))
    }

    /// The phases that took any time.
    pub fn phases(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        Phase::ALL.into_iter().map(|phase| (phase, self.get(phase))).filter(|(_, spent)| !spent.is_zero())
    }

    /// When the phases ran: the first 64 stretches that were added.
    pub fn intervals(&self) -> Vec<Interval> {
        self.remembered().clone()
    }

    fn count(&self, phase: Phase, spent: Duration) {
        let nanoseconds = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[phase as usize].fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn remember(&self, more: &[Interval]) {
        let mut intervals = self.remembered();
        let room = INTERVALS - intervals.len();
        intervals.extend_from_slice(&more[..more.len().min(room)]);
    }

    fn remembered(&self) -> MutexGuard<'_, Vec<Interval>> {
        self.intervals.lock().unwrap_or_else(PoisonError::into_inner)
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
    #[test]
    fn intervals_are_kept_with_their_beginnings_up_to_a_bound_and_sums_without_one() {
        let (batch, timing) = (Timing::default(), Timing::default());
        let before = Instant::now();
        batch.time(Phase::Vision, || std::hint::black_box(1));
        let one = batch.intervals();
        assert!(one.len() == 1 && one[0].phase == Phase::Vision && one[0].begun >= before);
        assert!(one[0].begun + one[0].spent <= Instant::now());
        batch.add(Phase::Vision, Duration::from_millis(1));
        (0..INTERVALS).for_each(|_| timing.absorb(&batch));
        assert_eq!(timing.intervals().len(), INTERVALS);
        assert!(timing.get(Phase::Vision) >= Duration::from_millis(INTERVALS as u64));
    }
}
