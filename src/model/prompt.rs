//! The cross-modal associative prompt: one sequence of text slots and object slots, in which the two sides of an anchor point may
//! have changed places.
//!
//! A *filled* slot holds the other modality's state, mapped into its own space, beside its own; the slot that state came from is *masked*
//! by a learned vector. What fills has no place in the sentence or the picture: the slot's own state tells it. That state tells nothing
//! else of the slot if what it holds is hidden from the encoders, as it must be where that is to be guessed. Filling and masking are
//! decided by the caller (`train::masking` in training, the caller of the association graph when serving); this file only puts them in
//! place.

use burn::module::{Initializer, Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::dims::Dims;
use super::states::Paired;

/// What a slot of the hybrid prompt holds; each has a learned embedding that tells the unified encoder.
const TEXT: usize = 0;
const TEXT_FILLED: usize = 1;
const TEXT_MASKED: usize = 2;
const OBJECT: usize = 3;
const OBJECT_FILLED: usize = 4;
const OBJECT_MASKED: usize = 5;
const KINDS: usize = 6;

/// Slots of one modality that the other modality's states fill, and slots hidden because their state went to the other side.
#[derive(Clone, Debug)]
pub struct Filling {
    /// For each slot the index of the slot of the other modality that fills it; ignored where `filled` is false. `[batch, slots]`
    pub source: Tensor<2, Int>,
    /// `[batch, slots]`
    pub filled: Tensor<2, Bool>,
    /// `[batch, slots]`
    pub masked: Tensor<2, Bool>,
}

/// The fillings of both modalities.
#[derive(Clone, Debug)]
pub struct Fills {
    pub text: Filling,
    pub objects: Filling,
}

/// A learned map φ from one modality's space to the other's: two layers with a ReLU between.
#[derive(Module, Debug)]
struct Mapping {
    inner: Linear,
    outer: Linear,
}

impl Mapping {
    fn new(dims: &Dims, device: &Device) -> Self {
        let linear = LinearConfig::new(dims.width, dims.width);
        Self { inner: linear.init(device), outer: linear.init(device) }
    }

    fn forward(&self, states: Tensor<3>) -> Tensor<3> {
        self.outer.forward(relu(self.inner.forward(states)))
    }
}

/// Builds the hybrid prompt, text slots first.
#[derive(Module, Debug)]
pub struct Prompt {
    /// φ_vt: what an object's state says in the place of a word.
    object_to_text: Mapping,
    /// φ_tv: what a word's state says in the place of an object.
    text_to_object: Mapping,
    masked_text: Param<Tensor<1>>,
    masked_object: Param<Tensor<1>>,
    /// `[kinds, width]`
    kinds: Param<Tensor<2>>,
}

impl Prompt {
    pub fn new(dims: &Dims, device: &Device) -> Self {
        let unit = Initializer::Normal { mean: 0.0, std: 1.0 };
        let small = Initializer::Normal { mean: 0.0, std: 0.1 };
        Self {
            object_to_text: Mapping::new(dims, device),
            text_to_object: Mapping::new(dims, device),
            masked_text: unit.init([dims.width], device),
            masked_object: unit.init([dims.width], device),
            kinds: small.init([KINDS, dims.width], device),
        }
    }

    /// The prompt without any swap, as the tasks read it: `[batch, tokens + objects, width]`.
    pub fn plain(&self, paired: &Paired) -> Tensor<3> {
        let text = paired.read.states.clone() + self.kind(TEXT);
        let objects = paired.seen.states.clone() + self.kind(OBJECT);
        Tensor::cat(vec![text, objects], 1)
    }

    /// The prompt with slots of both sides filled, from `sources`, and masked: `[batch, tokens + objects, width]`.
    pub fn swapped(&self, paired: &Paired, sources: &Paired, fills: &Fills) -> Tensor<3> {
        let objects = gathered(&sources.seen.states, &fills.text.source);
        let words = gathered(&sources.read.states, &fills.objects.source);
        let text = Side { masked: &self.masked_text, kinds: [TEXT, TEXT_FILLED, TEXT_MASKED] };
        let object = Side { masked: &self.masked_object, kinds: [OBJECT, OBJECT_FILLED, OBJECT_MASKED] };
        let text =
            self.slots(&text, paired.read.states.clone(), self.object_to_text.forward(objects), &fills.text);
        let objects = self.slots(
            &object,
            paired.seen.states.clone(),
            self.text_to_object.forward(words),
            &fills.objects,
        );
        Tensor::cat(vec![text, objects], 1)
    }

    /// The prompt of one association per row: the text slot in `tokens` is filled by the object in `objects`, which is masked.
    ///
    /// # Shapes
    /// - objects: `[batch, objects]`, tokens: `[batch, tokens]`, one true in each row
    /// - output: `[batch, tokens + objects, width]`
    pub fn associated(
        &self,
        paired: &Paired,
        objects: Tensor<2, Bool>,
        tokens: Tensor<2, Bool>,
    ) -> Tensor<3> {
        let (visual, textual) = (paired.seen.states.clone(), paired.read.states.clone());
        let source = (visual.clone() * objects.clone().float().unsqueeze_dim::<3>(2)).sum_dim(1);
        let filled = textual.clone() + self.object_to_text.forward(source) + self.kind(TEXT_FILLED);
        let text = place(textual + self.kind(TEXT), filled, tokens);
        let masked = vector(&self.masked_object) + self.kind(OBJECT_MASKED);
        let objects = place(visual.clone() + self.kind(OBJECT), masked.expand(visual.dims()), objects);
        Tensor::cat(vec![text, objects], 1)
    }

    fn slots(&self, side: &Side, states: Tensor<3>, filler: Tensor<3>, filling: &Filling) -> Tensor<3> {
        let [plain, filled, masked] = side.kinds;
        let masked = (vector(side.masked) + self.kind(masked)).expand(states.dims());
        let slots = place(states.clone() + self.kind(plain), masked, filling.masked.clone());
        place(slots, states + filler + self.kind(filled), filling.filled.clone())
    }

    fn kind(&self, kind: usize) -> Tensor<3> {
        self.kinds.val().narrow(0, kind, 1).unsqueeze::<3>()
    }
}

/// What tells one modality's slots from the other's: the vector of its masked slots, and its kinds (plain, filled, masked).
struct Side<'a> {
    masked: &'a Param<Tensor<1>>,
    kinds: [usize; 3],
}

fn vector(param: &Param<Tensor<1>>) -> Tensor<3> {
    param.val().unsqueeze::<3>()
}

/// `states`, with `others` where `chosen`.
fn place(states: Tensor<3>, others: Tensor<3>, chosen: Tensor<2, Bool>) -> Tensor<3> {
    let shape = states.dims();
    states.mask_where(chosen.unsqueeze_dim::<3>(2).expand(shape), others)
}

/// For each slot the state that `source` points to.
///
/// # Shapes
/// - states: `[batch, others, width]`
/// - source: `[batch, slots]`
/// - output: `[batch, slots, width]`
fn gathered(states: &Tensor<3>, source: &Tensor<2, Int>) -> Tensor<3> {
    let [batch, _, width] = states.dims();
    let [_, slots] = source.dims();
    let source = source.clone().unsqueeze_dim::<3>(2).expand([batch, slots, width]);
    states.clone().gather(1, source)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Distribution, TensorData};

    use super::*;
    use crate::model::states::{Read, Seen};

    const OBJECTS: usize = 3;
    const TOKENS: usize = 5;
    const WIDTH: usize = 7;

    fn paired(visual: &Tensor<3>, textual: &Tensor<3>) -> Paired {
        let real = |states: &Tensor<3>| {
            let [batch, slots, _] = states.dims();
            Tensor::<2, Int>::ones([batch, slots], &states.device()).bool()
        };
        Paired {
            seen: Seen { real: real(visual), states: visual.clone() },
            read: Read { real: real(textual), states: textual.clone() },
        }
    }

    fn states(slots: usize) -> Tensor<3> {
        Tensor::random([2, slots, WIDTH], Distribution::Default, &Device::flex())
    }

    fn none(slots: usize) -> Filling {
        let device = Device::flex();
        Filling {
            source: Tensor::zeros([2, slots], &device),
            filled: Tensor::<2, Int>::zeros([2, slots], &device).equal_scalar(1),
            masked: Tensor::<2, Int>::zeros([2, slots], &device).equal_scalar(1),
        }
    }

    fn one(slots: usize, chosen: usize) -> Tensor<2, Bool> {
        let row = (0..slots).map(|slot| slot == chosen);
        let rows: Vec<bool> = row.clone().chain(row).collect();
        Tensor::from_data(TensorData::new(rows, [2, slots]), &Device::flex())
    }

    fn prompt() -> Prompt {
        Prompt::new(&Dims { width: WIDTH, heads: 1, ..Dims::default() }, &Device::flex())
    }

    fn slot(sequence: &Tensor<3>, index: usize) -> TensorData {
        sequence.clone().narrow(1, index, 1).into_data()
    }

    #[test]
    fn without_swaps_the_prompt_is_the_plain_one() {
        let (prompt, paired) = (prompt(), paired(&states(OBJECTS), &states(TOKENS)));
        let fills = Fills { text: none(TOKENS), objects: none(OBJECTS) };
        let swapped = prompt.swapped(&paired, &paired, &fills);
        assert_eq!(swapped.dims(), [2, TOKENS + OBJECTS, WIDTH]);
        assert_eq!(swapped.into_data(), prompt.plain(&paired).into_data());
    }

    #[test]
    fn a_filled_text_slot_depends_on_its_object_and_on_its_own_state_but_on_no_other_word() {
        let (prompt, visual, textual) = (prompt(), states(OBJECTS), states(TOKENS));
        let source = Tensor::<2, Int>::full([2, TOKENS], 1, &Device::flex());
        let text = Filling { source, filled: one(TOKENS, 2), ..none(TOKENS) };
        let fills = Fills { text, objects: Filling { masked: one(OBJECTS, 1), ..none(OBJECTS) } };
        let swapped = |visual: &Tensor<3>, textual: &Tensor<3>| {
            let paired = paired(visual, textual);
            prompt.swapped(&paired, &paired, &fills)
        };
        let before = swapped(&visual, &textual);
        let own = one(TOKENS, 2).unsqueeze_dim::<3>(2).expand([2, TOKENS, WIDTH]);
        let other_words = swapped(&visual, &states(TOKENS).mask_where(own.clone(), textual.clone()));
        let other_place = swapped(&visual, &textual.clone().mask_where(own, states(TOKENS)));
        let other_objects = swapped(&states(OBJECTS), &textual);
        assert_eq!(slot(&before, 2), slot(&other_words, 2));
        assert_ne!(slot(&before, 2), slot(&other_place, 2));
        assert_ne!(slot(&before, 2), slot(&other_objects, 2));
        // The object's own slot is masked: nothing of it is left there.
        assert_eq!(slot(&before, TOKENS + 1), slot(&other_objects, TOKENS + 1));
        assert_ne!(slot(&before, TOKENS), slot(&other_objects, TOKENS));
    }

    #[test]
    fn the_association_prompt_is_the_swap_of_that_pair() {
        let (prompt, paired) = (prompt(), paired(&states(OBJECTS), &states(TOKENS)));
        let source = Tensor::<2, Int>::full([2, TOKENS], 1, &Device::flex());
        let text = Filling { source, filled: one(TOKENS, 3), ..none(TOKENS) };
        let fills = Fills { text, objects: Filling { masked: one(OBJECTS, 1), ..none(OBJECTS) } };
        let swapped = prompt.swapped(&paired, &paired, &fills);
        let associated = prompt.associated(&paired, one(OBJECTS, 1), one(TOKENS, 3));
        let difference = (swapped - associated).abs().max().into_scalar::<f32>();
        assert!(difference < 1e-5, "{difference}");
    }
}
