//! Third stage: associative pre-training on captions (section 3 of the paper).

use super::association::{AssociationBatch, Guesses, Source};
use super::captions::{drawn, guesses};
use crate::model::Cmal;
use crate::score::Figure;
use crate::train::dice::dice;
use crate::train::error::Error;
use crate::train::material::Material;
use crate::train::recipe::Pretrain;
use crate::train::run::{Figures, Loss, Stage};
use crate::train::samples::Samples;
use crate::train::schedule::Schedule;

/// Associative pre-training.
pub struct PretrainStage<'a> {
    pub recipe: Pretrain,
    pub seed: u64,
    pub material: &'a Material,
    /// The captions to learn from.
    pub train: &'a Samples,
}

impl Stage for PretrainStage<'_> {
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
        let mut rng = dice(self.seed, "plans", shard as u64);
        let source = Source::of(self.material, &device);
        let batch = AssociationBatch::gather(&chosen, &source, &self.recipe.association, &mut rng);
        Ok(Loss::sum(batch.losses(model)))
    }

    fn validate(&self, model: &Cmal) -> Result<Figures, Error> {
        let guesses = self.guess(model, false);
        let shares = [("amc_text", guesses.text), ("amc_object", guesses.objects), ("mlm", guesses.language)];
        let areas =
            [("associated_text", guesses.text_associated), ("associated_object", guesses.object_associated)];
        let shares =
            shares.into_iter().filter(|(_, hits)| hits.of > 0).map(|(name, hits)| (name, hits.share()));
        let areas = areas
            .into_iter()
            .filter_map(|(name, judged)| Some((name, Figure::area_under_curve(judged)?.value)));
        let named: Vec<_> = shares.chain(areas).collect();
        Ok(Figures::mean(named))
    }
}

impl PretrainStage<'_> {
    /// Guesses on the validation part; if `silenced`, nothing crosses from one modality to the other through the filled slots.
    pub fn guess(&self, model: &Cmal, silenced: bool) -> Guesses {
        let Self { recipe, seed, material, .. } = self;
        guesses(model, material, &recipe.association, *seed, recipe.schedule.batch, silenced)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use burn::module::Module;

    use super::*;
    use crate::train::recipe::{Association, Method};
    use crate::train::run::{Context, run};
    use crate::train::stage::testing::{Silent, fresh, material};

    /// What the words at filled slots can be guessed by without the filling: the other word of the same object is mostly in the text, the
    /// object itself is not, and two of four colours or five classes lie in the rest of the picture.
    const CONTEXT: f64 = 0.55;

    #[test]
    fn what_a_word_was_is_learned_from_the_filling_and_not_leaked_by_the_context() {
        let material = material(600, 150);
        let stage = PretrainStage {
            seed: 3,
            material: &material,
            train: &material.train,
            recipe: Pretrain {
                method: Method::Cmal,
                share: 1.0,
                schedule: Schedule {
                    steps: 500,
                    batch: 32,
                    rate: 3e-3,
                    warmup: 40,
                    validate_every: 200,
                    workers: 1,
                },
                association: Association { negatives: 0.2, shown: 0.0, ..Association::default() },
            },
        };
        let folder = tempfile::tempdir().unwrap();
        let context = Context { folder: folder.path(), observer: &Silent, stop: &AtomicBool::new(false) };
        let model = run(&stage, fresh(&material), &context).unwrap().valid();
        let (heard, silenced) = (stage.guess(&model, false), stage.guess(&model, true));
        assert!(heard.text.of > 80, "{heard:?}");
        assert!(heard.text.share() > 0.9, "with the filling: {:.3}", heard.text.share());
        assert!(silenced.text.share() < CONTEXT, "without the filling: {:.3}", silenced.text.share());
        let (with, without) = (heard.objects.share(), silenced.objects.share());
        assert!(
            with > 0.75 && with > without + 0.1,
            "an object with the filling: {with:.3}, without: {without:.3}"
        );
        // So few steps don't teach what belongs, but it is asked in both directions and measured.
        for judged in [heard.text_associated, heard.object_associated] {
            assert!(Figure::area_under_curve(judged).is_some_and(|area| area.count > 50));
        }
    }
}
