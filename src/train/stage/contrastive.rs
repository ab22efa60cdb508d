//! The other third stage, which association is compared with: contrast of coarse vectors, matching with hard negatives and masked language
//! modelling, as in ALBEF (Li et al., arXiv 2107.07651) but for its momentum model.

use std::collections::HashSet;

use super::association::{AssociationBatch, Source};
use super::captions::{drawn, guesses, validated};
use super::judge::Judge;
use super::matching::Matched;
use super::negatives::Caption;
use crate::model::Cmal;
use crate::train::dice::dice;
use crate::train::error::Error;
use crate::train::material::{Material, rows};
use crate::train::recipe::{Association, Pretrain};
use crate::train::run::{Figures, Loss, Stage};
use crate::train::samples::Samples;
use crate::train::schedule::Schedule;

/// Contrastive pre-training.
pub struct ContrastiveStage<'a> {
    pub recipe: Pretrain,
    pub seed: u64,
    pub material: &'a Material,
    /// The captions to learn from.
    pub train: &'a Samples,
}

impl Stage for ContrastiveStage<'_> {
    type Model = Cmal;

    fn name(&self) -> &'static str {
        "pretrain"
    }

    fn schedule(&self) -> Schedule {
        self.recipe.schedule
    }

    fn loss(&self, model: &Cmal, shard: usize) -> Result<Loss, Error> {
        let device = self.material.device.clone().autodiff();
        let chosen = drawn(self.train, self.material, (self.seed, self.recipe.schedule), shard);
        let mut rng = dice(self.seed, "negatives and plans", shard as u64);

        // Two captions of one picture would be each other's negatives.
        let mut pictures = HashSet::new();
        let pairs: Vec<&Caption> =
            chosen.iter().copied().filter(|caption| pictures.insert(caption.picture)).collect();
        let (of_pairs, texts): (Vec<_>, Vec<_>) = rows(&pairs).unzip();
        let paired = self.material.encode(model, &of_pairs, &texts, &device);
        let matched = Matched::of(model, &paired, &pairs, pairs.len(), &mut rng);
        let mut parts = vec![("contrast", 1.0, matched.contrast)];
        parts.extend(matched.matching.map(|loss| ("matching", 1.0, loss)));

        let source = Source::of(self.material, &device);
        let masked = AssociationBatch::gather(&chosen, &source, &self.masking(), &mut rng);
        parts.extend(masked.losses(model).into_iter().map(|(name, _, loss)| (name, 1.0, loss)));
        Ok(Loss::sum(parts))
    }

    fn validate(&self, model: &Cmal) -> Result<Figures, Error> {
        let Self { recipe, seed, material, .. } = self;
        let batch = recipe.schedule.batch;
        let matching = Judge { model, material, batch }.matching(validated(material)).value;
        let guesses = guesses(model, material, &self.masking(), *seed, batch, false);
        let language = guesses.language.share();
        Ok(Figures {
            score: f64::midpoint(matching, language),
            named: vec![("matching", matching), ("mlm", language)],
        })
    }
}

impl ContrastiveStage<'_> {
    /// Only words are masked.
    fn masking(&self) -> Association {
        Association { anchors: 0.0, objects: 0.0, ..self.recipe.association }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use burn::module::Module;

    use super::*;
    use crate::train::recipe::Method;
    use crate::train::run::{Context, run, scalar};
    use crate::train::stage::testing::{Silent, fresh, material};

    #[test]
    fn every_part_of_the_loss_falls() {
        let material = material(300, 100);
        let stage = ContrastiveStage {
            recipe: Pretrain {
                method: Method::Cmcl,
                share: 1.0,
                schedule: Schedule {
                    steps: 300,
                    batch: 24,
                    rate: 3e-3,
                    warmup: 15,
                    validate_every: 300,
                    workers: 1,
                },
                association: Association::default(),
            },
            seed: 3,
            material: &material,
            train: &material.train,
        };
        let folder = tempfile::tempdir().unwrap();
        let context = Context { folder: folder.path(), observer: &Silent, stop: &AtomicBool::new(false) };
        let untrained = fresh(&material);
        // A shard that no step takes.
        let loss = |model: &Cmal| stage.loss(model, 1000).unwrap();
        let before = loss(&untrained);
        let trained = run(&stage, untrained, &context).unwrap();
        let after = loss(&trained);
        assert!(scalar(after.total) < 0.7 * scalar(before.total));
        let names: Vec<_> = before.parts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["contrast", "matching", "mlm"]);
        for ((name, before), (_, after)) in before.parts.into_iter().zip(after.parts) {
            let (before, after) = (scalar(before), scalar(after));
            // Matching has learned by now how often a pair belongs, and little more.
            assert!(after < 0.95 * before, "{name}: {before:.3} to {after:.3}");
        }
        let figures = stage.validate(&trained.valid()).unwrap();
        assert_eq!(figures.named.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["matching", "mlm"]);
    }
}
