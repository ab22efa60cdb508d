//! `manifest.json`: what a bundle holds and how it is used.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::form::{Comparison, Form};

/// Difference from a golden value v, as a share of 1 + |v|, that is allowed where a manifest has no form.
const TOLERANCE: f32 = 5e-3;

/// The manifest of a bundle, format [`FORMAT`](super::names::FORMAT).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    pub name: String,
    /// Version of the bundle; a new training or export is a new version.
    pub version: String,
    /// UTC, RFC 3339.
    pub created: String,
    /// Commit of the checkout that the bundle was exported in; `unknown` outside one.
    pub source_commit: String,
    pub dimensions: Dimensions,
    /// By the names in [`graph`](super::names::graph).
    pub graphs: BTreeMap<String, Graph>,
    pub preprocessing: Preprocessing,
    pub tokenizer: TokenizerFile,
    /// Golden inputs and outputs of every graph.
    pub golden: FileEntry,
    /// How the graphs were written; none in a bundle that was exported before there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Answers of the VQA head, in the order of its logits.
    pub answers: Vec<String>,
    /// Classes and attributes of the detector, in the order of its scores.
    pub classes: Vec<String>,
    pub attributes: Vec<String>,
    /// Probability from which an attribute is among an object's tags.
    pub attribute_threshold: f32,
    #[serde(default)]
    pub temperatures: Temperatures,
    /// Figures on held-out data, by name.
    pub metrics: BTreeMap<String, f64>,
    /// The forms that the model can be exported in, if they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What the model was trained on, in a sentence or two.
    pub training_data: String,
    /// What another training starts from. A server doesn't read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
}

impl Manifest {
    /// Difference from a golden value v of a graph that is allowed, as a share of 1 + |v|: weights may be stored in fewer bits, devices
    /// round otherwise.
    pub fn tolerance(&self, graph: &str) -> f32 {
        self.form.map_or(TOLERANCE, |form| form.tolerance_of(graph))
    }

    /// Every file that the manifest pins, with its digest.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let graphs = self.graphs.values().map(|graph| (graph.file.as_str(), graph.sha256.as_str()));
        let tokenizer = (self.tokenizer.file.as_str(), self.tokenizer.sha256.as_str());
        let golden = (self.golden.file.as_str(), self.golden.sha256.as_str());
        let training = self.training.iter().map(|training| &training.weights);
        let weights = training.map(|weights| (weights.file.as_str(), weights.sha256.as_str()));
        graphs.chain([tokenizer, golden]).chain(weights)
    }

    /// Sets the digest of every file to what `digest` gives for its name.
    pub(super) fn pin<E>(&mut self, mut digest: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        for graph in self.graphs.values_mut() {
            graph.sha256 = digest(&graph.file)?;
        }
        self.tokenizer.sha256 = digest(&self.tokenizer.file)?;
        self.golden.sha256 = digest(&self.golden.file)?;
        if let Some(Training { weights, .. }) = &mut self.training {
            weights.sha256 = digest(&weights.file)?;
        }
        Ok(())
    }
}

/// Sizes of the model that a server needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimensions {
    /// Width D of the states.
    pub width: usize,
    /// Objects per picture at most.
    pub objects: usize,
    /// Width F of a region feature.
    pub features: usize,
    /// Width C of a coarse vector.
    pub coarse: usize,
}

/// One ONNX file with the tensors it takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    pub file: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub inputs: Vec<TensorEntry>,
    pub outputs: Vec<TensorEntry>,
}

/// What logits are divided by before their softmax, so that the scores are probabilities that hold; above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Temperatures {
    pub vqa: f32,
    pub entailment: f32,
}

impl Default for Temperatures {
    fn default() -> Self {
        Self { vqa: 1.0, entailment: 1.0 }
    }
}

/// Weights and sizes of the model as training knows it, those parts included that only pre-training needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// safetensors, f16 or f32, called by their paths in the model.
    pub weights: FileEntry,
    /// The `[model]` of the recipe, every size stated.
    pub model: serde_json::Map<String, serde_json::Value>,
}

/// A file of the bundle and its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub file: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// Name, type and axes of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorEntry {
    pub name: String,
    pub dtype: DType,
    pub axes: Vec<Axis>,
}

/// Element types that graphs exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    F32,
    I64,
    U8,
    Bool,
}

impl DType {
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An axis: a fixed size or the name of a dynamic one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Axis {
    Fixed(usize),
    Dynamic(String),
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Dynamic(name) => f.write_str(name),
        }
    }
}

/// How a picture becomes the `pixels` of `objects.onnx`: scaled to the longer side with its aspect ratio kept, placed at the top
/// left of a square, the rest filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Side of the square in pixels.
    pub side: u32,
    /// RGB of the filling.
    pub padding: [u8; 3],
}

/// The tokenizer and the longest text it may make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerFile {
    pub file: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Tokens of a text at most, its special tokens counted.
    pub max_tokens: usize,
}
