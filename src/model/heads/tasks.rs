//! The heads of the four tasks, on the unified encoder's states.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Bool, Device, Tensor};

use crate::model::dims::{Dims, Vocabulary};
use crate::model::states::Fused;
use crate::types::Entailment;

/// Logit of an object slot that holds no object; finite, so that a softmax over a picture without objects stays finite.
const NO_OBJECT: f64 = -1.0e4;

/// Logits of every task for each row.
#[derive(Clone, Debug)]
pub struct TaskLogits {
    /// `[batch, answers]`
    pub vqa: Tensor<2>,
    /// `[batch, 3]`, in the order of [`Entailment::ALL`]
    pub entailment: Tensor<2>,
    /// `[batch, objects]`
    pub grounding: Tensor<2>,
    /// `[batch, 1]`
    pub absent: Tensor<2>,
    /// `[batch, 1]`
    pub matching: Tensor<2>,
}

/// A hidden layer and a reading.
#[derive(Module, Debug)]
struct Head {
    hidden: Linear,
    logits: Linear,
}

impl Head {
    fn new(dims: &Dims, inputs: usize, outputs: usize, device: &Device) -> Self {
        Self {
            hidden: LinearConfig::new(inputs, dims.width).init(device),
            logits: LinearConfig::new(dims.width, outputs).init(device),
        }
    }

    fn forward<const N: usize>(&self, states: Tensor<N>) -> Tensor<N> {
        self.logits.forward(relu(self.hidden.forward(states)))
    }
}

/// One head per task; all but grounding read what speaks for the pair, see [`Fused::summary`].
#[derive(Module, Debug)]
pub struct TaskHeads {
    vqa: Head,
    entailment: Head,
    grounding: Head,
    absent: Head,
    matching: Head,
}

impl TaskHeads {
    pub fn new(dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        let of_pair = |outputs| Head::new(dims, 2 * dims.width, outputs, device);
        Self {
            vqa: of_pair(vocabulary.answers),
            entailment: of_pair(Entailment::ALL.len()),
            grounding: Head::new(dims, dims.width, 1, device),
            absent: of_pair(1),
            matching: of_pair(1),
        }
    }

    pub fn forward(&self, fused: &Fused) -> TaskLogits {
        let (grounding, absent) = self.grounding(fused);
        TaskLogits {
            vqa: self.vqa(fused),
            entailment: self.entailment(fused),
            grounding,
            absent,
            matching: self.matching(fused),
        }
    }

    /// `[batch, answers]`
    pub fn vqa(&self, fused: &Fused) -> Tensor<2> {
        self.vqa.forward(fused.summary())
    }

    /// `[batch, 3]`
    pub fn entailment(&self, fused: &Fused) -> Tensor<2> {
        self.entailment.forward(fused.summary())
    }

    /// `[batch, objects]` and `[batch, 1]`
    pub fn grounding(&self, fused: &Fused) -> (Tensor<2>, Tensor<2>) {
        let scores = self.grounding.forward(fused.objects.clone()).squeeze_dim::<2>(2);
        let empty: Tensor<2, Bool> = fused.real_objects.clone().bool_not();
        (scores.mask_fill(empty, NO_OBJECT), self.absent.forward(fused.summary()))
    }

    /// `[batch, 1]`
    pub fn matching(&self, fused: &Fused) -> Tensor<2> {
        self.matching.forward(fused.summary())
    }
}
