//! The recipe of a fine-tuning that starts from a bundle: everything follows from the bundle, the dataset and one number of epochs.

use std::str::FromStr;

use super::error::Error;
use super::recipe::{Association, Finetune, Method, Pretrain, Recipe, Shares, Text};
use super::schedule::Schedule;
use super::start::Start;
use crate::data::{Dataset, Entry};
use crate::model::Dims;
use crate::types::Split;

/// Rows of a step.
const BATCH: usize = 64;
/// Pictures of a detector's step.
const PICTURES: usize = 24;
/// Learning rates: lower than those a model is first trained with, so that it keeps what it knows.
const RATE: f64 = 5e-4;
const DETECTOR_RATE: f64 = 1e-3;
/// Tokens that the dataset's words may add.
const NEW_TOKENS: usize = 4000;
/// Share of the steps that the rate rises in.
const WARMUP: f64 = 0.1;

/// What a model is fine-tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Vqa,
    Entailment,
    Grounding,
    Retrieval,
    /// Every task that the dataset has records of.
    All,
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "vqa" => Ok(Self::Vqa),
            "entailment" => Ok(Self::Entailment),
            "grounding" => Ok(Self::Grounding),
            "retrieval" => Ok(Self::Retrieval),
            "all" => Ok(Self::All),
            _ => Err(format!("`{name}` is none of vqa, entailment, grounding, retrieval, all")),
        }
    }
}

/// A fine-tuning that starts from a bundle.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Name of the bundle that comes out.
    pub name: String,
    pub goal: Goal,
    /// How often the records of the largest task are seen.
    pub epochs: usize,
    /// Pictures with fewer objects than this are looked at by a grid of regions as well; none as the bundle does.
    pub grid_below: Option<usize>,
    /// Threads of a step.
    pub workers: usize,
}

/// Records of the training part.
struct Counts {
    vqa: usize,
    entailment: usize,
    grounding: usize,
    captions: usize,
}

impl Tuning {
    /// The recipe for a dataset. The detector learns too if there are labelled objects to train and to validate on, else it stays.
    pub fn recipe(&self, start: &Start, dataset: &Dataset) -> Result<Recipe, Error> {
        let counts = Counts::of(dataset);
        let shares = self.shares(&counts)?;
        let workers = self.workers.clamp(1, BATCH / 8);
        let schedule = |steps: usize, batch: usize, rate: f64| Schedule {
            steps,
            batch: batch / workers * workers,
            rate,
            warmup: (steps as f64 * WARMUP) as usize,
            validate_every: (steps / self.epochs.max(1)).max(1),
            workers,
        };
        let rounds = |records: usize, share: f64| {
            if share > 0.0 { (records as f64 / (share * BATCH as f64)).ceil() as usize } else { 0 }
        };
        let largest = [
            rounds(counts.vqa, shares.vqa),
            rounds(counts.entailment, shares.entailment),
            rounds(counts.grounding, shares.grounding),
            rounds(counts.captions, shares.contrast),
        ];
        let steps = self.epochs * largest.into_iter().max().unwrap_or(0);
        let labelled = |split| {
            let labelled = |entry: &&Entry| entry.objects.as_ref().is_some_and(|objects| !objects.is_empty());
            dataset.split(split).filter(labelled).count()
        };
        let pictures = if labelled(Split::Val) > 0 { labelled(Split::Train) } else { 0 };
        let recipe = Recipe {
            name: self.name.clone(),
            seed: 1,
            world: None,
            model: Dims { grid_below: self.grid_below.unwrap_or(start.dims.grid_below), ..start.dims },
            text: Text {
                vocabulary: start.lexicon.tokenizer.vocabulary() + NEW_TOKENS,
                answer_count: 1,
                ..Text::default()
            },
            detector: schedule(self.epochs * pictures.div_ceil(PICTURES), PICTURES, DETECTOR_RATE),
            pretrain: Pretrain {
                method: Method::None,
                share: 1.0,
                schedule: schedule(0, BATCH, RATE),
                association: Association::default(),
            },
            finetune: Finetune { share: 1.0, schedule: schedule(steps, BATCH, RATE), shares, blend: 1.0 },
            arms: None,
        };
        recipe.check()?;
        Ok(recipe)
    }

    /// Rows of the tasks that are asked for and that the dataset has.
    fn shares(&self, counts: &Counts) -> Result<Shares, Error> {
        let none = Shares {
            vqa: 0.0,
            entailment: 0.0,
            grounding: 0.0,
            contrast: 0.0,
            matching: 0.0,
            association: 0.0,
        };
        let usual = Shares::default();
        let when = |records: usize, share: f64| if records > 0 { share } else { 0.0 };
        let (shares, what) = match self.goal {
            Goal::Vqa => (Shares { vqa: when(counts.vqa, 1.0), ..none }, "questions with answers"),
            Goal::Entailment => {
                (Shares { entailment: when(counts.entailment, 1.0), ..none }, "hypotheses with labels")
            }
            Goal::Grounding => {
                (Shares { grounding: when(counts.grounding, 1.0), ..none }, "referring expressions")
            }
            Goal::Retrieval => {
                let contrast = when(counts.captions, 1.0);
                (Shares { contrast, matching: contrast, ..none }, "captions")
            }
            Goal::All => {
                let all = Shares {
                    vqa: when(counts.vqa, usual.vqa),
                    entailment: when(counts.entailment, usual.entailment),
                    grounding: when(counts.grounding, usual.grounding),
                    contrast: when(counts.captions, usual.contrast),
                    matching: when(counts.captions, usual.matching),
                    association: when(counts.captions, usual.association),
                };
                (all, "records of any task")
            }
        };
        if shares == none {
            return Err(Error::Missing { what, split: Split::Train.name(), stage: "finetune" });
        }
        Ok(shares)
    }
}

impl Counts {
    fn of(dataset: &Dataset) -> Self {
        let sum = |count: fn(&Entry) -> usize| dataset.split(Split::Train).map(count).sum();
        Self {
            vqa: sum(|entry| entry.vqa.len()),
            entailment: sum(|entry| entry.entailment.len()),
            grounding: sum(|entry| entry.referring.len()),
            captions: sum(|entry| entry.captions.len()),
        }
    }
}
