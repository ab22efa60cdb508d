//! The stages of the association model, one after the other, in one folder.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::module::Module;

use super::checkpoint::Checkpoints;
use super::error::Error;
use super::material::Material;
use super::recipe::{Method, Recipe};
use super::run::{Context, Observer, run};
use super::samples::Samples;
use super::stage::{ContrastiveStage, FinetuneStage, Judge, PretrainStage};
use super::start::Origin;
use crate::bundle::Temperatures;
use crate::model::Cmal;
use crate::types::{Split, Task};

/// Folders of the last stage, and of what is kept of it where two ends are blended.
const FINETUNED: &str = "finetune";
const BLENDED: &str = "blended";

/// What is trained on what, where it is kept and who watches.
pub struct Course<'a> {
    pub recipe: &'a Recipe,
    pub material: &'a Material,
    pub origin: Origin<'a>,
    /// Folder of the stages' folders.
    pub folder: &'a Path,
    pub observer: &'a dyn Observer,
    pub stop: &'a AtomicBool,
}

impl Course<'_> {
    /// Runs the stages that are not done yet, and returns the model in inference mode.
    pub fn run(&self) -> Result<Cmal, Error> {
        let Self { recipe, material, .. } = self;
        material.device.seed(recipe.seed);
        let device = material.device.clone().autodiff();
        let cmal = Cmal::new(&recipe.model, &material.vocabulary, &device).materialize();
        let cmal = match self.origin {
            Origin::Random => cmal,
            Origin::Bundle(start) => start.cmal(cmal, &material.lexicon)?,
            Origin::Text(text) => text.cmal(cmal)?,
        };
        let cmal = if recipe.pretrain.runs() { self.pretrained(cmal)? } else { cmal };
        self.blended(self.finetuned(cmal)?)
    }

    /// The checkpoint of the association model that a finished course leaves.
    pub fn left(recipe: &Recipe, folder: &Path) -> Checkpoints {
        Checkpoints::new(folder.join(if recipe.finetune.blends() { BLENDED } else { FINETUNED }))
    }

    /// The tasks in training that there are samples of.
    pub fn tasks(&self, samples: &Samples) -> Vec<Task> {
        self.finetuning(&self.material.train).tasks(samples)
    }

    /// The temperatures of the trained model.
    pub fn temperatures(&self, cmal: &Cmal) -> Temperatures {
        let Self { recipe, material, .. } = self;
        let judge = Judge { model: cmal, material, batch: recipe.finetune.schedule.batch };
        judge.temperatures(&self.tasks(&material.val), &material.val)
    }

    fn pretrained(&self, cmal: Cmal) -> Result<Cmal, Error> {
        let (recipe, seed, material) = (self.recipe.pretrain, self.recipe.seed, self.material);
        let train = &*material.train.within(recipe.share, seed, &material.store);
        for (samples, split) in [(train, Split::Train), (&material.val, Split::Val)] {
            if samples.captions.is_empty() {
                return Err(Error::Missing { what: "captions", split: split.name(), stage: "pretrain" });
            }
        }
        let folder = self.folder.join("pretrain");
        let context = self.context(&folder);
        match recipe.method {
            Method::Cmal => run(&PretrainStage { recipe, seed, material, train }, cmal, &context),
            Method::Cmcl => run(&ContrastiveStage { recipe, seed, material, train }, cmal, &context),
            Method::None => Ok(cmal),
        }
    }

    fn finetuned(&self, cmal: Cmal) -> Result<Cmal, Error> {
        let Self { recipe, material, .. } = self;
        let train = &*material.train.within(recipe.finetune.share, recipe.seed, &material.store);
        let stage = self.finetuning(train);
        for (samples, split) in [(train, Split::Train), (&material.val, Split::Val)] {
            if stage.tasks(samples).is_empty() {
                let what = "records that the recipe's tasks can use";
                return Err(Error::Missing { what, split: split.name(), stage: "finetune" });
            }
        }
        Ok(run(&stage, cmal, &self.context(&self.folder.join(FINETUNED)))?.valid())
    }

    fn blended(&self, cmal: Cmal) -> Result<Cmal, Error> {
        let Self { recipe, material, origin, folder, .. } = self;
        let Origin::Bundle(start) = origin else { return Ok(cmal) };
        if !recipe.finetune.blends() {
            return Ok(cmal);
        }
        let left = Self::left(recipe, folder);
        if left.has_best()? {
            return left.load_best(cmal);
        }
        let blended = start.blended(cmal, recipe.finetune.blend, &material.lexicon)?;
        left.save_best(&blended)?;
        Ok(blended)
    }

    fn finetuning<'s>(&'s self, train: &'s Samples) -> FinetuneStage<'s> {
        let Self { recipe, material, .. } = self;
        FinetuneStage {
            recipe: recipe.finetune,
            association: recipe.pretrain.association,
            seed: recipe.seed,
            material,
            train,
        }
    }

    fn context<'s>(&'s self, folder: &'s Path) -> Context<'s> {
        Context { folder, observer: self.observer, stop: self.stop }
    }
}
