//! What a BERT does with the sums of its embeddings (Devlin et al., arXiv 1810.04805), up to the width of our states.

use burn::module::Module;
use burn::nn::activation::ActivationConfig;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Tensor};

use super::checkpoint::{Checkpoint, path};
use crate::model::dims::{Activation, BertDims};
use crate::model::mask::padding;
use crate::model::state_dict::StateError;

/// What BERTs draw their weights from.
pub const INITIAL: Initializer = Initializer::Normal { mean: 0.0, std: 0.02 };

/// A norm, then post-norm layers of self-attention and feed-forward, and a projection where their width is not ours.
#[derive(Module, Debug)]
pub struct Bert {
    norm: LayerNorm,
    encoder: TransformerEncoder,
    projection: Option<Linear>,
}

impl Bert {
    /// One whose output is `width` wide.
    pub fn new(dims: &BertDims, width: usize, device: &Device) -> Self {
        let activation = match dims.activation {
            Activation::Gelu => ActivationConfig::Gelu,
            Activation::GeluTanh => ActivationConfig::GeluApproximate,
            Activation::Relu => ActivationConfig::Relu,
        };
        let layers = TransformerEncoderConfig::new(dims.width, dims.inner, dims.heads, dims.layers)
            .with_dropout(0.0)
            .with_initializer(INITIAL)
            .with_activation(activation)
            .with_layer_norm_eps(dims.epsilon);
        Self {
            norm: LayerNormConfig::new(dims.width).with_epsilon(dims.epsilon).init(device),
            encoder: layers.init(device),
            projection: (dims.width != width).then(|| LinearConfig::new(dims.width, width).init(device)),
        }
    }

    /// With the weights of a checkpoint; the projection, which none has, stays.
    pub fn taken(self, checkpoint: &Checkpoint) -> Result<Self, StateError> {
        Ok(Self {
            norm: checkpoint.give(path::NORM, self.norm)?,
            encoder: checkpoint.give(path::ENCODER, self.encoder)?,
            projection: self.projection,
        })
    }

    /// # Shapes
    /// - embedded: `[batch, tokens, bert width]`
    /// - real: `[batch, tokens]`
    /// - output: `[batch, tokens, width]`
    pub fn forward(&self, embedded: Tensor<3>, real: Tensor<2, Bool>) -> Tensor<3> {
        let states = self.states(embedded, real);
        match &self.projection {
            Some(projection) => projection.forward(states),
            None => states,
        }
    }

    /// The last hidden states, as everybody's BERT gives them.
    ///
    /// # Shapes
    /// - embedded, output: `[batch, tokens, bert width]`
    /// - real: `[batch, tokens]`
    pub fn states(&self, embedded: Tensor<3>, real: Tensor<2, Bool>) -> Tensor<3> {
        let input = TransformerEncoderInput::new(self.norm.forward(embedded)).mask_pad(padding(real));
        self.encoder.forward(input)
    }
}
