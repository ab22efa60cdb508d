//! The pre-norm Transformer that the visual, the textual and the unified semantic encoder are made of.

use burn::module::Module;
use burn::nn::activation::ActivationConfig;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Bool, Device, Tensor};

use super::dims::Dims;
use super::mask::padding;

/// Layers of pre-norm self-attention and feed-forward, and the norm that closes them.
///
/// The feed-forward activation is ReLU: the exact GELU's error function costs half of a training step on a CPU.
#[derive(Module, Debug)]
pub struct Encoder {
    layers: TransformerEncoder,
    norm: LayerNorm,
}

impl Encoder {
    pub fn new(layers: usize, dims: &Dims, device: &Device) -> Self {
        let layers =
            TransformerEncoderConfig::new(dims.width, dims.width * dims.expansion, dims.heads, layers)
                .with_norm_first(true)
                .with_dropout(0.0)
                .with_activation(ActivationConfig::Relu)
                .init(device);
        Self { layers, norm: LayerNormConfig::new(dims.width).init(device) }
    }

    /// # Shapes
    /// - states: `[batch, slots, width]`
    /// - real: `[batch, slots]`
    /// - output: `[batch, slots, width]`
    pub fn forward(&self, states: Tensor<3>, real: Tensor<2, Bool>) -> Tensor<3> {
        let input = TransformerEncoderInput::new(states).mask_pad(padding(real));
        self.norm.forward(self.layers.forward(input))
    }
}
