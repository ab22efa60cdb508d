//! What is read at every cell: class heat, size, offset.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::backbone::conv;
use crate::model::dims::Vocabulary;

/// Heat that an untrained detector sees everywhere, as a probability: the share of cells that are centres is small, and a start at one
/// half would drown the first steps in background (Lin et al., "Focal Loss for Dense Object Detection", arXiv 1708.02002).
const PRIOR: f64 = 0.05;

/// Dense maps over the cells of the square.
#[derive(Clone, Debug)]
pub struct Maps {
    /// What regions are cut from, never negative: `[batch, channels, cells, cells]`
    pub map: Tensor<4>,
    /// Logits, `[batch, classes, cells, cells]`
    pub heat: Tensor<4>,
    /// Logarithms of width and height as shares of the side, then the centre's place in its cell, 0..1:
    /// `[batch, 4, cells, cells]`
    pub shape: Tensor<4>,
}

/// A hidden layer around each cell and linear readings of it.
#[derive(Module, Debug)]
pub struct Heads {
    hidden: Conv2d,
    heat: Conv2d,
    shape: Conv2d,
}

impl Heads {
    pub fn new(channels: usize, vocabulary: &Vocabulary, device: &Device) -> Self {
        let quiet = Initializer::Normal { mean: 0.0, std: 0.01 };
        let width = channels * 3 / 2;
        let read = |outputs| Conv2dConfig::new([width, outputs], [1, 1]).with_initializer(quiet.clone());
        let mut heat = read(vocabulary.classes).init(device);
        // A parameter of its own: a value mapped from the old one would not be a leaf, and so would never learn.
        heat.bias = Some(Param::from_tensor(Tensor::full(
            [vocabulary.classes],
            (PRIOR / (1.0 - PRIOR)).ln(),
            device,
        )));
        let hidden = conv([channels, width], 3, 1).init(device);
        Self { hidden, heat, shape: read(4).init(device) }
    }

    /// # Shapes
    /// - map: `[batch, channels, cells, cells]`
    pub fn forward(&self, map: Tensor<4>) -> Maps {
        let hidden = relu(self.hidden.forward(map.clone()));
        Maps { map, heat: self.heat.forward(hidden.clone()), shape: self.shape.forward(hidden) }
    }
}
