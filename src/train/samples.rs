//! A dataset's records joined with the detector's objects: what the association model learns from and is validated on.

use std::collections::HashMap;

use super::lexicon::Lexicon;
use crate::data::{Dataset, Entry, Expression, ObjectStore, Question};
use crate::input::{self, Tokens};
use crate::types::{AnchorPoint, Entailment, Frame, Split, Tags};

/// Overlap from which a detected object counts as the one that an expression refers to.
const SAME: f32 = 0.5;

/// The samples of one part of a dataset.
#[derive(Debug, Default)]
pub struct Samples {
    pub captions: Vec<Sample<Vec<AnchorPoint>>>,
    /// Target: answers by index, with weights that sum to one.
    pub vqa: Vec<Sample<Vec<(usize, f32)>>>,
    pub entailment: Vec<Sample<Entailment>>,
    pub grounding: Vec<Sample<Referent>>,
    /// Records that cannot be used: texts too long, answers outside the list, referents that were not detected.
    pub left_out: usize,
}

/// A picture, a text and what is to be learned of the two.
#[derive(Debug)]
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
