//! A dataset's records joined with the detector's objects: what the association model learns from and is validated on.

use std::borrow::Cow;
use std::collections::HashMap;

use rand::RngExt;

use super::dice::dice;
use super::lexicon::Lexicon;
use crate::data::{Dataset, Entry, Expression, ObjectStore, Question};
use crate::input::{self, Tokens};
use crate::types::{AnchorPoint, Entailment, Frame, Split, Tags};

/// Overlap from which a detected object counts as the one that an expression refers to.
const SAME: f32 = 0.5;

/// The samples of one part of a dataset.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    pub captions: Vec<Sample<Vec<AnchorPoint>>>,
    /// Target: answers by index, with weights that sum to one.
    pub vqa: Vec<Sample<Vec<(usize, f32)>>>,
    pub entailment: Vec<Sample<Entailment>>,
    pub grounding: Vec<Sample<Referent>>,
    /// Records that cannot be used: texts too long, answers outside the list, referents that were not detected.
    pub left_out: usize,
    /// Of these, the expressions whose referent was not detected.
    pub undetected: usize,
}

/// A picture, a text and what is to be learned of the two.
#[derive(Clone, Debug)]
pub struct Sample<T> {
    /// Index in the object store.
    pub picture: usize,
    pub tokens: Vec<i64>,
    pub target: T,
}

/// What an expression refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referent {
    /// Detected objects that overlap it enough; one at least.
    Objects(Vec<usize>),
    /// Nothing in the picture.
    Nothing,
}

impl Samples {
    /// Collects the samples of a part of the dataset.
    pub fn collect(dataset: &Dataset, split: Split, store: &ObjectStore, lexicon: &Lexicon) -> Self {
        let pictures = store.by_name();
        let answers: HashMap<&str, usize> =
            lexicon.words.answers.iter().enumerate().map(|(index, word)| (word.as_str(), index)).collect();
        let mut samples = Self::default();
        for entry in dataset.split(split) {
            if let Some(&picture) = pictures.get(entry.name.as_str()) {
                samples.add(entry, picture, store, &Words { lexicon, answers: &answers });
            }
        }
        samples
    }

    /// Those of about this share of the pictures. A picture's place is drawn by its name and the seed, so that a smaller share is inside a
    /// larger one.
    pub fn within(&self, share: f64, seed: u64, store: &ObjectStore) -> Cow<'_, Self> {
        if share >= 1.0 {
            return Cow::Borrowed(self);
        }
        let inside: Vec<bool> = (0..store.len())
            .map(|picture| dice(seed, &format!("share {}", store.name(picture)), 0).random::<f64>() < share)
            .collect();
        Cow::Owned(Self {
            captions: of_pictures(&self.captions, &inside),
            vqa: of_pictures(&self.vqa, &inside),
            entailment: of_pictures(&self.entailment, &inside),
            grounding: of_pictures(&self.grounding, &inside),
            left_out: 0,
            undetected: 0,
        })
    }

    fn add(&mut self, entry: &Entry, picture: usize, store: &ObjectStore, words: &Words) {
        let tags: Vec<Tags> = (0..store.count(picture))
            .map(|object| {
                words.lexicon.words.tags(store.class(picture, object), store.attributes(picture, object))
            })
            .collect();
        for caption in &entry.captions {
            let read = words.read(caption);
            let anchored = read.map(|tokens| (input::anchors(&tags, &tokens), tokens));
            let sample =
                anchored.map(|(anchors, tokens)| Sample { picture, tokens: tokens.ids, target: anchors });
            keep(&mut self.captions, sample, &mut self.left_out);
        }
        for question in &entry.vqa {
            let sample = words.answered(picture, question);
            keep(&mut self.vqa, sample, &mut self.left_out);
        }
        for hypothesis in &entry.entailment {
            let tokens = words.read(&hypothesis.hypothesis);
            let sample =
                tokens.map(|tokens| Sample { picture, tokens: tokens.ids, target: hypothesis.label });
            keep(&mut self.entailment, sample, &mut self.left_out);
        }
        for expression in &entry.referring {
            let referent = referent(expression, Frame::new(entry.size), picture, store);
            self.undetected += usize::from(referent.is_none());
            let read = words.read(&expression.expression).zip(referent);
            let sample = read.map(|(tokens, target)| Sample { picture, tokens: tokens.ids, target });
            keep(&mut self.grounding, sample, &mut self.left_out);
        }
    }
}

/// The lexicon and its answers by word.
struct Words<'a> {
    lexicon: &'a Lexicon,
    answers: &'a HashMap<&'a str, usize>,
}

impl Words<'_> {
    fn read(&self, text: &str) -> Option<Tokens> {
        self.lexicon.tokenizer.encode(text).ok()
    }

    fn answered(&self, picture: usize, question: &Question) -> Option<Sample<Vec<(usize, f32)>>> {
        let mut target: Vec<(usize, f32)> = Vec::new();
        for &answer in question.answers.iter().filter_map(|answer| self.answers.get(answer.as_str())) {
            match target.iter_mut().find(|(known, _)| *known == answer) {
                Some((_, weight)) => *weight += 1.0,
                None => target.push((answer, 1.0)),
            }
        }
        let all: f32 = target.iter().map(|(_, weight)| weight).sum();
        target.iter_mut().for_each(|(_, weight)| *weight /= all);
        let tokens = self.read(&question.question)?;
        (!target.is_empty()).then_some(Sample { picture, tokens: tokens.ids, target })
    }
}

/// None if the expression refers to an object that the detector did not find.
fn referent(expression: &Expression, frame: Frame, picture: usize, store: &ObjectStore) -> Option<Referent> {
    let Some(bbox) = &expression.bbox else {
        return Some(Referent::Nothing);
    };
    let bbox = frame.to_unit(bbox);
    let overlaps = |object: &usize| store.bbox(picture, *object).iou(&bbox) >= SAME;
    let objects = (0..store.count(picture)).filter(|&object| store.is_object(picture, object));
    let objects: Vec<usize> = objects.filter(overlaps).collect();
    (!objects.is_empty()).then_some(Referent::Objects(objects))
}

fn keep<T>(samples: &mut Vec<T>, sample: Option<T>, left_out: &mut usize) {
    match sample {
        Some(sample) => samples.push(sample),
        None => *left_out += 1,
    }
}

fn of_pictures<T: Clone>(samples: &[Sample<T>], inside: &[bool]) -> Vec<Sample<T>> {
    samples.iter().filter(|sample| inside[sample.picture]).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PICTURES: usize = 2000;

    fn samples() -> (Samples, ObjectStore) {
        let mut store = ObjectStore::new("test", 1, 1);
        let mut samples = Samples::default();
        for picture in 0..PICTURES {
            store.push(&format!("{picture}.png"), &[]);
            let sample = || Sample { picture, tokens: vec![1], target: Vec::new() };
            samples.captions.extend([sample(), sample()]);
            samples.vqa.push(Sample { picture, tokens: vec![1], target: vec![(0, 1.0)] });
        }
        (samples, store)
    }

    fn pictures<T>(samples: &[Sample<T>]) -> HashSet<usize> {
        samples.iter().map(|sample| sample.picture).collect()
    }

    #[test]
    fn a_share_has_its_size_and_is_inside_every_larger_one() {
        let (samples, store) = samples();
        let mut smaller = HashSet::new();
        for share in [0.1, 0.3, 0.7, 1.0] {
            let part = samples.within(share, 5, &store);
            let chosen = pictures(&part.captions);
            let off = (chosen.len() as f64 / PICTURES as f64 - share).abs();
            assert!(off < 0.04, "{share}: {} of {PICTURES}", chosen.len());
            assert!(smaller.is_subset(&chosen), "{share}");
            assert_eq!(part.captions.len(), 2 * chosen.len(), "a picture comes with all of its captions");
            assert_eq!(pictures(&part.vqa), chosen, "and with its questions");
            smaller = chosen;
        }
    }

    #[test]
    fn another_seed_chooses_other_pictures() {
        let (samples, store) = samples();
        let of = |seed| pictures(&samples.within(0.5, seed, &store).captions);
        assert_eq!(of(1), of(1));
        assert!(of(1).intersection(&of(2)).count() < PICTURES * 35 / 100);
    }
}
