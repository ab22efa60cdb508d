//! Fourth stage: the four tasks at once, on one model.

use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::association::{AssociationBatch, Source};
use super::grounding;
use super::judge::{Judge, first};
use super::matching::Matched;
use super::negatives::{POOL, alike};
use crate::model::{Cmal, Fused};
use crate::train::batch::{floats, indices};
use crate::train::dice::dice;
use crate::train::error::Error;
use crate::train::loss::{cross_entropy, one_hot, soft_cross_entropy};
use crate::train::material::{Material, rows};
use crate::train::recipe::{Association, Finetune};
use crate::train::run::{Figures, Loss, Stage};
use crate::train::samples::{Referent, Sample, Samples};
use crate::train::schedule::Schedule;
use crate::train::shelves::Shelves;
use crate::types::{Entailment, Task};

/// Weights of the coarse vectors' and of the association's loss beside the tasks'.
const CONTRAST: f64 = 0.3;
const ASSOCIATION: f64 = 0.5;

/// Joint fine-tuning.
pub struct FinetuneStage<'a> {
    pub recipe: Finetune,
    pub association: Association,
    pub seed: u64,
    pub material: &'a Material,
    /// The records to learn from.
    pub train: &'a Samples,
}

/// The samples of a shard that ask something of one picture each.
struct Asked<'a> {
    vqa: Vec<&'a Sample<Vec<(usize, f32)>>>,
    entailment: Vec<&'a Sample<Entailment>>,
    grounding: Vec<&'a Sample<Referent>>,
}

impl Asked<'_> {
    /// Pictures and token rows of all samples, by task in the order of the fields.
    fn rows(&self) -> (Vec<usize>, Vec<&[i64]>) {
        rows(&self.vqa).chain(rows(&self.entailment)).chain(rows(&self.grounding)).unzip()
    }
}

impl Stage for FinetuneStage<'_> {
    type Model = Cmal;

    fn name(&self) -> &'static str {
        "finetune"
    }

    fn schedule(&self) -> Schedule {
        self.recipe.schedule
    }

    fn loss(&self, model: &Cmal, shard: usize) -> Result<Loss, Error> {
        let device = self.material.device.clone().autodiff();
        let mut rng = dice(self.seed, "negatives and plans", shard as u64);
        let mut parts = self.asked(model, shard, &device);
        parts.extend(self.matched(model, shard, &device, &mut rng));
        let refreshed = self.drawn("refreshed", &self.train.captions, shard, self.recipe.shares.association);
        if !refreshed.is_empty() {
            let source = Source::of(self.material, &device);
            let batch = AssociationBatch::gather(&refreshed, &source, &self.association, &mut rng);
            let losses = batch.losses(model);
            parts.extend(losses.into_iter().map(|(name, weight, loss)| (name, weight * ASSOCIATION, loss)));
        }
        Ok(Loss::sum(parts))
    }

    fn validate(&self, model: &Cmal) -> Result<Figures, Error> {
        let val = &self.material.val;
        let judge = Judge { model, material: self.material, batch: self.recipe.schedule.batch };
        let figure = |task: Task| match task {
            Task::Vqa => ("vqa", judge.vqa(first(&val.vqa)).value),
            Task::Entailment => ("entailment", judge.entailment(first(&val.entailment)).value),
            Task::Grounding => ("grounding", judge.grounding(first(&val.grounding)).value),
            Task::Match => ("matching", judge.matching(first(&val.captions)).value),
        };
        Ok(Figures::mean(self.tasks(val).into_iter().map(figure).collect()))
    }
}

impl FinetuneStage<'_> {
    /// The tasks in training that there are samples of.
    pub fn tasks(&self, samples: &Samples) -> Vec<Task> {
        let shares = &self.recipe.shares;
        let trained = |task: &Task| match task {
            Task::Vqa => self.rows(shares.vqa) > 0 && !samples.vqa.is_empty(),
            Task::Entailment => self.rows(shares.entailment) > 0 && !samples.entailment.is_empty(),
            Task::Grounding => self.rows(shares.grounding) > 0 && !samples.grounding.is_empty(),
            Task::Match => self.rows(shares.contrast) > 0 && !samples.captions.is_empty(),
        };
        Task::ALL.into_iter().filter(trained).collect()
    }

    /// The samples of a task in a shard, as many as its share of the batch says, alike in length.
    fn drawn<'s, T>(
        &self,
        purpose: &str,
        samples: &'s [Sample<T>],
        shard: usize,
        share: f64,
    ) -> Vec<&'s Sample<T>> {
        let shelves = Shelves { seed: self.seed, workers: self.recipe.schedule.workers };
        self.material.drawn(shelves, purpose, samples, (shard, self.rows(share)))
    }

    /// Rows of a shard that a share of the batch comes to.
    fn rows(&self, share: f64) -> usize {
        (self.recipe.schedule.shard() as f64 * share).round() as usize
    }

    /// Visual question answering, entailment and grounding.
    fn asked(&self, model: &Cmal, shard: usize, device: &Device) -> Vec<(&'static str, f64, Tensor<1>)> {
        let (train, shares) = (self.train, &self.recipe.shares);
        let asked = Asked {
            vqa: self.drawn("vqa", &train.vqa, shard, shares.vqa),
            entailment: self.drawn("entailment", &train.entailment, shard, shares.entailment),
            grounding: self.drawn("grounding", &train.grounding, shard, shares.grounding),
        };
        let (pictures, texts) = asked.rows();
        let mut parts = Vec::new();
        if pictures.is_empty() {
            return parts;
        }
        let fused = model.fuse(&self.material.encode(model, &pictures, &texts, device));
        let mut start = 0;
        let mut next = |count: usize| {
            start += count;
            (count > 0).then(|| fused.rows(start - count, count))
        };
        if let Some(fused) = next(asked.vqa.len()) {
            parts.push(("vqa", 1.0, self.vqa_loss(model, &fused, &asked.vqa)));
        }
        if let Some(fused) = next(asked.entailment.len()) {
            let labels = asked.entailment.iter().map(|sample| sample.target.index());
            let loss = cross_entropy(model.tasks().entailment(&fused), indices(labels, device));
            parts.push(("entailment", 1.0, loss));
        }
        if let Some(fused) = next(asked.grounding.len()) {
            parts.push(("grounding", 1.0, grounding::loss(model, self.material, &fused, &asked.grounding)));
        }
        parts
    }

    /// Retrieval: captions contrasted with each other's pictures, and some of them matched against hard negatives. Captions are encoded
    /// apart from what is asked, because they are twice as long and all rows are padded to the longest.
    fn matched(
        &self,
        model: &Cmal,
        shard: usize,
        device: &Device,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, f64, Tensor<1>)> {
        let shares = &self.recipe.shares;
        let pool = self.drawn("captions", &self.train.captions, shard, shares.contrast * POOL);
        let captions = alike(&pool, self.rows(shares.contrast), self.material);
        if captions.is_empty() {
            return Vec::new();
        }
        let (pictures, texts): (Vec<_>, Vec<_>) = rows(&captions).unzip();
        let paired = self.material.encode(model, &pictures, &texts, device);
        // A matched caption takes three rows.
        let count = self.rows(shares.matching / 3.0).min(captions.len());
        let matched = Matched::of(model, &paired, &captions, count, rng);
        let mut parts = vec![("contrast", CONTRAST, matched.contrast)];
        parts.extend(matched.matching.map(|loss| ("matching", 1.0, loss)));
        parts
    }

    fn vqa_loss(&self, model: &Cmal, fused: &Fused, samples: &[&Sample<Vec<(usize, f32)>>]) -> Tensor<1> {
        let logits = model.tasks().vqa(fused);
        let answers = self.material.lexicon.words.answers.len();
        let target = one_hot(samples.iter().map(|sample| sample.target.as_slice()), answers);
        let target = floats(target, [samples.len(), answers], &logits.device());
        soft_cross_entropy(logits, target)
    }
}
