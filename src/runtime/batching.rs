//! Cutting a batch: a pure function of who waits, what a batch may and does cost, and the time.
//!
//! A batch is padded to its longest row of each kind and no further, and every slot costs its share. A run has a price of its own beside
//! its slots, high on a GPU and low on a CPU. So those that wait are parted into batches of the least cost together: runs are saved as
//! long as the padding that this takes is cheaper.

use std::num::NonZeroUsize;
use std::ops::Range;
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

/// What a batch may cost, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub budget: Budget,
    /// Slots that are computed in the time that a run takes beside its slots.
    pub run: usize,
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
/// The first live job is always taken, so nothing starves, together with those it shares a batch with when all that wait are done at the
/// least cost.
pub fn cut(waiting: impl IntoIterator<Item = Waiting>, terms: Terms, now: Instant) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut live: Vec<(usize, Extent)> = Vec::new();
    for job in waiting {
        if live.len() == LOOK_AHEAD * terms.budget.rows.get() {
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
    if let Some(&(first, _)) = live.first() {
        // Of equal extents the earlier job stays in front.
        live.sort_by_key(|(_, extent)| (extent.slots(), extent.objects));
        let place = live.iter().position(|(at, _)| *at == first).unwrap_or(0);
        let extents: Vec<Extent> = live.iter().map(|(_, extent)| *extent).collect();
        for (at, _) in &live[batch_of(place, &extents, terms)] {
            verdicts[*at] = Verdict::Take;
        }
    }
    let moving = verdicts.iter().rposition(|verdict| *verdict != Verdict::Keep);
    verdicts.truncate(moving.map_or(0, |last| last + 1));
    verdicts
}

/// The batch of the job at `place` when neighbours among `extents`, in their order, are parted into batches of the least cost.
fn batch_of(place: usize, extents: &[Extent], terms: Terms) -> Range<usize> {
    let count = extents.len();
    // For each job the least cost of it and those behind it, and the end of the batch that it then begins.
    let mut least = vec![(0, count); count + 1];
    for begin in (0..count).rev() {
        let mut joined = Extent::default();
        let mut best = (usize::MAX, begin + 1);
        for end in begin + 1..=count.min(begin + terms.budget.rows.get()) {
            joined = joined.join(extents[end - 1]);
            let slots = joined.slots() * (end - begin);
            if end > begin + 1 && slots > terms.budget.slots.get() {
                break;
            }
            let cost = least[end].0 + terms.run + slots;
            // Of equal costs the fuller batch goes first.
            if cost <= best.0 {
                best = (cost, end);
            }
        }
        least[begin] = best;
    }
    let mut begin = 0;
    while least[begin].1 <= place {
        begin = least[begin].1;
    }
    begin..least[begin].1
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

    /// Where a run costs more than any padding.
    fn terms(rows: usize, slots: usize) -> Terms {
        let [rows, slots] = [rows, slots].map(|bound| NonZeroUsize::new(bound).unwrap());
        Terms { budget: Budget { rows, slots }, run: 1000 }
    }

    fn tokens(tokens: usize) -> Waiting {
        Waiting { extent: Extent { objects: 0, tokens }, departed: false, deadline: None }
    }

    #[test]
    fn padding_counts_against_the_budget() {
        let verdicts = cut([tokens(4), tokens(10), tokens(9), tokens(9)], terms(8, 20), Instant::now());
        assert_eq!(verdicts, [Take, Keep, Take], "a third row would make 3 × 9 slots");
    }

    #[test]
    fn objects_and_tokens_are_padded_apart() {
        let pair =
            |objects, tokens| Waiting { extent: Extent { objects, tokens }, ..super::tests::tokens(0) };
        let verdicts = cut([pair(9, 1), pair(1, 9)], terms(8, 35), Instant::now());
        assert_eq!(verdicts, [Take], "together they need 2 × (9 + 9) slots");
        assert_eq!(cut([pair(9, 1), pair(1, 9)], terms(8, 36), Instant::now()), [Take, Take]);
    }

    #[test]
    fn shorter_jobs_behind_one_that_does_not_fit_are_taken() {
        let verdicts = cut([tokens(3), tokens(30), tokens(3)], terms(8, 12), Instant::now());
        assert_eq!(verdicts, [Take, Keep, Take]);
    }

    #[test]
    fn a_job_beyond_the_budget_goes_alone_when_it_is_first() {
        assert_eq!(cut([tokens(50), tokens(1)], terms(8, 12), Instant::now()), [Take]);
    }

    #[test]
    fn jobs_of_about_one_length_share_a_batch_and_the_first_sets_it() {
        let waiting = [9, 3, 8, 4, 9, 3].map(tokens);
        assert_eq!(cut(waiting, terms(3, 100), Instant::now()), [Take, Keep, Take, Keep, Take]);
        let without_the_long = [3, 4, 3].map(tokens);
        assert_eq!(cut(without_the_long, terms(2, 100), Instant::now()), [Take, Keep, Take]);
        assert_eq!(
            cut(without_the_long, terms(9, 100), Instant::now()),
            [Take; 3],
            "room is never left empty for it"
        );
    }

    #[test]
    fn padding_is_taken_while_it_costs_less_than_a_run() {
        let waiting = [5, 8, 5, 30, 28, 5].map(tokens);
        let taken = |run| {
            let verdicts = cut(waiting, Terms { run, ..terms(8, 1000) }, Instant::now());
            verdicts.iter().filter(|verdict| **verdict == Take).count()
        };
        // Three of one length are alike at any price; a fourth pads each of them by 3, and those of 30 by 23 and 25 more.
        assert_eq!([0, 8, 9, 80, 90].map(taken), [3, 3, 4, 4, 6]);
    }

    #[test]
    fn no_other_parting_of_neighbours_costs_less() {
        let mut random = SmallRng::seed_from_u64(3);
        for _ in 0..200 {
            let terms = Terms { run: random.random_range(0..40), ..terms(random.random_range(1..6), 90) };
            let mut extents: Vec<Extent> = (0..random.random_range(1..9))
                .map(|_| Extent { objects: random.random_range(0..9), tokens: random.random_range(1..30) })
                .collect();
            extents.sort_by_key(|extent| extent.slots());
            let cost = |batch: &[Extent]| {
                let joined = batch.iter().fold(Extent::default(), |all, one| all.join(*one));
                let slots = joined.slots() * batch.len();
                let fits = batch.len() <= terms.budget.rows.get() && slots <= terms.budget.slots.get();
                (batch.len() == 1 || fits).then_some(terms.run + slots)
            };
            // A bit for each place between two neighbours that may be a border.
            let least = (0..1_u32 << (extents.len() - 1))
                .filter_map(|borders| {
                    let mut place = 0;
                    let parts = extents.chunk_by(|_, _| {
                        place += 1;
                        borders >> (place - 1) & 1 == 0
                    });
                    parts.map(cost).sum::<Option<usize>>()
                })
                .min();
            let (mut begin, mut found) = (0, 0);
            while begin < extents.len() {
                let batch = batch_of(begin, &extents, terms);
                assert_eq!(batch.start, begin);
                found += cost(&extents[batch.clone()]).unwrap();
                begin = batch.end;
            }
            assert_eq!(Some(found), least, "{extents:?} at {terms:?}");
        }
    }

    #[test]
    fn the_departed_and_the_expired_cost_no_row() {
        let now = Instant::now();
        let departed = Waiting { departed: true, ..tokens(5) };
        let expired = Waiting { deadline: Some(now), ..tokens(5) };
        let in_time = Waiting { deadline: Some(now + Duration::from_millis(1)), ..tokens(5) };
        let verdicts = cut([departed, expired, in_time, tokens(5)], terms(2, 100), now);
        assert_eq!(verdicts, [Departed, Expired, Take, Take]);
    }

    #[test]
    fn rows_are_bounded() {
        let verdicts = cut(vec![tokens(1); 9], terms(4, 1000), Instant::now());
        assert_eq!(verdicts, [Take; 4]);
    }

    #[test]
    fn any_queue_is_cut_within_its_budget_and_drains() {
        let mut random = SmallRng::seed_from_u64(7);
        let now = Instant::now();
        for _ in 0..500 {
            let terms = Terms {
                run: random.random_range(0..60),
                ..terms(random.random_range(1..9), random.random_range(1..200))
            };
            let budget = terms.budget;
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
                let verdicts = cut(queue.iter().copied(), terms, now);
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
