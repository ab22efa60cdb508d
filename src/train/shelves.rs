//! Which samples a shard takes: those alike in length, so that little of a batch is padding.

use rand::seq::SliceRandom;

use super::dice::{Rounds, dice};

/// Bands of like token counts in a block, and shelves of like object counts in a band.
const BANDS: usize = 4;
/// Shards whose samples are drawn together.
const BLOCK: usize = BANDS * BANDS;

/// Slots that a sample takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    pub tokens: usize,
    pub objects: usize,
}

/// A walk through the samples in a new order each round. A block of shards at a time is laid on shelves by length; a shard takes one.
#[derive(Clone, Copy, Debug)]
pub struct Shelves {
    pub seed: u64,
    /// Shards of one step: they take neighbouring shelves, so that none waits long for the others.
    pub workers: usize,
}

impl Shelves {
    /// The samples of a shard, `count` of `items`; none if there are no items. Walks for other purposes have another order, but a
    /// shard's shelf is as far along in each of them.
    pub fn take(
        &self,
        purpose: &str,
        shard: usize,
        count: usize,
        items: usize,
        length: impl Fn(usize) -> Length,
    ) -> Vec<usize> {
        let (block, place) = (shard / BLOCK, shard % BLOCK);
        let mut drawn = Rounds::new(self.seed, purpose, items).take(block * BLOCK * count, BLOCK * count);
        if drawn.is_empty() {
            return drawn;
        }
        drawn.sort_by_key(|&item| length(item).tokens);
        for band in drawn.chunks_mut(BANDS * count) {
            band.sort_by_key(|&item| length(item).objects);
        }
        let shelf = self.order(block)[place];
        drawn[shelf * count..(shelf + 1) * count].to_vec()
    }

    /// The shelf of each shard of a block.
    fn order(&self, block: usize) -> Vec<usize> {
        let together = if BLOCK.is_multiple_of(self.workers) { self.workers } else { 1 };
        let mut steps: Vec<usize> = (0..BLOCK / together).collect();
        steps.shuffle(&mut dice(self.seed, "shelves", block as u64));
        steps.into_iter().flat_map(|step| step * together..(step + 1) * together).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const ITEMS: usize = 700;
    const COUNT: usize = 9;

    fn length(item: usize) -> Length {
        Length { tokens: 3 + item * 7 % 29, objects: 1 + item * 11 % 13 }
    }

    fn taken(shards: std::ops::Range<usize>) -> Vec<Vec<usize>> {
        let shelves = Shelves { seed: 4, workers: 2 };
        shards.map(|shard| shelves.take("walk", shard, COUNT, ITEMS, length)).collect()
    }

    #[test]
    fn every_sample_is_taken_as_often_as_in_a_plain_walk() {
        let blocks = 3;
        let mut counts: HashMap<usize, i32> = HashMap::new();
        taken(0..blocks * BLOCK).into_iter().flatten().for_each(|item| *counts.entry(item).or_default() += 1);
        let plain = Rounds::new(4, "walk", ITEMS).take(0, blocks * BLOCK * COUNT);
        plain.into_iter().for_each(|item| *counts.entry(item).or_default() -= 1);
        assert!(counts.values().all(|&count| count == 0));
    }

    #[test]
    fn shards_and_the_steps_that_they_make_are_alike_in_length() {
        let spread = |items: &[usize], of: fn(Length) -> usize| {
            let lengths = || items.iter().map(|&item| of(length(item)));
            lengths().max().unwrap() - lengths().min().unwrap()
        };
        let shards = taken(0..8 * BLOCK);
        let mean = |of: fn(Length) -> usize| {
            let steps = shards.chunks(2).map(|step| spread(&step.concat(), of)).sum::<usize>();
            steps as f64 / (shards.len() / 2) as f64
        };
        assert!(mean(|length| length.tokens) < 10.0, "{}", mean(|length| length.tokens));
        assert!(mean(|length| length.objects) < 8.0, "{}", mean(|length| length.objects));
    }

    #[test]
    fn short_ones_do_not_come_before_long_ones() {
        let order = Shelves { seed: 4, workers: 2 }.order(0);
        assert!(!order.is_sorted());
        assert_ne!(order, Shelves { seed: 4, workers: 2 }.order(1));
    }

    #[test]
    fn no_items_give_no_samples() {
        assert!(Shelves { seed: 4, workers: 3 }.take("walk", 5, COUNT, 0, length).is_empty());
    }
}
