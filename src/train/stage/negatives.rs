//! Captions and pictures that are hard to tell from the right ones.

use std::collections::{HashSet, VecDeque};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::train::material::Material;
use crate::train::samples::Sample;
use crate::types::AnchorPoint;

/// Captions drawn for each that is kept.
pub const POOL: f64 = 8.0;
/// Captions that are alike: those of random pictures are soon told apart.
const CLIQUE: usize = 4;
/// How much more often a more similar negative is drawn: the softmax temperature over similarities.
const HARDNESS: f32 = 0.1;

/// A caption with its anchor points.
pub type Caption = Sample<Vec<AnchorPoint>>;

/// `count` captions of a pool, of a picture each, in cliques: a caption, and those whose pictures' objects are tagged most like
/// those of its own.
pub fn alike<'s>(pool: &[&'s Caption], count: usize, material: &Material) -> Vec<&'s Caption> {
    let mut pictures = HashSet::new();
    let mut left: VecDeque<(&Caption, Vec<usize>)> = pool
        .iter()
        .filter(|caption| pictures.insert(caption.picture))
        .map(|&caption| (caption, tags(caption.picture, material)))
        .collect();
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count
        && let Some((seed, tags)) = left.pop_front()
    {
        chosen.push(seed);
        for _ in 1..CLIQUE.min(count + 1 - chosen.len()) {
            let distance =
                |other: &[usize]| tags.iter().zip(other).map(|(a, b)| a.abs_diff(*b)).sum::<usize>();
            let nearest = (0..left.len()).min_by_key(|&index| distance(&left[index].1));
            chosen.extend(nearest.and_then(|index| left.remove(index)).map(|(caption, _)| caption));
        }
    }
    chosen
}

/// How often each attribute and class is found in a picture.
fn tags(picture: usize, material: &Material) -> Vec<usize> {
    let Material { store, lexicon, .. } = material;
    let attributes = lexicon.words.attributes.len();
    let mut counts = vec![0; attributes + lexicon.words.classes.len()];
    for object in 0..store.count(picture) {
        if let Some(class) = store.class(picture, object) {
            counts[attributes + class] += 1;
        }
        store
            .attributes(picture, object)
            .zip(&mut counts)
            .for_each(|(has, count)| *count += usize::from(has));
    }
    counts
}

/// Captions and pictures that do not belong together, by how similar they look.
pub struct Negatives<'a> {
    /// `[captions, captions]`, pictures by texts.
    similarity: Vec<f32>,
    captions: &'a [&'a Caption],
}

impl<'a> Negatives<'a> {
    pub fn new(similarity: Vec<f32>, captions: &'a [&'a Caption]) -> Self {
        Self { similarity, captions }
    }

    /// A text of another picture; none if there is no other.
    pub fn text(&self, caption: usize, rng: &mut ChaCha8Rng) -> Option<usize> {
        self.draw(caption, |other| self.similarity[caption * self.captions.len() + other], rng)
    }

    /// Another picture; none if there is no other.
    pub fn picture(&self, caption: usize, rng: &mut ChaCha8Rng) -> Option<usize> {
        self.draw(caption, |other| self.similarity[other * self.captions.len() + caption], rng)
    }

    pub fn hardest_text(&self, caption: usize) -> Option<usize> {
        let similarity = |other: &usize| self.similarity[caption * self.captions.len() + other];
        self.others(caption).max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
    }

    fn others(&self, caption: usize) -> impl Iterator<Item = usize> {
        let picture = self.captions[caption].picture;
        (0..self.captions.len()).filter(move |&other| self.captions[other].picture != picture)
    }

    fn draw(&self, caption: usize, similarity: impl Fn(usize) -> f32, rng: &mut ChaCha8Rng) -> Option<usize> {
        let weights: Vec<(usize, f32)> =
            self.others(caption).map(|other| (other, (similarity(other) / HARDNESS).exp())).collect();
        let mut left = rng.random::<f32>() * weights.iter().map(|(_, weight)| weight).sum::<f32>();
        let drawn = weights.iter().find(|(_, weight)| {
            left -= weight;
            left <= 0.0
        });
        drawn.or(weights.last()).map(|(other, _)| *other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::dice::dice;

    fn captions() -> Vec<Caption> {
        [0, 0, 1, 2]
            .into_iter()
            .map(|picture| Sample { picture, tokens: vec![1], target: Vec::new() })
            .collect()
    }

    #[test]
    fn negatives_never_share_the_picture_and_similar_ones_come_more_often() {
        let captions = captions();
        let captions: Vec<&Caption> = captions.iter().collect();
        let mut similarity = vec![0.0; 16];
        similarity[2] = 0.4;
        let negatives = Negatives::new(similarity, &captions);
        let mut counts = [0; 4];
        for number in 0..300 {
            counts[negatives.text(0, &mut dice(1, "test", number)).unwrap()] += 1;
        }
        assert_eq!(counts[0] + counts[1], 0);
        assert!(counts[2] > 20 * counts[3].max(1) || counts[3] == 0, "{counts:?}");
        assert_eq!(negatives.hardest_text(0), Some(2));
    }

    #[test]
    fn a_lone_picture_has_no_negatives() {
        let captions = captions();
        let captions: Vec<&Caption> = captions.iter().take(2).collect();
        let negatives = Negatives::new(vec![0.0; 4], &captions);
        assert_eq!(negatives.text(0, &mut dice(1, "test", 0)), None);
    }
}
