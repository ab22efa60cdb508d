//! What the stages of the association model learn from.

use burn::tensor::Device;

use super::batch::{Pictures, Texts};
use super::lexicon::Lexicon;
use super::samples::{Sample, Samples};
use super::shelves::{Length, Shelves};
use crate::data::ObjectStore;
use crate::model::{Cmal, Paired, Vocabulary};

/// The joined corpus, and where it is worked on.
pub struct Material {
    pub lexicon: Lexicon,
    /// Sizes of its lists, as the model has them.
    pub vocabulary: Vocabulary,
    pub store: ObjectStore,
    pub train: Samples,
    pub val: Samples,
    /// Without gradients.
    pub device: Device,
}

impl Material {
    /// The samples of a shard, `count` of them, alike in length.
    pub fn drawn<'s, T>(
        &self,
        shelves: Shelves,
        purpose: &str,
        samples: &'s [Sample<T>],
        (shard, count): (usize, usize),
    ) -> Vec<&'s Sample<T>> {
        let length = |index: usize| {
            let sample = &samples[index];
            Length { tokens: sample.tokens.len(), objects: self.store.count(sample.picture) }
        };
        let taken = shelves.take(purpose, shard, count, samples.len(), length);
        taken.into_iter().map(|index| &samples[index]).collect()
    }

    /// Pictures and texts, a pair a row, through their own encoders.
    pub fn encode(&self, model: &Cmal, pictures: &[usize], texts: &[&[i64]], device: &Device) -> Paired {
        Paired {
            seen: Pictures::gather(&self.store, pictures, device).see(model, None),
            read: Texts::gather(texts, self.lexicon.tokenizer.pad(), device).read(model),
        }
    }
}

/// Pictures and token rows of samples.
pub fn rows<'s, T>(samples: &[&'s Sample<T>]) -> impl Iterator<Item = (usize, &'s [i64])> {
    samples.iter().map(|sample| (sample.picture, sample.tokens.as_slice()))
}
