//! How long calls take, learnt while they are served: what callers that are refused are told.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::call::Phase;

/// The shortest time that is told: Retry-After counts in seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// Time per item of each phase, smoothed.
#[derive(Debug)]
pub(super) struct Pace {
    nanoseconds: [AtomicU64; Phase::ALL.len()],
    hands: NonZeroUsize,
}

impl Pace {
    /// `hands` threads work at the same time.
    pub fn new(hands: NonZeroUsize) -> Self {
        Self { nanoseconds: Default::default(), hands }
    }

    /// Learns from one item; it counts for an eighth. Two threads that record at once may lose one of their values, which does no harm.
    pub fn record(&self, phase: Phase, item: Duration) {
        let item = u64::try_from(item.as_nanos()).unwrap_or(u64::MAX);
        let learnt = &self.nanoseconds[phase as usize];
        let before = learnt.load(Ordering::Relaxed);
        learnt.store(if before == 0 { item } else { before - before / 8 + item / 8 }, Ordering::Relaxed);
    }

    /// About when so many calls are done. A call runs one graph on tensors or goes through all other phases; the longer is reckoned with.
    pub fn retry_after(&self, calls: usize) -> Duration {
        let learnt = |phase: Phase| self.nanoseconds[phase as usize].load(Ordering::Relaxed);
        let answer: u64 = Phase::ANSWER.into_iter().map(learnt).sum();
        let call = answer.max(learnt(Phase::Raw));
        let all = call.saturating_mul(calls as u64) / self.hands.get() as u64;
        Duration::from_nanos(all).max(SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_told_grows_with_the_calls_and_falls_with_the_hands() {
        let told = |hands: usize, calls| {
            let pace = Pace::new(NonZeroUsize::new(hands).unwrap());
            pace.record(Phase::Objects, Duration::from_millis(4));
            pace.record(Phase::Fusion, Duration::from_millis(6));
            pace.retry_after(calls)
        };
        assert_eq!(told(1, 400), Duration::from_secs(4));
        assert_eq!(told(2, 400), Duration::from_secs(2));
        assert_eq!(told(2, 1), SHORTEST);
    }

    #[test]
    fn a_call_is_an_answer_or_a_raw_run_and_not_both() {
        let pace = Pace::new(NonZeroUsize::MIN);
        pace.record(Phase::Objects, Duration::from_millis(4));
        pace.record(Phase::Raw, Duration::from_millis(3));
        assert_eq!(pace.retry_after(1000), Duration::from_secs(4));
        pace.record(Phase::Raw, Duration::from_millis(80));
        assert!(pace.retry_after(1000) > Duration::from_secs(10));
    }

    #[test]
    fn a_change_of_pace_is_followed() {
        let pace = Pace::new(NonZeroUsize::MIN);
        (0..100).for_each(|_| pace.record(Phase::Text, Duration::from_millis(1)));
        (0..100).for_each(|_| pace.record(Phase::Text, Duration::from_millis(9)));
        let told = pace.retry_after(1000).as_secs_f64();
        assert!((told - 9.0).abs() < 0.1, "{told}");
    }
}
