//! How right a model is: the figures of a validation, and those that arms are compared by.

use burn::tensor::Tensor;

use super::association::{best, values};
use super::grounding::chosen;
use super::matching::{belonging, similarity};
use super::negatives::{Caption, Negatives};
use crate::bundle::Temperatures;
use crate::model::{Cmal, Fused, Paired};
use crate::score::{Figure, RetrievalScore, Shortlist};
use crate::train::calibration::temperature;
use crate::train::material::{Material, rows};
use crate::train::samples::{Referent, Sample, Samples};
use crate::types::{Entailment, Task};

/// Samples of each task that a validation looks at, at most.
pub const VALIDATED: usize = 1500;

/// A model in inference mode, and how it is shown samples.
pub struct Judge<'a> {
    pub model: &'a Cmal,
    pub material: &'a Material,
    /// Rows shown at once.
    pub batch: usize,
}

impl Judge<'_> {
    /// Share of the annotators that gave the model's answer.
    pub fn vqa(&self, samples: &[Sample<Vec<(usize, f32)>>]) -> Figure {
        self.accuracy(samples, |fused, samples| {
            let answers = best(self.model.tasks().vqa(fused));
            answers.iter().zip(samples).map(|(&answer, sample)| weight_of(&sample.target, answer)).collect()
        })
    }

    pub fn entailment(&self, samples: &[Sample<Entailment>]) -> Figure {
        self.accuracy(samples, |fused, samples| {
            let labels = best(self.model.tasks().entailment(fused));
            labels
                .iter()
                .zip(samples)
                .map(|(label, sample)| one_if(*label == sample.target.index()))
                .collect()
        })
    }

    /// Share of the expressions whose object is chosen, or nothing where they refer to nothing.
    pub fn grounding(&self, samples: &[Sample<Referent>]) -> Figure {
        self.accuracy(samples, |fused, samples| {
            let slots = best(chosen(self.model, self.material, fused, samples));
            let right = |(slot, sample): (&usize, &&Sample<Referent>)| match &sample.target {
                Referent::Nothing => *slot == 0,
                Referent::Objects(objects) => *slot > 0 && objects.contains(&(slot - 1)),
            };
            slots.iter().zip(samples).map(|pair| one_if(right(pair))).collect()
        })
    }

    /// Accuracy of grounding at IoU 0.5: share of the expressions that refer to something whose best object is the right one. Those whose
    /// referent was not detected are missed.
    pub fn located(&self, samples: &Samples) -> Figure {
        let mut right = 0;
        let mut count = samples.undetected;
        self.fused(&samples.grounding, |fused, samples| {
            let logits = chosen(self.model, self.material, fused, samples);
            let objects = logits.dims()[1] - 1;
            let slots = best(logits.narrow(1, 1, objects));
            for (slot, sample) in slots.iter().zip(samples) {
                if let Referent::Objects(objects) = &sample.target {
                    right += usize::from(objects.contains(slot));
                    count += 1;
                }
            }
        });
        Figure::of(right, count)
    }

    /// Share of captions that fit their own picture better than the most similar other one of their batch does.
    pub fn matching(&self, captions: &[Caption]) -> Figure {
        let Self { model, material, batch } = self;
        let captions: Vec<&Caption> = captions.iter().collect();
        let (mut right, mut of) = (0, 0);
        for chunk in captions.chunks(*batch) {
            let (pictures, texts): (Vec<_>, Vec<_>) = rows(chunk).unzip();
            let paired = material.encode(model, &pictures, &texts, &material.device);
            let negatives = Negatives::new(values(similarity(model, &paired)), chunk);
            let pairs: Vec<(usize, usize)> =
                (0..chunk.len()).filter_map(|row| Some((row, negatives.hardest_text(row)?))).collect();
            let own = values(model.tasks().matching(&model.fuse(&paired)));
            let rival = self.matches(&paired, &pairs);
            right += pairs.iter().zip(rival).filter(|((row, _), rival)| own[*row] > *rival).count();
            of += pairs.len();
        }
        Figure::of(right, of)
    }

    /// Recall among the pictures of the captions, `most` of them at most, and all of their captions: coarse vectors find candidates, the
    /// matching head ranks them, as a server does. Captions of a picture stand together.
    pub fn retrieval(&self, captions: &[Caption], most: usize) -> RetrievalScore {
        let Self { model, material, batch } = self;
        let gallery: Vec<&[Caption]> = captions.chunk_by(|a, b| a.picture == b.picture).take(most).collect();
        if gallery.is_empty() {
            return RetrievalScore::default();
        }
        let pictures: Vec<usize> = gallery.iter().map(|captions| captions[0].picture).collect();
        let texts: Vec<&[i64]> =
            gallery.iter().copied().flatten().map(|caption| caption.tokens.as_slice()).collect();
        let paired = material.encode(model, &pictures, &texts, &material.device);
        let mut of_texts = rows_of(model.textual_coarse(&paired.read)).into_iter();
        let of_captions: Vec<Vec<Vec<f32>>> =
            gallery.iter().map(|captions| of_texts.by_ref().take(captions.len()).collect()).collect();
        let shortlist = Shortlist::new(&rows_of(model.visual_coarse(&paired.seen)), &of_captions);
        let pairs: Vec<(usize, usize)> = (0..pictures.len())
            .flat_map(|picture| shortlist.texts_for(picture).iter().map(move |&text| (picture, text)))
            .collect();
        let mut scores = pairs.chunks(*batch).flat_map(|pairs| self.matches(&paired, pairs));
        let scored: Vec<Vec<f32>> = (0..pictures.len())
            .map(|picture| scores.by_ref().take(shortlist.texts_for(picture).len()).collect())
            .collect();
        shortlist.rank(&scored).score()
    }

    /// The temperatures under which answers are as sure as they are right, for those of the tasks that have one.
    pub fn temperatures(&self, tasks: &[Task], samples: &Samples) -> Temperatures {
        let (mut vqa, mut entailment) = (Vec::new(), Vec::new());
        if tasks.contains(&Task::Vqa) {
            self.fused(first(&samples.vqa), |fused, samples| {
                let targets = samples.iter().map(|sample| sample.target.clone());
                vqa.extend(rows_of(self.model.tasks().vqa(fused)).into_iter().zip(targets));
            });
        }
        if tasks.contains(&Task::Entailment) {
            self.fused(first(&samples.entailment), |fused, samples| {
                let targets = samples.iter().map(|sample| vec![(sample.target.index(), 1.0)]);
                entailment.extend(rows_of(self.model.tasks().entailment(fused)).into_iter().zip(targets));
            });
        }
        Temperatures { vqa: temperature(&vqa) as f32, entailment: temperature(&entailment) as f32 }
    }

    /// Mean of how right each sample is.
    fn accuracy<T>(
        &self,
        samples: &[Sample<T>],
        right: impl Fn(&Fused, &[&Sample<T>]) -> Vec<f64>,
    ) -> Figure {
        let mut all = Vec::with_capacity(samples.len());
        self.fused(samples, |fused, samples| all.extend(right(fused, samples)));
        Figure::mean(all)
    }

    /// Shows the fused states of samples, in batches.
    fn fused<T>(&self, samples: &[Sample<T>], mut show: impl FnMut(&Fused, &[&Sample<T>])) {
        let Self { model, material, batch } = self;
        let samples: Vec<&Sample<T>> = samples.iter().collect();
        for chunk in samples.chunks(*batch) {
            let (pictures, texts): (Vec<_>, Vec<_>) = rows(chunk).unzip();
            show(&model.fuse(&material.encode(model, &pictures, &texts, &material.device)), chunk);
        }
    }

    /// Logits of "belongs" for pairs of rows, picture and text.
    fn matches(&self, paired: &Paired, pairs: &[(usize, usize)]) -> Vec<f32> {
        if pairs.is_empty() {
            return Vec::new();
        }
        values(belonging(self.model, paired, pairs))
    }
}

/// The samples that a validation looks at.
pub fn first<T>(samples: &[T]) -> &[T] {
    &samples[..samples.len().min(VALIDATED)]
}

/// `[rows, columns]` row by row.
fn rows_of(logits: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, columns] = logits.dims();
    values(logits).chunks(columns).map(<[f32]>::to_vec).collect()
}

fn weight_of(target: &[(usize, f32)], answer: usize) -> f64 {
    target.iter().find(|(known, _)| *known == answer).map_or(0.0, |(_, weight)| f64::from(*weight))
}

fn one_if(right: bool) -> f64 {
    f64::from(u8::from(right))
}
