//! A recipe: everything that decides a training, in one TOML file that states only what differs from the defaults.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::schedule::Schedule;
use crate::model::Dims;

/// The export records every graph at two lengths of text, two primes from 5 up.
const FEWEST_TOKENS: usize = 8;

/// A training from pictures to four tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the bundle that comes out.
    pub name: String,
    /// Seed of every random choice, weights included.
    pub seed: u64,
    /// The corpus that is made when no dataset folder is given.
    #[serde(default)]
    pub world: Option<Corpus>,
    #[serde(default)]
    pub model: Dims,
    #[serde(default)]
    pub text: Text,
    pub detector: Schedule,
    pub pretrain: Pretrain,
    pub finetune: Finetune,
    /// Makes it a comparison of ways to pre-train instead of one model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arms: Option<Arms>,
}

/// Scenes of the world to train on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    pub scenes: usize,
    pub seed: u64,
}

/// Sizes of the vocabulary and of the answer list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// Entries of the tokenizer at most.
    pub vocabulary: usize,
    /// Answers at most, the most frequent first.
    pub answers: usize,
    /// Answers given less often than this in the training part are left out.
    pub answer_count: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self { vocabulary: 4000, answers: 3129, answer_count: 2 }
    }
}

/// Pre-training on captions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pretrain {
    #[serde(default)]
    pub method: Method,
    /// Part of the training pictures whose captions are used, 0..=1. A smaller part is inside every larger one of the same seed.
    #[serde(default = "whole")]
    pub share: f64,
    pub schedule: Schedule,
    #[serde(default)]
    pub association: Association,
}

/// What pre-training learns by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Association.
    #[default]
    Cmal,
    /// Contrast, matching and masked language modelling.
    Cmcl,
    /// Nothing, whatever the schedule says.
    None,
}

impl Pretrain {
    /// Whether there is any pre-training.
    pub fn runs(&self) -> bool {
        self.method != Method::None && self.schedule.steps > 0
    }
}

/// How pre-training chooses what is masked and swapped, and what of it is learned. Shares are probabilities, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Association {
    /// Whether a masked side of an anchor point is filled by the other side; else it stays a hole, and the other side stays in place.
    pub swap: bool,
    /// Whether associative mapping classification is learned, or only what is masked elsewhere.
    pub amc: bool,
    /// Of the anchor points, those that are swapped.
    pub anchors: f64,
    /// Of the swapped, those whose filling is not associated.
    pub negatives: f64,
    /// Of the tokens that are no swapped anchors, those masked for language modelling.
    pub tokens: f64,
    /// Of the objects that are no swapped anchors, those masked for region classification.
    pub objects: f64,
}

impl Default for Association {
    fn default() -> Self {
        Self { swap: true, amc: true, anchors: 0.4, negatives: 0.15, tokens: 0.15, objects: 0.15 }
    }
}

/// Joint fine-tuning of the four tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finetune {
    /// Part of the training pictures whose records are used, 0..=1; chosen as in pre-training.
    #[serde(default = "whole")]
    pub share: f64,
    pub schedule: Schedule,
    #[serde(default)]
    pub shares: Shares,
}

/// Rows of each kind in a fine-tuning batch, as shares of its size; they need not add up to one. Association rows keep what pre-training
/// taught.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    pub vqa: f64,
    pub entailment: f64,
    pub grounding: f64,
    /// Captions whose coarse vectors are contrasted.
    pub contrast: f64,
    /// Pairs that are told from hard negatives, the negatives counted.
    pub matching: f64,
    pub association: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            vqa: 0.40,
            entailment: 0.25,
            grounding: 0.18,
            contrast: 0.62,
            matching: 0.37,
            association: 0.06,
        }
    }
}

/// The ways to pre-train that are compared, at equal steps and with equal fine-tuning: none, `cmcl`, `cmal`, and `cmal` without its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arms {
    /// Parts of the pre-training corpus that each is given.
    pub shares: Vec<f64>,
    /// Seeds of none, `cmcl` and `cmal`.
    pub seeds: Vec<u64>,
    /// Seeds of `cmal` without one of its parts.
    #[serde(default)]
    pub ablation_seeds: Vec<u64>,
}

fn whole() -> f64 {
    1.0
}

impl Recipe {
    /// Reads a recipe; an unknown key, a missing one or an impossible size stops.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text =
            fs::read_to_string(path).map_err(|source| Error::ReadRecipe { path: path.to_owned(), source })?;
        let recipe: Self =
            toml::from_str(&text).map_err(|source| Error::ParseRecipe { path: path.to_owned(), source })?;
        recipe.check()?;
        Ok(recipe)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.check_schedules()?;
        let wrong = |what: String, want| Err(Error::Recipe { what, want });
        let dims = &self.model;
        if dims.side == 0 || !dims.side.is_multiple_of(16) {
            return wrong(format!("side = {}", dims.side), "the side must be a multiple of 16");
        }
        if dims.heads == 0 || dims.width == 0 || !dims.width.is_multiple_of(dims.heads) {
            return wrong(
                format!("width = {} and heads = {}", dims.width, dims.heads),
                "the heads must divide the width",
            );
        }
        if let Some(bert) = dims.bert
            && (bert.heads == 0 || bert.width == 0 || !bert.width.is_multiple_of(bert.heads))
        {
            return wrong(
                format!("width = {} and heads = {} in `bert`", bert.width, bert.heads),
                "the heads must divide the width",
            );
        }
        if dims.objects == 0 || dims.objects > (dims.side / crate::model::STRIDE).pow(2) {
            return wrong(
                format!("objects = {}", dims.objects),
                "it must be 1 at least, and fit the side's cells",
            );
        }
        if dims.max_tokens < FEWEST_TOKENS {
            return wrong(
                format!("max_tokens = {}", dims.max_tokens),
                "it must be 8 at least, so that the export can record texts of two lengths",
            );
        }
        let (association, shares) = (&self.pretrain.association, &self.finetune.shares);
        for (name, share) in [
            ("share of `pretrain`", self.pretrain.share),
            ("share of `finetune`", self.finetune.share),
            ("anchors", association.anchors),
            ("negatives", association.negatives),
            ("tokens", association.tokens),
            ("objects", association.objects),
            ("vqa", shares.vqa),
            ("entailment", shares.entailment),
            ("grounding", shares.grounding),
            ("contrast", shares.contrast),
            ("matching", shares.matching),
            ("association", shares.association),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return wrong(format!("{name} = {share}"), "a share is between 0 and 1");
            }
        }
        let largest = shares.vqa.max(shares.entailment).max(shares.grounding).max(shares.contrast);
        if self.finetune.schedule.shard() as f64 * largest < 1.0 {
            return wrong(
                format!("batch = {} in `finetune`", self.finetune.schedule.batch),
                "a worker's part of it must hold a row of some task",
            );
        }
        if self.finetune.schedule.steps == 0 {
            return wrong(
                "no steps in `finetune`".to_owned(),
                "only `pretrain`, and `detector` after --init or with region features of the dataset's own, can be left out",
            );
        }
        self.check_arms()
    }

    fn check_arms(&self) -> Result<(), Error> {
        let wrong = |what: &str, want| Err(Error::Recipe { what: what.to_owned(), want });
        let contrasted = self.pretrain.method == Method::Cmcl || self.arms.is_some();
        if contrasted && self.pretrain.runs() && self.pretrain.schedule.shard() < 2 {
            return wrong(
                "a contrast within one pair",
                "a worker's part of the `pretrain` batch must hold two",
            );
        }
        let Some(Arms { shares, seeds, ablation_seeds }) = &self.arms else {
            return Ok(());
        };
        if self.finetune.shares.association > 0.0 {
            return wrong(
                "`arms` with association rows in `finetune`",
                "they would teach arms without association some of it: state `association = 0.0` in `[finetune.shares]`",
            );
        }
        if shares.is_empty() || seeds.is_empty() {
            return wrong("`arms` without shares or seeds", "it needs one of each at least");
        }
        if shares.iter().any(|share| !(*share > 0.0 && *share <= 1.0)) {
            return wrong("a share in `arms` outside of 0 to 1", "a share is above 0, and 1 at most");
        }
        if repeats(shares) || repeats(seeds) || repeats(ablation_seeds) {
            return wrong("the same share or seed twice in `arms`", "state each once");
        }
        if self.pretrain.method != Method::Cmal || self.pretrain.schedule.steps == 0 {
            return wrong("`arms` without associative pre-training", "`pretrain` says how `cmal` is trained");
        }
        Ok(())
    }

    fn check_schedules(&self) -> Result<(), Error> {
        let wrong = |what: String, want| Err(Error::Recipe { what, want });
        for (stage, schedule) in [
            ("detector", self.detector),
            ("pretrain", self.pretrain.schedule),
            ("finetune", self.finetune.schedule),
        ] {
            if schedule.batch == 0 || schedule.validate_every == 0 {
                return wrong(
                    format!("a zero batch or validate_every in `{stage}`"),
                    "both must be 1 at least",
                );
            }
            if schedule.workers == 0 || !schedule.batch.is_multiple_of(schedule.workers) {
                return wrong(
                    format!("batch = {} and workers = {} in `{stage}`", schedule.batch, schedule.workers),
                    "the workers must divide the batch",
                );
            }
        }
        Ok(())
    }
}

fn repeats<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().any(|(place, value)| values[..place].contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, BertDims};

    #[test]
    fn shipped_recipes_can_be_read() {
        for recipe in ["shapes", "wider", "tiny", "arms"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/recipes/{recipe}.toml"));
            Recipe::open(&path).unwrap_or_else(|error| panic!("{recipe}: {error:?}"));
        }
    }

    #[test]
    fn an_unknown_key_stops_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        fs::write(&path, "name = \"x\"\nseed = 1\nsteps = 4\n").unwrap();
        let error = Recipe::open(&path).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("steps"), "{source}");
    }

    #[test]
    fn what_would_fail_hours_later_is_refused_at_once() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/tiny.toml");
        let tiny = Recipe::open(&path).unwrap();
        let refused = |spoil: &dyn Fn(&mut Recipe)| {
            let mut recipe = tiny.clone();
            spoil(&mut recipe);
            recipe.check().unwrap_err().to_string()
        };
        assert!(refused(&|recipe| recipe.pretrain.association.anchors = 1.5).contains("anchors = 1.5"));
        assert!(refused(&|recipe| recipe.finetune.schedule.steps = 0).contains("no steps in `finetune`"));
        assert!(refused(&|recipe| recipe.detector.workers = 3).contains("workers = 3"));
        assert!(refused(&|recipe| recipe.model.max_tokens = 7).contains("max_tokens = 7"));
        assert!(refused(&|recipe| recipe.model.width = 0).contains("width = 0"));
        assert!(refused(&|recipe| recipe.finetune.schedule.batch = 2).contains("batch = 2"));
        let (activation, epsilon) = (Activation::Gelu, 1e-12);
        let bert = BertDims { width: 30, layers: 1, heads: 4, inner: 8, activation, epsilon };
        assert!(refused(&|recipe| recipe.model.bert = Some(bert)).contains("heads = 4 in `bert`"));
        let arms = |shares: &[f64], seeds: &[u64]| {
            let arms = Arms { shares: shares.to_vec(), seeds: seeds.to_vec(), ablation_seeds: Vec::new() };
            refused(&|recipe| {
                recipe.arms = Some(arms.clone());
                recipe.finetune.shares.association = 0.0;
            })
        };
        let unfair = Arms { shares: vec![1.0], seeds: vec![1], ablation_seeds: Vec::new() };
        assert!(refused(&|recipe| recipe.arms = Some(unfair.clone())).contains("association rows"));
        assert!(arms(&[], &[1]).contains("without shares or seeds"));
        assert!(arms(&[0.0], &[1]).contains("outside of 0 to 1"));
        assert!(arms(&[0.5], &[1, 1]).contains("twice"));
    }

    #[test]
    fn a_recipe_that_says_nothing_of_arms_is_pre_trained_by_association_on_everything() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/tiny.toml");
        let tiny = Recipe::open(&path).unwrap();
        assert_eq!(
            (tiny.pretrain.method, tiny.pretrain.share, tiny.finetune.share),
            (Method::Cmal, 1.0, 1.0)
        );
        assert!(tiny.pretrain.association.swap && tiny.pretrain.association.amc && tiny.arms.is_none());
        let written = toml::to_string_pretty(&tiny).unwrap();
        assert_eq!(toml::from_str::<Recipe>(&written).unwrap(), tiny);
    }

    #[test]
    fn a_recipe_tells_of_a_bert_only_where_there_is_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/tiny.toml");
        let mut recipe = Recipe::open(&path).unwrap();
        let text = |recipe: &Recipe| toml::to_string_pretty(recipe).unwrap();
        assert!(!text(&recipe).contains("bert"));
        let activation = Activation::GeluTanh;
        recipe.model.bert =
            Some(BertDims { width: 32, layers: 2, heads: 4, inner: 48, activation, epsilon: 1e-5 });
        assert!(text(&recipe).contains("[model.bert]\nwidth = 32"));
        assert_eq!(toml::from_str::<Recipe>(&text(&recipe)).unwrap(), recipe);
    }
}
