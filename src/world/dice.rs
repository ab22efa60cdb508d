//! Where chance comes from: one generator per scene and purpose, so that no scene depends on another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::part::Part;

pub type Dice = ChaCha8Rng;

/// What a stream of chance decides; streams of one scene are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Scene,
    Wear,
    Paper,
    Captions,
    Questions,
    Hypotheses,
    Expressions,
}

/// The generator for one purpose of one scene.
pub fn dice(seed: u64, index: u64, part: Part, purpose: Purpose) -> Dice {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&index.to_le_bytes());
    key[16] = part as u8;
    let mut dice = Dice::from_seed(key);
    dice.set_stream(purpose as u64);
    dice
}
