//! The parts put together: see a picture's objects, read a text, fuse the two, and answer or associate.

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::bert::Checkpoint;
use super::dims::{Dims, Vocabulary};
use super::embed::{ObjectEmbedding, TokenEmbedding};
use super::encoder::Encoder;
use super::heads::{AssociationHead, CoarseHead, TaskHeads};
use super::prompt::{Fills, Prompt};
use super::state_dict::{StateError, WordList, Worded};
use super::states::{Fused, Paired, Read, Seen};

/// The association model: two semantic encoders, the prompt, the unified encoder and the heads.
#[derive(Module, Debug)]
pub struct Cmal {
    objects: ObjectEmbedding,
    tokens: TokenEmbedding,
    visual: Encoder,
    textual: Encoder,
    prompt: Prompt,
    unified: Encoder,
    visual_coarse: CoarseHead,
    textual_coarse: CoarseHead,
    tasks: TaskHeads,
    association: AssociationHead,
}

impl Cmal {
    /// Parts of the paths of those weights that map one hidden space to another.
    pub const HIDDEN: [&str; 7] = [
        "query.weight",
        "key.weight",
        "value.weight",
        "output.weight",
        "inner.weight",
        "outer.weight",
        "hidden.weight",
    ];

    /// Weights with a row for every word of a list.
    pub const WORDED: [Worded; 9] = [
        ("tokens.token.weight", WordList::Tokens, 0),
        ("association.tokens.weight", WordList::Tokens, 1),
        ("association.tokens.bias", WordList::Tokens, 0),
        ("tasks.vqa.logits.weight", WordList::Answers, 1),
        ("tasks.vqa.logits.bias", WordList::Answers, 0),
        ("association.classes.weight", WordList::Classes, 1),
        ("association.classes.bias", WordList::Classes, 0),
        ("association.attributes.weight", WordList::Attributes, 1),
        ("association.attributes.bias", WordList::Attributes, 0),
    ];

    pub fn new(dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        Self {
            objects: ObjectEmbedding::new(dims, device),
            tokens: TokenEmbedding::new(dims, vocabulary, device),
            visual: Encoder::new(dims.visual_layers, dims, device),
            textual: Encoder::new(dims.textual_layers, dims, device),
            prompt: Prompt::new(dims, device),
            unified: Encoder::new(dims.unified_layers, dims, device),
            visual_coarse: CoarseHead::new(dims, device),
            textual_coarse: CoarseHead::new(dims, device),
            tasks: TaskHeads::new(dims, vocabulary, device),
            association: AssociationHead::new(dims, vocabulary, device),
        }
    }

    /// With the text encoder of a checkpoint.
    pub fn reading_as(self, checkpoint: &Checkpoint) -> Result<Self, StateError> {
        Ok(Self { tokens: self.tokens.taken(checkpoint)?, ..self })
    }

    /// Parts of the paths of those weights that a BERT brings along; none without one.
    pub fn of_bert(&self) -> &'static [&'static str] {
        if self.tokens.has_bert() { &TokenEmbedding::OF_BERT } else { &[] }
    }

    /// The visual semantic encoder. `masked` hides the features of objects that are to be guessed, before anything is encoded.
    ///
    /// # Shapes
    /// - features: `[batch, objects, features]`; boxes: `[batch, objects, 4]`; real, masked: `[batch, objects]`
    pub fn see(
        &self,
        features: Tensor<3>,
        boxes: Tensor<3>,
        real: Tensor<2, Bool>,
        masked: Option<Tensor<2, Bool>>,
    ) -> Seen {
        let embedded = self.objects.forward(features, boxes, masked);
        Seen { states: self.visual.forward(embedded, real.clone()), real }
    }

    /// The textual semantic encoder. Tokens that are to be guessed are `[MASK]` already.
    ///
    /// # Shapes
    /// - tokens, real: `[batch, tokens]`
    pub fn read(&self, tokens: Tensor<2, Int>, real: Tensor<2, Bool>) -> Read {
        let embedded = self.tokens.forward(tokens, real.clone());
        Read { states: self.textual.forward(embedded, real.clone()), real }
    }

    /// `[batch, coarse]`, unit length.
    pub fn visual_coarse(&self, seen: &Seen) -> Tensor<2> {
        self.visual_coarse.forward(seen.states.clone(), seen.real.clone())
    }

    /// `[batch, coarse]`, unit length.
    pub fn textual_coarse(&self, read: &Read) -> Tensor<2> {
        self.textual_coarse.forward(read.states.clone(), read.real.clone())
    }

    /// The unified encoder over the plain prompt.
    pub fn fuse(&self, paired: &Paired) -> Fused {
        self.unify(paired, self.prompt.plain(paired))
    }

    /// The unified encoder over the associative prompt. The states that fill slots are taken from `sources`: `paired` itself, unless one
    /// wants to know what is left without them.
    pub fn fuse_swapped(&self, paired: &Paired, sources: &Paired, fills: &Fills) -> Fused {
        self.unify(paired, self.prompt.swapped(paired, sources, fills))
    }

    /// Probability that the object chosen in each row belongs in the place of the word chosen there.
    ///
    /// # Shapes
    /// - objects: `[batch, objects]`, tokens: `[batch, tokens]`, one true in each row
    /// - output: `[batch, 1]`
    pub fn associate(&self, paired: &Paired, objects: Tensor<2, Bool>, tokens: Tensor<2, Bool>) -> Tensor<2> {
        let prompt = self.prompt.associated(paired, objects, tokens.clone());
        let fused = self.unify(paired, prompt);
        let slot = (fused.text * tokens.float().unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim::<2>(1);
        sigmoid(self.association.associated(slot))
    }

    pub fn tasks(&self) -> &TaskHeads {
        &self.tasks
    }

    pub fn association(&self) -> &AssociationHead {
        &self.association
    }

    fn unify(&self, paired: &Paired, prompt: Tensor<3>) -> Fused {
        let [_, tokens, _] = paired.read.states.dims();
        let [_, objects, _] = paired.seen.states.dims();
        let states = self.unified.forward(prompt, paired.real());
        Fused {
            text: states.clone().narrow(1, 0, tokens),
            objects: states.narrow(1, tokens, objects),
            real_objects: paired.seen.real.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Distribution, TensorData, Tolerance};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const DIMS: Dims = Dims {
        grid_below: 0,
        side: 32,
        channels: 4,
        features: 5,
        objects: 7,
        object_threshold: 0.3,
        width: 12,
        heads: 3,
        expansion: 2,
        visual_layers: 1,
        textual_layers: 2,
        unified_layers: 2,
        coarse: 11,
        max_tokens: 13,
        hypersphere: true,
        bert: None,
    };
    const VOCABULARY: Vocabulary = Vocabulary { tokens: 29, answers: 17, classes: 6, attributes: 8 };

    /// The first `real` of `slots` slots of one row.
    fn real(real: usize, slots: usize) -> Tensor<2, Bool> {
        let mask: Vec<bool> = (0..slots).map(|slot| slot < real).collect();
        Tensor::from_data(TensorData::new(mask, [1, slots]), &Device::flex())
    }

    /// A row of 3 objects and 4 tokens, padded to `objects` and `tokens` with whatever lies around.
    fn paired(model: &Cmal, objects: usize, tokens: usize) -> Paired {
        let device = Device::flex();
        // Chance of its own: tests that run beside this one draw from the device's.
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut drawn = |width: usize| {
            let values: Vec<f32> = (0..3 * width).map(|_| rng.random_range(0.0..1.0)).collect();
            Tensor::<3>::from_data(TensorData::new(values, [1, 3, width]), &device)
        };
        let (features, boxes) = (drawn(DIMS.features), drawn(4));
        let words = Tensor::<2, Int>::from_data([[3, 9, 27, 5]], &device);
        let junk = |width| Tensor::<3>::random([1, objects - 3, width], Distribution::Default, &device);
        let (features, boxes, words) = if objects > 3 {
            let padding = Tensor::<2, Int>::full([1, tokens - 4], 11, &device);
            (
                Tensor::cat(vec![features, junk(DIMS.features)], 1),
                Tensor::cat(vec![boxes, junk(4)], 1),
                Tensor::cat(vec![words, padding], 1),
            )
        } else {
            (features, boxes, words)
        };
        Paired {
            seen: model.see(features, boxes, real(3, objects), None),
            read: model.read(words, real(4, tokens)),
        }
    }

    fn assert_same<const D: usize>(alone: Tensor<D>, padded: Tensor<D>) {
        alone.into_data().assert_approx_eq::<f32>(&padded.into_data(), Tolerance::absolute(1e-5));
    }

    #[test]
    fn padding_changes_no_real_slot_and_no_answer() {
        let model = Cmal::new(&DIMS, &VOCABULARY, &Device::flex());
        let (alone, padded) = (paired(&model, 3, 4), paired(&model, 7, 9));
        assert_same(alone.seen.states.clone(), padded.seen.states.clone().narrow(1, 0, 3));
        assert_same(alone.read.states.clone(), padded.read.states.clone().narrow(1, 0, 4));
        assert_same(model.visual_coarse(&alone.seen), model.visual_coarse(&padded.seen));
        assert_same(model.textual_coarse(&alone.read), model.textual_coarse(&padded.read));
        let (alone, padded) = (model.fuse(&alone), model.fuse(&padded));
        assert_same(alone.text.clone(), padded.text.clone().narrow(1, 0, 4));
        assert_same(alone.objects.clone(), padded.objects.clone().narrow(1, 0, 3));
        let (alone, padded) = (model.tasks().forward(&alone), model.tasks().forward(&padded));
        assert_same(alone.vqa, padded.vqa);
        assert_same(alone.entailment, padded.entailment);
        assert_same(alone.grounding, padded.grounding.narrow(1, 0, 3));
        assert_same(alone.absent, padded.absent);
        assert_same(alone.matching, padded.matching);
    }

    #[test]
    fn every_output_has_the_documented_shape() {
        let model = Cmal::new(&DIMS, &VOCABULARY, &Device::flex());
        let paired = paired(&model, 7, 9);
        assert_eq!(model.visual_coarse(&paired.seen).dims(), [1, 11]);
        let fused = model.fuse(&paired);
        assert_eq!((fused.text.dims(), fused.objects.dims()), ([1, 9, 12], [1, 7, 12]));
        let logits = model.tasks().forward(&fused);
        assert_eq!((logits.vqa.dims(), logits.entailment.dims()), ([1, 17], [1, 3]));
        assert_eq!((logits.grounding.dims(), logits.absent.dims()), ([1, 7], [1, 1]));
        let slots = fused.text.flatten::<2>(0, 1);
        assert_eq!(model.association().text(slots.clone()).tokens.dims(), [9, 29]);
        let objects = model.association().objects(slots);
        assert_eq!((objects.classes.dims(), objects.attributes.dims()), ([9, 6], [9, 8]));
        let probability = model.associate(&paired, real(1, 7), real(1, 9));
        assert_eq!(probability.dims(), [1, 1]);
    }

    #[test]
    fn a_picture_without_objects_gives_finite_answers() {
        let model = Cmal::new(&DIMS, &VOCABULARY, &Device::flex());
        let mut paired = paired(&model, 7, 9);
        let features = Tensor::<3>::zeros([1, 7, DIMS.features], &Device::flex());
        let boxes = Tensor::<3>::zeros([1, 7, 4], &Device::flex());
        paired.seen = model.see(features, boxes, real(0, 7), None);
        let logits = model.tasks().forward(&model.fuse(&paired));
        for logits in [logits.vqa, logits.entailment, logits.grounding, logits.absent, logits.matching] {
            let values = logits.into_data().try_to_vec::<f32>().unwrap();
            assert!(values.iter().all(|value| value.is_finite()), "{values:?}");
        }
    }
}
