//! The one configuration of the model: widths, depths, counts, and the switch of the hypersphere ablation.

use serde::{Deserialize, Serialize};

/// Sizes that the data decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Entries of the tokenizer.
    pub tokens: usize,
    /// Answers of the VQA head.
    pub answers: usize,
    /// Classes of the detector.
    pub classes: usize,
    /// Attribute words of the detector.
    pub attributes: usize,
}

impl Vocabulary {
    /// Where a list has no words, a single one that is never meant: a layer has one output at least.
    pub fn at_least_one(self) -> Self {
        Self {
            answers: self.answers.max(1),
            classes: self.classes.max(1),
            attributes: self.attributes.max(1),
            ..self
        }
    }
}

/// Sizes that the recipe decides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dims {
    /// Side of the square the detector sees, pixels; a multiple of 16.
    pub side: usize,
    /// Channels of the detector's first convolution; later ones are multiples of it.
    pub channels: usize,
    /// Width F of a region feature.
    pub features: usize,
    /// Objects per picture at most.
    pub objects: usize,
    /// Peaks of the heat map below this score are no objects, 0..1.
    pub object_threshold: f64,
    /// Pictures with fewer objects than this are looked at by a grid of regions as well; 0 for none. A model that has seen no grid while
    /// it learned takes its regions for objects: trained on the world, where every picture has some, it counted eight in a blank one.
    pub grid_below: usize,
    /// Width D of the states.
    pub width: usize,
    /// Attention heads; divides the width.
    pub heads: usize,
    /// Inner width of a feed-forward layer as a multiple of the width.
    pub expansion: usize,
    /// Layers of the visual semantic encoder.
    pub visual_layers: usize,
    /// Layers of the textual semantic encoder.
    pub textual_layers: usize,
    /// Layers of the unified semantic encoder.
    pub unified_layers: usize,
    /// Width C of a coarse vector.
    pub coarse: usize,
    /// Tokens of a text at most, its special tokens counted.
    pub max_tokens: usize,
    /// Whether each modality's embedding lies on a hypersphere of its own.
    pub hypersphere: bool,
    /// The BERT that reads a text first, if its embedding is one's output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bert: Option<BertDims>,
}

/// Sizes of a BERT.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BertDims {
    /// Width of its states.
    pub width: usize,
    /// Layers of self-attention and feed-forward.
    pub layers: usize,
    /// Attention heads; divides the width.
    pub heads: usize,
    /// Inner width of a feed-forward layer.
    pub inner: usize,
    /// What its feed-forward layers bend their inner states with.
    pub activation: Activation,
    /// Added to the variance by its layer norms.
    pub epsilon: f64,
}

/// Activation functions of the BERTs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// x · Φ(x), by the error function.
    Gelu,
    /// The same by the hyperbolic tangent, which differs in the fourth digit.
    GeluTanh,
    Relu,
}

impl Default for Dims {
    fn default() -> Self {
        Self {
            side: 128,
            channels: 16,
            features: 96,
            objects: 16,
            object_threshold: 0.3,
            grid_below: 0,
            width: 192,
            heads: 6,
            expansion: 4,
            visual_layers: 1,
            textual_layers: 2,
            unified_layers: 4,
            coarse: 96,
            max_tokens: 48,
            hypersphere: true,
            bert: None,
        }
    }
}
