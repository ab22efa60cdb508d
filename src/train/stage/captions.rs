//! What both ways to pre-train do with captions: draw those of a shard, and guess at what is masked in those of the validation part, by the
//! same chance, so that their figures are of the same masks.

use super::association::{AssociationBatch, Guesses, Source};
use super::negatives::Caption;
use crate::model::Cmal;
use crate::train::dice::dice;
use crate::train::material::Material;
use crate::train::recipe::Association;
use crate::train::samples::Samples;
use crate::train::schedule::Schedule;
use crate::train::shelves::Shelves;

/// Captions that a validation looks at, at most.
const VALIDATED: usize = 1000;

/// The captions of a shard.
pub fn drawn<'s>(
    train: &'s Samples,
    material: &Material,
    (seed, schedule): (u64, Schedule),
    shard: usize,
) -> Vec<&'s Caption> {
    let shelves = Shelves { seed, workers: schedule.workers };
    material.drawn(shelves, "pretrain", &train.captions, (shard, schedule.shard()))
}

/// The captions that a validation looks at.
pub fn validated(material: &Material) -> &[Caption] {
    let captions = &material.val.captions;
    &captions[..captions.len().min(VALIDATED)]
}

/// Guesses at what the shares mask and swap in them; if `silenced`, nothing crosses from one modality to the other through the filled slots.
pub fn guesses(
    model: &Cmal,
    material: &Material,
    shares: &Association,
    seed: u64,
    batch: usize,
    silenced: bool,
) -> Guesses {
    let chosen: Vec<&Caption> = validated(material).iter().collect();
    let mut rng = dice(seed, "validation plans", 0);
    let source = Source::of(material, &material.device);
    let mut guesses = Guesses::default();
    for chunk in chosen.chunks(batch) {
        AssociationBatch::gather(chunk, &source, shares, &mut rng).guess(model, silenced, &mut guesses);
    }
    guesses
}
