//! A recipe: everything that decides a training, in one TOML file that states only what differs from the defaults.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::schedule::Schedule;
use crate::model::Dims;

mod check;

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
    /// Of the swapped, those whose filling is not associated, as far as picture and text have something that does not belong.
    pub negatives: f64,
    /// Of the swapped, those whose slot keeps what it said beside the filling, so that nothing is to be guessed and only whether the filling
    /// belongs there is asked. What an object is to a word can be judged by these alone: where the word is hidden, the rest of the text
    /// seldom tells what it was.
    pub shown: f64,
    /// Of the tokens that are no swapped anchors, those masked for language modelling.
    pub tokens: f64,
    /// Of the objects that are no swapped anchors, those masked for region classification.
    pub objects: f64,
}

impl Default for Association {
    fn default() -> Self {
        Self { swap: true, amc: true, anchors: 0.4, negatives: 0.3, shown: 0.3, tokens: 0.15, objects: 0.15 }
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
    /// Where the weights that are kept lie between those it started from, 0, and those it learned, 1. A place between the two is mostly
    /// better than both ends, where the start was good already (Wortsman et al., arXiv 2109.01903). Below 1 it needs a bundle to start from,
    /// whose detector stays as it is.
    #[serde(default = "whole")]
    pub blend: f64,
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

impl Finetune {
    /// Whether what is kept lies between two ends.
    pub fn blends(&self) -> bool {
        self.blend < 1.0
    }
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, BertDims};

    #[test]
    fn shipped_recipes_can_be_read() {
        for recipe in ["shapes", "wider", "longer", "associating", "settling", "tiny", "arms"] {
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
