//! Associative mapping classification: at a filled slot, what the missing side was, and whether the two belong together.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::model::dims::{Dims, Vocabulary};

/// What a text slot is guessed to hold, and whether its filling belongs there. N slots.
#[derive(Clone, Debug)]
pub struct AssociationLogits {
    /// `[slots, vocabulary]`
    pub tokens: Tensor<2>,
    /// `[slots, 1]`
    pub associated: Tensor<2>,
}

/// What an object slot is guessed to hold, and whether its filling belongs there. N slots.
#[derive(Clone, Debug)]
pub struct ObjectLogits {
    /// `[slots, classes]`
    pub classes: Tensor<2>,
    /// `[slots, attributes]`
    pub attributes: Tensor<2>,
    /// `[slots, 1]`
    pub associated: Tensor<2>,
}

/// Reads slots of the unified encoder's output; masked language and region modelling read theirs with the same parts.
#[derive(Module, Debug)]
pub struct AssociationHead {
    hidden: Linear,
    norm: LayerNorm,
    tokens: Linear,
    classes: Linear,
    attributes: Linear,
    associated: Linear,
}

impl AssociationHead {
    pub fn new(dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        let read = |outputs| LinearConfig::new(dims.width, outputs).init(device);
        Self {
            hidden: read(dims.width),
            norm: LayerNormConfig::new(dims.width).init(device),
            tokens: read(vocabulary.tokens),
            classes: read(vocabulary.classes),
            attributes: read(vocabulary.attributes),
            associated: read(1),
        }
    }

    /// # Shapes
    /// - slots: `[slots, width]`
    pub fn text(&self, slots: Tensor<2>) -> AssociationLogits {
        let hidden = self.hidden(slots);
        AssociationLogits {
            tokens: self.tokens.forward(hidden.clone()),
            associated: self.associated.forward(hidden),
        }
    }

    /// # Shapes
    /// - slots: `[slots, width]`
    pub fn objects(&self, slots: Tensor<2>) -> ObjectLogits {
        let hidden = self.hidden(slots);
        ObjectLogits {
            classes: self.classes.forward(hidden.clone()),
            attributes: self.attributes.forward(hidden.clone()),
            associated: self.associated.forward(hidden),
        }
    }

    /// Whether the filling belongs, alone.
    ///
    /// # Shapes
    /// - slots: `[slots, width]`
    /// - output: `[slots, 1]`
    pub fn associated(&self, slots: Tensor<2>) -> Tensor<2> {
        self.associated.forward(self.hidden(slots))
    }

    fn hidden(&self, slots: Tensor<2>) -> Tensor<2> {
        self.norm.forward(relu(self.hidden.forward(slots)))
    }
}
