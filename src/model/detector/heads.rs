//! What is read at every cell: class heat, size, offset, attributes.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};

use crate::model::dims::{Dims, Vocabulary};

/// Heat that an untrained detector sees everywhere, as a probability: the share of cells that are centres is small, and a start at one
/// half would drown the first steps in background (Lin et al., "Focal Loss for Dense Object Detection", arXiv 1708.02002).
const PRIOR: f64 = 0.05;

/// Dense maps over the cells of the square.
#[derive(Clone, Debug)]
pub struct Maps {
    /// `[batch, features, cells, cells]`
    pub features: Tensor<4>,
    /// Logits, `[batch, classes, cells, cells]`
    pub heat: Tensor<4>,
    /// Logarithms of width and height as shares of the side, then the centre's place in its cell, 0..1:
    /// `[batch, 4, cells, cells]`
    pub shape: Tensor<4>,
    /// Logits, `[batch, attributes, cells, cells]`
    pub attributes: Tensor<4>,
}

/// Linear readings of the region feature: what they tell is in the feature too.
#[derive(Module, Debug)]
pub struct Heads {
    heat: Conv2d,
    shape: Conv2d,
    attributes: Conv2d,
}

impl Heads {
    pub fn new(dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        let quiet = Initializer::Normal { mean: 0.0, std: 0.01 };
        let read =
            |outputs| Conv2dConfig::new([dims.features, outputs], [1, 1]).with_initializer(quiet.clone());
        let mut heat = read(vocabulary.classes).init(device);
        // A parameter of its own: a value mapped from the old one would not be a leaf, and so would never learn.
        heat.bias = Some(Param::from_tensor(Tensor::full(
            [vocabulary.classes],
            (PRIOR / (1.0 - PRIOR)).ln(),
            device,
        )));
        Self { heat, shape: read(4).init(device), attributes: read(vocabulary.attributes).init(device) }
    }

    /// # Shapes
    /// - features: `[batch, features, cells, cells]`
    pub fn forward(&self, features: Tensor<4>) -> Maps {
        Maps {
            heat: self.heat.forward(features.clone()),
            shape: self.shape.forward(features.clone()),
            attributes: self.attributes.forward(features.clone()),
            features,
        }
    }
}
