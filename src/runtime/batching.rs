//! Cutting a batch: a pure function of who waits, what a batch may cost, and the time.
//!
//! A batch is padded to its longest row of each kind and no further, because on a CPU every slot costs its share. So the jobs that
//! lie together are those of about one length, as far as there are more jobs than a batch takes.

use std::num::NonZeroUsize;
use std::time::Instant;

/// Bounds of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Jobs.
    pub rows: NonZeroUsize,
    /// Slots with their padding: the longest row × rows. A job that is longer than this alone makes a batch of its own.
    pub slots: NonZeroUsize,
}

impl Budget {
    /// The same bounds with no more than `rows` jobs.
    pub fn at_most(self, rows: NonZeroUsize) -> Self {
        Self { rows: self.rows.min(rows), ..self }
    }
}

impl Default for Budget {
    fn default() -> Self {
        const ONE: NonZeroUsize = NonZeroUsize::MIN;
        Self { rows: ONE.saturating_add(15), slots: ONE.saturating_add(2047) }
    }
}

/// Slots that a job takes of each kind; a batch is padded to the most of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub objects: usize,
    pub tokens: usize,
}

impl Extent {
    /// What both need to lie in one batch.
    pub fn join(self, other: Self) -> Self {
        Self { objects: self.objects.max(other.objects), tokens: self.tokens.max(other.tokens) }
    }

    /// Slots that differ: what one of the two is padded by beside the other.
    pub fn apart(self, other: Self) -> usize {
        self.objects.abs_diff(other.objects) + self.tokens.abs_diff(other.tokens)
    }

    /// Slots of one row; at least one.
    pub fn slots(self) -> usize {
        (self.objects + self.tokens).max(1)
    }
}

/// A job that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub extent: Extent,
    /// Nobody waits for the answer any more.
    pub departed: bool,
    pub deadline: Option<Instant>,
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Take,
    /// It doesn't fit this batch and keeps its place.
    Keep,
    Departed,
    Expired,
}

/// Chooses among so many times the rows of a batch.
const LOOK_AHEAD: usize = 4;

/// Decides about the jobs at the head of a queue, in its order: one verdict for each up to the last that doesn't simply stay.
///
/// The first live job is always taken, so nothing starves. After it come those of the most similar extent, the earlier ones first,
/// as long as they keep the padded cost within the budget.
pub fn cut(waiting: impl IntoIterator<Item = Waiting>, budget: Budget, now: Instant) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut live: Vec<(usize, Extent)> = Vec::new();
    for job in waiting {
        if live.len() == LOOK_AHEAD * budget.rows.get() {
            break;
        }
        verdicts.push(if job.deadline.is_some_and(|deadline| deadline <= now) {
            Verdict::Expired
        } else if job.departed {
            Verdict::Departed
        } else {
            live.push((verdicts.len(), job.extent));
            Verdict::Keep
        });
    }
    if let Some(&(_, first)) = live.first() {
        live.sort_by_key(|(_, extent)| first.apart(*extent));
        let (mut rows, mut extent) = (0, Extent::default());
        for (at, job) in live {
            let joined = extent.join(job);
            let fits = rows == 0 || joined.slots() * (rows + 1) <= budget.slots.get();
            if fits && rows < budget.rows.get() {
                rows += 1;
                extent = joined;
                verdicts[at] = Verdict::Take;
            }
        }
    }
    let moving = verdicts.iter().rposition(|verdict| *verdict != Verdict::Keep);
    verdicts.truncate(moving.map_or(0, |last| last + 1));
    verdicts
}

/// Share of a batch's slots that is padding, 0..1; the batch is not empty.
pub fn padding(extents: impl ExactSizeIterator<Item = Extent>) -> f64 {
    let rows = extents.len();
    let (mut joined, mut real) = (Extent::default(), 0);
    for extent in extents {
        joined = joined.join(extent);
        real += extent.slots();
    }
    1.0 - real as f64 / (joined.slots() * rows) as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::Verdict::{Departed, Expired, Keep, Take};
    use super::*;

    fn budget(rows: usize, slots: usize) -> Budget {
        Budget { rows: NonZeroUsize::new(rows).unwrap(), slots: NonZeroUsize::new(slots).unwrap() }
    }

    fn tokens(tokens: usize) -> Waiting {
        Waiting { extent: Extent { objects: 0, tokens }, departed: false, deadline: None }
    }

    #[test]
    fn padding_counts_against_the_budget() {
        let verdicts = cut([tokens(4), tokens(10), tokens(9), tokens(9)], budget(8, 20), Instant::now());
        assert_eq!(verdicts, [Take, Keep, Take], "a third row would make 3 × 9 slots");
    }

    #[test]
    fn objects_and_tokens_are_padded_apart() {
        let pair =
            |objects, tokens| Waiting { extent: Extent { objects, tokens }, ..super::tests::tokens(0) };
        let verdicts = cut([pair(9, 1), pair(1, 9)], budget(8, 35), Instant::now());
        assert_eq!(verdicts, [Take], "together they need 2 × (9 + 9) slots");
        assert_eq!(cut([pair(9, 1), pair(1, 9)], budget(8, 36), Instant::now()), [Take, Take]);
    }

    #[test]
    fn shorter_jobs_behind_one_that_does_not_fit_are_taken() {
        let verdicts = cut([tokens(3), tokens(30), tokens(3)], budget(8, 12), Instant::now());
        assert_eq!(verdicts, [Take, Keep, Take]);
    }

    #[test]
    fn a_job_beyond_the_budget_goes_alone_when_it_is_first() {
        assert_eq!(cut([tokens(50), tokens(1)], budget(8, 12), Instant::now()), [Take]);
    }

    #[test]
    fn jobs_of_about_one_length_share_a_batch_and_the_first_sets_it() {
        let waiting = [9, 3, 8, 4, 9, 3].map(tokens);
        assert_eq!(cut(waiting, budget(3, 100), Instant::now()), [Take, Keep, Take, Keep, Take]);
        let without_the_long = [3, 4, 3].map(tokens);
        assert_eq!(cut(without_the_long, budget(2, 100), Instant::now()), [Take, Keep, Take]);
        assert_eq!(
            cut(without_the_long, budget(9, 100), Instant::now()),
            [Take; 3],
            "room is never left empty for it"
        );
    }

    #[test]
    fn the_departed_and_the_expired_cost_no_row() {
        let now = Instant::now();
        let departed = Waiting { departed: true, ..tokens(5) };
        let expired = Waiting { deadline: Some(now), ..tokens(5) };
        let in_time = Waiting { deadline: Some(now + Duration::from_millis(1)), ..tokens(5) };
        let verdicts = cut([departed, expired, in_time, tokens(5)], budget(2, 100), now);
        assert_eq!(verdicts, [Departed, Expired, Take, Take]);
    }

    #[test]
    fn rows_are_bounded() {
        let verdicts = cut(vec![tokens(1); 9], budget(4, 1000), Instant::now());
        assert_eq!(verdicts, [Take; 4]);
    }

    #[test]
    fn any_queue_is_cut_within_its_budget_and_drains() {
        let mut random = SmallRng::seed_from_u64(7);
        let now = Instant::now();
        for _ in 0..500 {
            let budget = budget(random.random_range(1..9), random.random_range(1..200));
            let mut queue: Vec<Waiting> = (0..random.random_range(0..60))
                .map(|_| Waiting {
                    extent: Extent {
                        objects: random.random_range(0..12),
                        tokens: random.random_range(0..40),
                    },
                    departed: random.random_bool(0.1),
                    deadline: random.random_bool(0.1).then_some(now),
                })
                .collect();
            while !queue.is_empty() {
                let verdicts = cut(queue.iter().copied(), budget, now);
                let taken: Vec<_> = queue.iter().zip(&verdicts).filter(|(_, v)| **v == Take).collect();
                let extent = taken.iter().fold(Extent::default(), |all, (job, _)| all.join(job.extent));
                assert!(taken.len() <= budget.rows.get());
                assert!(taken.len() <= 1 || extent.slots() * taken.len() <= budget.slots.get());
                assert!(taken.iter().all(|(job, _)| !job.departed && job.deadline.is_none()));
                assert!(verdicts.iter().any(|verdict| *verdict != Keep), "nothing moves");
                let first_live = queue.iter().position(|job| !job.departed && job.deadline.is_none());
                assert!(first_live.is_none_or(|first| verdicts.get(first).is_none_or(|v| *v == Take)));
                let mut verdicts = verdicts.into_iter();
                queue.retain(|_| verdicts.next().is_none_or(|verdict| verdict == Keep));
            }
        }
    }

    #[test]
    fn the_padding_ratio_is_the_share_of_slots_that_hold_nothing() {
        let extents = [2, 4].map(|tokens| Extent { objects: 0, tokens });
        assert!((padding(extents.into_iter()) - 0.25).abs() < 1e-12);
    }
}
