//! The associative objective on a batch of captions: mapping classification at filled slots, masked language and region modelling
//! elsewhere. Pre-training is made of it; fine-tuning keeps some, so that the association head stays in tune with the encoders.

use burn::tensor::{Bool, Device, Distribution, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::data::ObjectStore;
use crate::input::Tokenizer;
use crate::model::{Cmal, Fills, Fused, Paired};
use crate::train::batch::{self, Pictures, Texts, floats, indices};
use crate::train::loss::{cross_entropy, yes_no};
use crate::train::masking::{Pair, Plan};
use crate::train::material::Material;
use crate::train::recipe::Association;
use crate::train::samples::Sample;
use crate::types::AnchorPoint;

/// Weights of the parts of the loss.
const MAPPING: f64 = 1.0;
const ASSOCIATED: f64 = 0.5;
const LANGUAGE: f64 = 0.5;
const REGIONS: f64 = 0.5;

/// Captions with their plans, ready for the model.
pub struct AssociationBatch {
    pictures: Pictures,
    texts: Texts,
    hidden: Tensor<2, Bool>,
    fills: Fills,
    targets: Targets,
}

/// What is asked of which slot, by row of the flattened slots.
#[derive(Debug, Default)]
struct Targets {
    /// Hidden, and filled by an associated object: (slot, token).
    text: Vec<(usize, i64)>,
    /// Hidden, and filled by an associated token: (slot, class, attributes).
    objects: Vec<(usize, usize, Vec<bool>)>,
    /// Every filled text slot, and whether its filling belongs there.
    text_associated: Vec<(usize, bool)>,
    object_associated: Vec<(usize, bool)>,
    language: Vec<(usize, i64)>,
    regions: Vec<(usize, usize, Vec<bool>)>,
}

/// Share of right guesses and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hits {
    pub right: usize,
    pub of: usize,
}

impl Hits {
    pub fn share(&self) -> f64 {
        self.right as f64 / self.of.max(1) as f64
    }

    fn count(&mut self, right: impl IntoIterator<Item = bool>) {
        for right in right {
            self.right += usize::from(right);
            self.of += 1;
        }
    }
}

/// Guesses at masked and filled slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guesses {
    /// The word at text slots filled by their object.
    pub text: Hits,
    /// The class at object slots filled by their word.
    pub objects: Hits,
    /// How surely an object's state was taken to belong in a word's place, and whether it does.
    pub text_associated: Vec<(f32, bool)>,
    /// The same of a word's state in an object's place.
    pub object_associated: Vec<(f32, bool)>,
    /// The word at masked tokens without filling.
    pub language: Hits,
}

impl AssociationBatch {
    /// Draws a plan for each caption and gathers the batch.
    pub fn gather(
        samples: &[&Sample<Vec<AnchorPoint>>],
        source: &Source,
        shares: &Association,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let plans: Vec<Plan> = samples
            .iter()
            .map(|sample| {
                let Source { store, .. } = *source;
                let maskable: Vec<bool> =
                    sample.tokens.iter().map(|&token| !source.tokenizer.special(token)).collect();
                let objects = store.count(sample.picture);
                let pair = Pair { objects, maskable: &maskable, anchors: &sample.target };
                let mut plan = Plan::draw(&pair, shares, rng);
                // Of what has no class there is nothing to guess.
                plan.regions.retain(|&region| store.class(sample.picture, region).is_some());
                plan
            })
            .collect();
        Self::planned(samples, &plans, source, shares)
    }

    fn planned(
        samples: &[&Sample<Vec<AnchorPoint>>],
        plans: &[Plan],
        source: &Source,
        shares: &Association,
    ) -> Self {
        let device = source.device;
        let chosen: Vec<usize> = samples.iter().map(|sample| sample.picture).collect();
        let pictures = Pictures::gather(source.store, &chosen, device);
        let hidden = batch::hidden_objects(plans, pictures.objects, device);
        let tokens: Vec<Vec<i64>> = samples
            .iter()
            .zip(plans)
            .map(|(sample, plan)| {
                let mut tokens = sample.tokens.clone();
                for slot in plan.hidden_tokens() {
                    tokens[slot] = source.tokenizer.mask();
                }
                tokens
            })
            .collect();
        let rows: Vec<&[i64]> = tokens.iter().map(Vec::as_slice).collect();
        let texts = Texts::gather(&rows, source.tokenizer.pad(), device);
        let none = vec![Plan::default(); plans.len()];
        let fills =
            batch::fills(if shares.swap { plans } else { &none }, texts.length, pictures.objects, device);
        let mut targets = Targets::default();
        for (row, (sample, plan)) in samples.iter().zip(plans).enumerate() {
            let (text, object) = (row * texts.length, row * pictures.objects);
            let label = |slot: usize| {
                let store = source.store;
                let attributes = store.attributes(sample.picture, slot).collect::<Vec<_>>();
                Some((object + slot, store.class(sample.picture, slot)?, attributes))
            };
            // What does not cross over cannot be judged to belong.
            for fill in plan.text.iter().filter(|_| shares.amc) {
                if shares.swap {
                    targets.text_associated.push((text + fill.slot, fill.associated));
                }
                if fill.associated && !fill.shown {
                    targets.text.push((text + fill.slot, sample.tokens[fill.slot]));
                }
            }
            for fill in plan.objects.iter().filter(|_| shares.amc) {
                if shares.swap {
                    targets.object_associated.push((object + fill.slot, fill.associated));
                }
                if fill.associated && !fill.shown {
                    targets.objects.extend(label(fill.slot));
                }
            }
            targets.language.extend(plan.language.iter().map(|&slot| (text + slot, sample.tokens[slot])));
            targets.regions.extend(plan.regions.iter().filter_map(|&slot| label(slot)));
        }
        Self { pictures, texts, hidden, fills, targets }
    }

    /// The parts of the loss; those without any slot in this batch are left out.
    pub fn losses(&self, model: &Cmal) -> Vec<(&'static str, f64, Tensor<1>)> {
        let paired = self.encode(model);
        let fused = model.fuse_swapped(&paired, &paired, &self.fills);
        let slots = Slots::of(&fused);
        let mut parts = Vec::new();
        for (name, weight, words) in
            [("amc_text", MAPPING, &self.targets.text), ("mlm", LANGUAGE, &self.targets.language)]
        {
            if !words.is_empty() {
                let logits = model.association().text(slots.text(words.iter().map(|word| word.0))).tokens;
                let device = logits.device();
                let target = indices(words.iter().map(|word| word.1 as usize), &device);
                parts.push((name, weight, cross_entropy(logits, target)));
            }
        }
        for (name, weight, labels) in
            [("amc_object", MAPPING, &self.targets.objects), ("mrc", REGIONS, &self.targets.regions)]
        {
            if !labels.is_empty() {
                let logits = model.association().objects(slots.objects(labels.iter().map(|label| label.0)));
                let device = logits.classes.device();
                let class = indices(labels.iter().map(|label| label.1), &device);
                let has = labels.iter().flat_map(|label| &label.2).map(|&has| f32::from(u8::from(has)));
                let shape = logits.attributes.dims();
                let has = floats(has.collect(), shape, &device);
                let loss = cross_entropy(logits.classes, class) + yes_no(logits.attributes, has);
                parts.push((name, weight, loss));
            }
        }
        if let Some((logits, belongs)) = self.associated(model, &slots) {
            let rows = belongs.len();
            let target = belongs.into_iter().map(|belongs| f32::from(u8::from(belongs))).collect();
            let target = floats(target, [rows, 1], &logits.device());
            parts.push(("associated", ASSOCIATED, yes_no(logits, target)));
        }
        if parts.is_empty() {
            // A step of captions that nothing can be asked of changes nothing.
            parts.push(("mlm", LANGUAGE, fused.text.sum().mul_scalar(0.0)));
        }
        parts
    }

    /// Counts right guesses. If `silenced`, the states that fill slots are replaced by random ones of the same scale: what is still
    /// guessed then comes from the context alone.
    pub fn guess(&self, model: &Cmal, silenced: bool, guesses: &mut Guesses) {
        let paired = self.encode(model);
        let sources = if silenced { noise(&paired) } else { paired.clone() };
        let fused = model.fuse_swapped(&paired, &sources, &self.fills);
        let slots = Slots::of(&fused);
        let head = model.association();
        for (words, hits) in
            [(&self.targets.text, &mut guesses.text), (&self.targets.language, &mut guesses.language)]
        {
            if !words.is_empty() {
                let guessed = best(head.text(slots.text(words.iter().map(|word| word.0))).tokens);
                hits.count(guessed.into_iter().zip(words).map(|(guess, word)| guess as i64 == word.1));
            }
        }
        let labels = &self.targets.objects;
        if !labels.is_empty() {
            let guessed = best(head.objects(slots.objects(labels.iter().map(|label| label.0))).classes);
            let right = guessed.into_iter().zip(labels).map(|(guess, label)| guess == label.1);
            guesses.objects.count(right);
        }
        if let Some((logits, belongs)) = self.associated(model, &slots) {
            let mut judged = values(logits).into_iter().zip(belongs);
            guesses.text_associated.extend(judged.by_ref().take(self.targets.text_associated.len()));
            guesses.object_associated.extend(judged);
        }
    }

    fn encode(&self, model: &Cmal) -> Paired {
        Paired { seen: self.pictures.see(model, Some(self.hidden.clone())), read: self.texts.read(model) }
    }

    /// Logits of "belongs" at every filled slot, text slots first, and the truth; none without filled slots.
    fn associated(&self, model: &Cmal, slots: &Slots) -> Option<(Tensor<2>, Vec<bool>)> {
        let (text, objects) = (&self.targets.text_associated, &self.targets.object_associated);
        let mut states = Vec::new();
        if !text.is_empty() {
            states.push(slots.text(text.iter().map(|slot| slot.0)));
        }
        if !objects.is_empty() {
            states.push(slots.objects(objects.iter().map(|slot| slot.0)));
        }
        if states.is_empty() {
            return None;
        }
        let belongs = text.iter().chain(objects).map(|slot| slot.1).collect();
        Some((model.association().associated(Tensor::cat(states, 0)), belongs))
    }
}

/// Where a batch is gathered from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub store: &'a ObjectStore,
    pub tokenizer: &'a Tokenizer,
    pub device: &'a Device,
}

impl<'a> Source<'a> {
    pub fn of(material: &'a Material, device: &'a Device) -> Self {
        Self { store: &material.store, tokenizer: &material.lexicon.tokenizer, device }
    }
}

/// The unified encoder's states with batch and slots in one axis.
struct Slots {
    text: Tensor<2>,
    objects: Tensor<2>,
}

impl Slots {
    fn of(fused: &Fused) -> Self {
        Self { text: fused.text.clone().flatten(0, 1), objects: fused.objects.clone().flatten(0, 1) }
    }

    fn text(&self, rows: impl Iterator<Item = usize>) -> Tensor<2> {
        self.text.clone().select(0, indices(rows, &self.text.device()))
    }

    fn objects(&self, rows: impl Iterator<Item = usize>) -> Tensor<2> {
        self.objects.clone().select(0, indices(rows, &self.objects.device()))
    }
}

/// States that say nothing about the picture or the text.
fn noise(paired: &Paired) -> Paired {
    let noise = |states: &Tensor<3>| states.random_like(Distribution::Normal(0.0, 1.0));
    let mut other = paired.clone();
    other.seen.states = noise(&paired.seen.states);
    other.read.states = noise(&paired.read.states);
    other
}

/// The best class of each row.
pub fn best(logits: Tensor<2>) -> Vec<usize> {
    let best = logits.argmax(1).into_data().try_to_vec_as::<i64>();
    best.expect("indices read back as integers").into_iter().map(|best| best as usize).collect()
}

/// A tensor's values, row by row.
pub fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec_as::<f32>().expect("a float tensor reads back as f32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::dice::dice;
    use crate::train::stage::testing::{fresh, material};

    /// The same captions and plans, learned from in another way.
    fn batch(material: &Material, shares: Association) -> AssociationBatch {
        let captions: Vec<_> = material.train.captions.iter().collect();
        let source = Source::of(material, &material.device);
        let full = Association { anchors: 0.8, negatives: 0.3, ..Association::default() };
        let mut rng = dice(7, "plans", 0);
        let plans: Vec<Plan> = captions
            .iter()
            .map(|caption| {
                let maskable: Vec<bool> =
                    caption.tokens.iter().map(|&token| !source.tokenizer.special(token)).collect();
                let objects = material.store.count(caption.picture);
                let pair = Pair { objects, maskable: &maskable, anchors: &caption.target };
                Plan::draw(&pair, &full, &mut rng)
            })
            .collect();
        AssociationBatch::planned(&captions, &plans, &source, &shares)
    }

    fn any(mask: &Tensor<2, Bool>) -> bool {
        mask.clone().any().into_scalar::<bool>()
    }

    fn assert_same_input(one: &AssociationBatch, other: &AssociationBatch) {
        assert_eq!(one.texts.tokens.to_data(), other.texts.tokens.to_data());
        assert_eq!(one.hidden.to_data(), other.hidden.to_data());
        assert_eq!(one.targets.language, other.targets.language);
        assert_eq!(one.targets.regions, other.targets.regions);
    }

    #[test]
    fn without_the_swap_the_same_is_masked_and_asked_and_nothing_crosses() {
        let material = material(12, 0);
        let full = batch(&material, Association::default());
        let plain = batch(&material, Association { swap: false, ..Association::default() });
        assert_same_input(&full, &plain);
        assert_eq!(
            (&plain.targets.text, &plain.targets.objects),
            (&full.targets.text, &full.targets.objects)
        );
        assert!(!full.targets.text.is_empty() && !full.targets.objects.is_empty());
        for (filling, crosses) in [(&full.fills, true), (&plain.fills, false)] {
            for side in [&filling.text, &filling.objects] {
                assert_eq!((any(&side.filled), any(&side.masked)), (crosses, crosses));
            }
        }
        let judged = |batch: &AssociationBatch| {
            batch.targets.text_associated.len() + batch.targets.object_associated.len()
        };
        assert!(judged(&full) > 0);
        assert_eq!(judged(&plain), 0, "nothing is there that could belong");
    }

    #[test]
    fn without_mapping_classification_the_prompt_is_swapped_and_only_the_rest_is_learned() {
        let material = material(12, 0);
        let full = batch(&material, Association::default());
        let bare = batch(&material, Association { amc: false, ..Association::default() });
        assert_same_input(&full, &bare);
        for side in [|fills: &Fills| fills.text.clone(), |fills: &Fills| fills.objects.clone()] {
            let (full, bare) = (side(&full.fills), side(&bare.fills));
            assert_eq!(full.filled.to_data(), bare.filled.to_data());
            assert_eq!(full.source.to_data(), bare.source.to_data());
        }
        let model = fresh(&material);
        let names = |batch: &AssociationBatch| -> Vec<_> {
            batch.losses(&model).into_iter().map(|(name, ..)| name).collect()
        };
        assert_eq!(names(&full), ["amc_text", "mlm", "amc_object", "mrc", "associated"]);
        assert_eq!(names(&bare), ["mlm", "mrc"]);
    }

    #[test]
    fn a_batch_that_asks_nothing_has_a_loss_of_nothing() {
        let material = material(3, 0);
        let captions: Vec<_> = material.train.captions.iter().collect();
        let (plans, source) = (vec![Plan::default(); 3], Source::of(&material, &material.device));
        let batch = AssociationBatch::planned(&captions, &plans, &source, &Association::default());
        let losses = batch.losses(&fresh(&material));
        assert_eq!(losses.len(), 1);
        assert!(losses[0].2.clone().into_scalar::<f32>().abs() < f32::EPSILON);
    }
}
