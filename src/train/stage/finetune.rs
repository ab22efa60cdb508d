//! Fourth stage: the four tasks at once, on one model.

use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::association::{AssociationBatch, Source, best, values};
use super::negatives::{Caption, Negatives, POOL, alike};
use crate::bundle::Temperatures;
use crate::model::{Cmal, Fused, Paired};
use crate::train::batch::{Pictures, Texts, floats, indices};
use crate::train::calibration::temperature;
use crate::train::dice::dice;
use crate::train::error::Error;
use crate::train::loss::{contrast, cross_entropy, one_hot, soft_cross_entropy, yes_no};
use crate::train::material::Material;
use crate::train::recipe::{Association, Finetune};
use crate::train::run::{Figures, Loss, Stage};
use crate::train::samples::{Referent, Sample, Samples};
use crate::train::schedule::Schedule;
use crate::train::shelves::{Length, Shelves};
use crate::types::Entailment;

/// Weights of the coarse vectors' and of the association's loss beside the tasks'.
const CONTRAST: f64 = 0.3;
const ASSOCIATION: f64 = 0.2;
/// Samples of each task that a validation looks at, at most.
const VALIDATED: usize = 1500;

/// Joint fine-tuning.
pub struct FinetuneStage<'a> {
    pub recipe: Finetune,
    pub association: Association,
    pub material: &'a Material,
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

fn rows<'s, T>(samples: &[&'s Sample<T>]) -> impl Iterator<Item = (usize, &'s [i64])> {
    samples.iter().map(|sample| (sample.picture, sample.tokens.as_slice()))
}

impl Stage for FinetuneStage<'_> {
    type Model = Cmal;

    fn name(&self) -> &'static str {
        "finetune"
    }

    fn schedule(&self) -> Schedule {
        self.recipe.schedule
    }

    fn hidden(&self) -> &'static [&'static str] {
        &Cmal::HIDDEN
    }

    fn gentle(&self, model: &Cmal) -> &'static [&'static str] {
        model.of_bert()
    }

    fn loss(&self, model: &Cmal, shard: usize) -> Result<Loss, Error> {
        let device = self.material.device.clone().autodiff();
        let mut rng = dice(self.material.seed, "negatives and plans", shard as u64);
        let mut parts = self.asked(model, shard, &device);
        parts.extend(self.matched(model, shard, &device, &mut rng));
        let refreshed =
            self.drawn("refreshed", &self.material.train.captions, shard, self.recipe.shares.association);
        if !refreshed.is_empty() {
            let source = Source {
                store: &self.material.store,
                tokenizer: &self.material.lexicon.tokenizer,
                device: &device,
            };
            let batch = AssociationBatch::gather(&refreshed, &source, &self.association, &mut rng);
            let losses = batch.losses(model);
            parts.extend(losses.into_iter().map(|(name, weight, loss)| (name, weight * ASSOCIATION, loss)));
        }
        Ok(Loss::sum(parts))
    }

    fn validate(&self, model: &Cmal) -> Result<Figures, Error> {
        let (val, shares) = (&self.material.val, &self.recipe.shares);
        let mut named = Vec::new();
        if shares.vqa > 0.0 && !val.vqa.is_empty() {
            let vqa = self.accuracy(model, &val.vqa, |fused, samples| {
                let answers = best(model.tasks().vqa(fused));
                answers.iter().zip(samples).map(|(&answer, sample)| weight_of(&sample.target, answer)).sum()
            });
            named.push(("vqa", vqa));
        }
        if shares.entailment > 0.0 && !val.entailment.is_empty() {
            let entailment = self.accuracy(model, &val.entailment, |fused, samples| {
                let labels = best(model.tasks().entailment(fused));
                let right = labels.iter().zip(samples);
                right.filter(|(label, sample)| **label == sample.target.index()).count() as f64
            });
            named.push(("entailment", entailment));
        }
        if shares.grounding > 0.0 && !val.grounding.is_empty() {
            let grounding = self.accuracy(model, &val.grounding, |fused, samples| {
                let (scores, absent) = model.tasks().grounding(fused);
                let slots = best(Tensor::cat(vec![absent, scores], 1));
                let right = |(slot, sample): (&usize, &&Sample<Referent>)| match &sample.target {
                    Referent::Nothing => *slot == 0,
                    Referent::Objects(objects) => *slot > 0 && objects.contains(&(slot - 1)),
                };
                slots.iter().zip(samples).filter(|pair| right(*pair)).count() as f64
            });
            named.push(("grounding", grounding));
        }
        if shares.contrast > 0.0 && !val.captions.is_empty() {
            named.push(("matching", self.matching(model)));
        }
        let sum: f64 = named.iter().map(|(_, figure)| figure).sum();
        Ok(Figures { score: sum / named.len().max(1) as f64, named })
    }
}

impl FinetuneStage<'_> {
    /// Whether there are samples of any task that the recipe trains.
    pub fn can_use(&self, samples: &Samples) -> bool {
        let shares = &self.recipe.shares;
        (shares.vqa > 0.0 && !samples.vqa.is_empty())
            || (shares.entailment > 0.0 && !samples.entailment.is_empty())
            || (shares.grounding > 0.0 && !samples.grounding.is_empty())
            || (shares.contrast > 0.0 && !samples.captions.is_empty())
    }

    /// The samples of a task in a shard, as many as its share of the batch says, alike in length.
    fn drawn<'s, T>(
        &self,
        purpose: &str,
        samples: &'s [Sample<T>],
        shard: usize,
        share: f64,
    ) -> Vec<&'s Sample<T>> {
        let shelves = Shelves { seed: self.material.seed, workers: self.recipe.schedule.workers };
        let length = |index: usize| {
            let sample = &samples[index];
            Length { tokens: sample.tokens.len(), objects: self.material.store.count(sample.picture) }
        };
        let taken = shelves.take(purpose, shard, self.rows(share), samples.len(), length);
        taken.into_iter().map(|index| &samples[index]).collect()
    }

    /// Rows of a shard that a share of the batch comes to.
    fn rows(&self, share: f64) -> usize {
        (self.recipe.schedule.shard() as f64 * share).round() as usize
    }

    /// Visual question answering, entailment and grounding.
    fn asked(&self, model: &Cmal, shard: usize, device: &Device) -> Vec<(&'static str, f64, Tensor<1>)> {
        let (train, shares) = (&self.material.train, &self.recipe.shares);
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
        let fused = model.fuse(&self.encode(model, &pictures, &texts, device));
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
            parts.push(("grounding", 1.0, grounding_loss(model, &fused, &asked.grounding)));
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
        let pool = self.drawn("captions", &self.material.train.captions, shard, shares.contrast * POOL);
        let captions = alike(&pool, self.rows(shares.contrast), self.material);
        if captions.is_empty() {
            return Vec::new();
        }
        let (pictures, texts): (Vec<_>, Vec<_>) = rows(&captions).unzip();
        let paired = self.encode(model, &pictures, &texts, device);
        let similarity =
            model.visual_coarse(&paired.seen).matmul(model.textual_coarse(&paired.read).transpose());
        let negatives = Negatives::new(values(similarity.clone().detach()), &captions);
        let mut parts = vec![("contrast", CONTRAST, contrast(similarity))];

        // A matched caption takes three rows: its picture, and a negative on each side.
        let count = self.rows(shares.matching / 3.0).min(captions.len());
        let mut pairs: Vec<(usize, usize)> = (0..count).map(|row| (row, row)).collect();
        for caption in 0..count {
            pairs.extend(negatives.text(caption, rng).map(|text| (caption, text)));
            pairs.extend(negatives.picture(caption, rng).map(|picture| (picture, caption)));
        }
        if !pairs.is_empty() {
            let fused = model.fuse(&Paired::select(
                &paired.seen,
                &paired.read,
                indices(pairs.iter().map(|pair| pair.0), device),
                indices(pairs.iter().map(|pair| pair.1), device),
            ));
            let belongs = pairs.iter().map(|(picture, text)| if picture == text { 1.0 } else { 0.0 });
            let belongs = floats(belongs.collect(), [pairs.len(), 1], device);
            parts.push(("matching", 1.0, yes_no(model.tasks().matching(&fused), belongs)));
        }
        parts
    }

    fn vqa_loss(&self, model: &Cmal, fused: &Fused, samples: &[&Sample<Vec<(usize, f32)>>]) -> Tensor<1> {
        let logits = model.tasks().vqa(fused);
        let answers = self.material.lexicon.words.answers.len();
        let target = one_hot(samples.iter().map(|sample| sample.target.as_slice()), answers);
        let target = floats(target, [samples.len(), answers], &logits.device());
        soft_cross_entropy(logits, target)
    }

    /// The temperatures of a trained model, by the validation samples of the tasks it was trained for.
    pub fn temperatures(&self, model: &Cmal) -> Temperatures {
        let (val, shares) = (&self.material.val, &self.recipe.shares);
        let (mut vqa, mut entailment) = (Vec::new(), Vec::new());
        if shares.vqa > 0.0 {
            self.fused(model, &val.vqa, |fused, samples| {
                let targets = samples.iter().map(|sample| sample.target.clone());
                vqa.extend(rows_of(model.tasks().vqa(fused)).into_iter().zip(targets));
            });
        }
        if shares.entailment > 0.0 {
            self.fused(model, &val.entailment, |fused, samples| {
                let targets = samples.iter().map(|sample| vec![(sample.target.index(), 1.0)]);
                entailment.extend(rows_of(model.tasks().entailment(fused)).into_iter().zip(targets));
            });
        }
        Temperatures { vqa: temperature(&vqa) as f32, entailment: temperature(&entailment) as f32 }
    }

    /// Mean of what `right` counts over validation samples.
    fn accuracy<T>(
        &self,
        model: &Cmal,
        samples: &[Sample<T>],
        right: impl Fn(&Fused, &[&Sample<T>]) -> f64,
    ) -> f64 {
        let mut count = 0.0;
        self.fused(model, samples, |fused, samples| count += right(fused, samples));
        count / samples.len().clamp(1, VALIDATED) as f64
    }

    /// Shows the fused states of validation samples, in batches.
    fn fused<T>(&self, model: &Cmal, samples: &[Sample<T>], mut show: impl FnMut(&Fused, &[&Sample<T>])) {
        let samples: Vec<&Sample<T>> = samples.iter().take(VALIDATED).collect();
        for chunk in samples.chunks(self.recipe.schedule.batch) {
            let (pictures, texts): (Vec<_>, Vec<_>) = rows(chunk).unzip();
            show(&model.fuse(&self.encode(model, &pictures, &texts, &self.material.device)), chunk);
        }
    }

    fn encode(&self, model: &Cmal, pictures: &[usize], texts: &[&[i64]], device: &Device) -> Paired {
        Paired {
            seen: Pictures::gather(&self.material.store, pictures, device).see(model, None),
            read: Texts::gather(texts, self.material.lexicon.tokenizer.pad(), device).read(model),
        }
    }

    /// Share of validation captions that fit their own picture better than the most similar other one of their batch does.
    fn matching(&self, model: &Cmal) -> f64 {
        let captions: Vec<&Caption> = self.material.val.captions.iter().take(VALIDATED).collect();
        let (mut right, mut of) = (0, 0);
        for chunk in captions.chunks(self.recipe.schedule.batch) {
            let pictures: Vec<usize> = chunk.iter().map(|sample| sample.picture).collect();
            let texts: Vec<&[i64]> = chunk.iter().map(|sample| sample.tokens.as_slice()).collect();
            let paired = self.encode(model, &pictures, &texts, &self.material.device);
            let similarity =
                model.visual_coarse(&paired.seen).matmul(model.textual_coarse(&paired.read).transpose());
            let negatives = Negatives::new(values(similarity), chunk);
            let pairs: Vec<(usize, usize)> =
                (0..chunk.len()).filter_map(|row| Some((row, negatives.hardest_text(row)?))).collect();
            let rivals = Paired::select(
                &paired.seen,
                &paired.read,
                indices(pairs.iter().map(|pair| pair.0), &self.material.device),
                indices(pairs.iter().map(|pair| pair.1), &self.material.device),
            );
            let own = values(model.tasks().matching(&model.fuse(&paired)));
            let rival = values(model.tasks().matching(&model.fuse(&rivals)));
            right += pairs.iter().zip(rival).filter(|((row, _), rival)| own[*row] > *rival).count();
            of += pairs.len();
        }
        right as f64 / of.max(1) as f64
    }
}

/// Soft cross-entropy over "nothing" and the objects, alike over all that overlap the referent enough.
fn grounding_loss(model: &Cmal, fused: &Fused, samples: &[&Sample<Referent>]) -> Tensor<1> {
    let (scores, absent) = model.tasks().grounding(fused);
    let logits = Tensor::cat(vec![absent, scores], 1);
    let [rows, slots] = logits.dims();
    let targets: Vec<Vec<(usize, f32)>> = samples
        .iter()
        .map(|sample| match &sample.target {
            Referent::Nothing => vec![(0, 1.0)],
            Referent::Objects(objects) => {
                objects.iter().map(|object| (object + 1, 1.0 / objects.len() as f32)).collect()
            }
        })
        .collect();
    let target = floats(one_hot(targets.iter().map(Vec::as_slice), slots), [rows, slots], &logits.device());
    soft_cross_entropy(logits, target)
}

/// `[rows, columns]` row by row.
fn rows_of(logits: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, columns] = logits.dims();
    values(logits).chunks(columns).map(<[f32]>::to_vec).collect()
}

fn weight_of(target: &[(usize, f32)], answer: usize) -> f64 {
    target.iter().find(|(known, _)| *known == answer).map_or(0.0, |(_, weight)| f64::from(*weight))
}
