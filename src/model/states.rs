//! The states that pass between the parts of the model.

use burn::tensor::{Bool, Int, Tensor};

/// Divides the sum over a picture's objects, to the scale of a single slot.
const OBJECTS: f64 = 8.0;

/// A picture as the visual semantic encoder sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// H_v, `[batch, objects, width]`
    pub states: Tensor<3>,
    /// `[batch, objects]`
    pub real: Tensor<2, Bool>,
}

/// A text as the textual semantic encoder reads it.
#[derive(Clone, Debug)]
pub struct Read {
    /// H_t, `[batch, tokens, width]`
    pub states: Tensor<3>,
    /// `[batch, tokens]`
    pub real: Tensor<2, Bool>,
}

/// A picture and a text in each row.
#[derive(Clone, Debug)]
pub struct Paired {
    pub seen: Seen,
    pub read: Read,
}

impl Paired {
    /// Rows of `seen` and of `read`, by index; a picture or a text may stand in several rows.
    ///
    /// # Shapes
    /// - pictures, texts: `[rows]`
    pub fn select(seen: &Seen, read: &Read, pictures: Tensor<1, Int>, texts: Tensor<1, Int>) -> Self {
        Self {
            seen: Seen {
                states: seen.states.clone().select(0, pictures.clone()),
                real: seen.real.clone().select(0, pictures),
            },
            read: Read {
                states: read.states.clone().select(0, texts.clone()),
                real: read.real.clone().select(0, texts),
            },
        }
    }

    /// Real slots of the hybrid prompt, text first: `[batch, tokens + objects]`.
    pub fn real(&self) -> Tensor<2, Bool> {
        Tensor::cat(vec![self.read.real.clone(), self.seen.real.clone()], 1)
    }
}

/// The unified encoder's states of each row.
#[derive(Clone, Debug)]
pub struct Fused {
    /// `[batch, tokens, width]`
    pub text: Tensor<3>,
    /// `[batch, objects, width]`
    pub objects: Tensor<3>,
    /// `[batch, objects]`
    pub real_objects: Tensor<2, Bool>,
}

impl Fused {
    /// Some rows of the batch, one after the other.
    pub fn rows(&self, start: usize, count: usize) -> Self {
        Self {
            text: self.text.clone().narrow(0, start, count),
            objects: self.objects.clone().narrow(0, start, count),
            real_objects: self.real_objects.clone().narrow(0, start, count),
        }
    }

    /// What speaks for the pair: the first text slot, and the sum of the objects. Attention averages what it gathers, so a number could
    /// not be read from the text slot; it is a sum (Zhang et al., arXiv 1802.05766). Output: `[batch, 2 · width]`.
    pub fn summary(&self) -> Tensor<2> {
        let first = self.text.clone().narrow(1, 0, 1).squeeze_dim::<2>(1);
        let real = self.real_objects.clone().float().unsqueeze_dim::<3>(2);
        let objects = (self.objects.clone() * real).sum_dim(1).squeeze_dim::<2>(1);
        Tensor::cat(vec![first, objects.div_scalar(OBJECTS)], 1)
    }
}
