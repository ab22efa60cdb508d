//! `config.json` of a checkpoint: its family and its sizes.

use serde::Deserialize;

use super::error::CheckpointError;
use super::family::{FAMILIES, Family};
use crate::model::dims::{Activation, BertDims};

/// What the families call their activation functions.
const ACTIVATIONS: [(&str, Activation); 6] = [
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("relu", Activation::Relu),
];

/// A checkpoint as its config.json describes it.
#[derive(Debug)]
pub struct Config {
    pub family: &'static Family,
    pub dims: BertDims,
    /// Rows of its tables.
    pub tokens: usize,
    pub positions: usize,
    pub token_types: usize,
    /// Row of the position table that a text begins at.
    pub first: usize,
}

/// The type, which decides what else there is to read.
#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    model_type: String,
}

/// DistilBERT has names of its own.
#[derive(Deserialize)]
struct Stated {
    vocab_size: usize,
    #[serde(alias = "dim")]
    hidden_size: usize,
    #[serde(alias = "n_layers")]
    num_hidden_layers: usize,
    #[serde(alias = "n_heads")]
    num_attention_heads: usize,
    #[serde(alias = "hidden_dim")]
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "epsilon")]
    layer_norm_eps: f64,
    #[serde(alias = "activation", default = "gelu")]
    hidden_act: String,
    #[serde(default)]
    pad_token_id: Option<usize>,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> usize {
    2
}

fn epsilon() -> f64 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

impl Config {
    pub fn parse(json: &str) -> Result<Self, CheckpointError> {
        let Typed { model_type } = serde_json::from_str(json).map_err(CheckpointError::Config)?;
        let Some(family) = FAMILIES.iter().find(|family| family.model_type == model_type) else {
            let known = FAMILIES.each_ref().map(|family| family.model_type).join(", ");
            return Err(CheckpointError::Family { found: model_type, known });
        };
        let stated: Stated = serde_json::from_str(json).map_err(CheckpointError::Config)?;
        stated.check()?;
        Ok(Self {
            family,
            dims: BertDims {
                width: stated.hidden_size,
                layers: stated.num_hidden_layers,
                heads: stated.num_attention_heads,
                inner: stated.intermediate_size,
                activation: stated.activation()?,
                epsilon: stated.layer_norm_eps,
            },
            tokens: stated.vocab_size,
            positions: stated.max_position_embeddings,
            token_types: stated.type_vocab_size,
            first: if family.after_padding {
                stated.pad_token_id.map_or(2, |id| id.saturating_add(1))
            } else {
                0
            },
        })
    }

    /// Tokens of a text at most.
    pub fn most_tokens(&self) -> usize {
        self.positions.saturating_sub(self.first)
    }
}

impl Stated {
    /// Sizes and kinds that no tensor would show to be wrong.
    fn check(&self) -> Result<(), CheckpointError> {
        let wrong = |what: String, want| Err(CheckpointError::Unknown { what, want });
        let (width, heads) = (self.hidden_size, self.num_attention_heads);
        if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
            let what = format!("hidden_size = {width} and num_attention_heads = {heads}");
            return wrong(what, "the heads must divide the size");
        }
        for (name, size) in [
            ("num_hidden_layers", self.num_hidden_layers),
            ("intermediate_size", self.intermediate_size),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            if size == 0 {
                return wrong(format!("{name} = 0"), "it must be 1 at least");
            }
        }
        if let Some(kind) = self.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return wrong(format!("`{kind}` positions"), "only absolute ones are read");
        }
        if self.is_decoder {
            return wrong("a decoder".to_owned(), "only encoders are read");
        }
        Ok(())
    }

    fn activation(&self) -> Result<Activation, CheckpointError> {
        let known = ACTIVATIONS.iter().find(|(name, _)| *name == self.hidden_act);
        known.map(|(_, activation)| *activation).ok_or_else(|| CheckpointError::Unknown {
            what: format!("the activation `{}`", self.hidden_act),
            want: "gelu, gelu_new and relu are read",
        })
    }
}
