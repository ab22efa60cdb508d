//! Seeded randomness by place, not by history: every draw depends on the run's seed, what it is for and its number alone, so that a
//! resumed run draws what an uninterrupted one would have.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The generator of one place in a run.
pub fn dice(seed: u64, purpose: &str, number: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// An endless walk through `0..items` in a new order each round.
#[derive(Debug)]
pub struct Rounds {
    seed: u64,
    purpose: String,
    items: usize,
}

impl Rounds {
    pub fn new(seed: u64, purpose: impl Into<String>, items: usize) -> Self {
        Self { seed, purpose: purpose.into(), items }
    }

    /// The items at places `start..start + count` of the walk; none if there are no items.
    pub fn take(&self, start: usize, count: usize) -> Vec<usize> {
        let mut taken = Vec::with_capacity(count);
        let mut order: Option<(usize, Vec<usize>)> = None;
        for place in start..start + if self.items == 0 { 0 } else { count } {
            let round = place / self.items;
            let (_, order) = match order.take() {
                Some(known) if known.0 == round => order.insert(known),
                _ => order.insert((round, self.order(round))),
            };
            taken.push(order[place % self.items]);
        }
        taken
    }

    fn order(&self, round: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items).collect();
        order.shuffle(&mut dice(self.seed, &self.purpose, round as u64));
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_visits_every_item_once_a_round_and_can_be_entered_anywhere() {
        let rounds = Rounds::new(5, "walk", 7);
        let walk = rounds.take(0, 21);
        let mut first: Vec<_> = walk[..7].to_vec();
        first.sort_unstable();
        assert_eq!(first, (0..7).collect::<Vec<_>>());
        assert_ne!(walk[..7], walk[7..14]);
        assert_eq!(rounds.take(5, 9), walk[5..14]);
    }

    #[test]
    fn an_empty_walk_gives_nothing() {
        assert!(Rounds::new(5, "walk", 0).take(3, 4).is_empty());
    }
}
