//! Retrieval: coarse vectors find the candidates, the matching head ranks them.

use std::collections::BTreeSet;

use crate::score::{self, RetrievalScore};

/// Candidates that the coarse vectors give for one query.
pub const CANDIDATES: usize = 50;

/// Which pairs of picture i and text j have to be matched; text i belongs to picture i.
pub struct Shortlist {
    /// Texts for each picture, and pictures for each text, best first.
    texts: Vec<Vec<usize>>,
    pictures: Vec<Vec<usize>>,
}

impl Shortlist {
    /// The best by the product of unit vectors, in both directions.
    pub fn new(pictures: &[Vec<f32>], texts: &[Vec<f32>]) -> Self {
        Self {
            texts: pictures.iter().map(|picture| nearest(picture, texts)).collect(),
            pictures: texts.iter().map(|text| nearest(text, pictures)).collect(),
        }
    }

    /// The texts that a picture has to be matched with, in rising order.
    pub fn texts_for(&self, picture: usize) -> Vec<usize> {
        let asking = self.pictures.iter().enumerate().filter(|(_, pictures)| pictures.contains(&picture));
        let wanted: BTreeSet<usize> =
            self.texts[picture].iter().copied().chain(asking.map(|(text, _)| text)).collect();
        wanted.into_iter().collect()
    }

    /// Recalls from the matching scores: `scored[i]` holds a score for each of `texts_for(i)`.
    pub fn score(&self, scored: &[Vec<f32>]) -> RetrievalScore {
        let wanted: Vec<Vec<usize>> = (0..self.texts.len()).map(|picture| self.texts_for(picture)).collect();
        let of = |picture: usize, text: usize| {
            let at = wanted[picture].binary_search(&text).ok();
            at.and_then(|at| scored[picture].get(at).copied()).unwrap_or(f32::NEG_INFINITY)
        };
        let text_ranks = self.texts.iter().enumerate().map(|(picture, texts)| {
            score::rank(texts.iter().map(|&text| (of(picture, text), text == picture)))
        });
        let picture_ranks = self.pictures.iter().enumerate().map(|(text, pictures)| {
            score::rank(pictures.iter().map(|&picture| (of(picture, text), picture == text)))
        });
        RetrievalScore {
            image_to_text: score::recall(&text_ranks.collect::<Vec<_>>()),
            text_to_image: score::recall(&picture_ranks.collect::<Vec<_>>()),
        }
    }
}

fn nearest(query: &[f32], items: &[Vec<f32>]) -> Vec<usize> {
    let product = |item: &[f32]| query.iter().zip(item).map(|(a, b)| a * b).sum::<f32>();
    let mut scored: Vec<(f32, usize)> = items.iter().map(|item| product(item)).zip(0..).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(CANDIDATES).map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vectors that point into as many directions as there are.
    fn fan(count: usize) -> Vec<Vec<f32>> {
        (0..count).map(|n| n as f32 * 0.01).map(|angle| vec![angle.cos(), angle.sin()]).collect()
    }

    #[test]
    fn only_the_nearest_are_matched_and_each_direction_gets_its_own() {
        let shortlist = Shortlist::new(&fan(60), &fan(60));
        assert_eq!(shortlist.texts[0], (0..50).collect::<Vec<_>>());
        assert_eq!(shortlist.pictures[59], (10..60).rev().collect::<Vec<_>>());
        assert!(shortlist.texts_for(30).windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn recalls_come_from_the_matching_scores() {
        let shortlist = Shortlist::new(&fan(3), &fan(3));
        // Picture 0 prefers text 1; text 2 prefers picture 1.
        let scored = [vec![0.5, 0.9, 0.1], vec![0.1, 0.95, 0.8], vec![0.2, 0.3, 0.7]];
        let score = shortlist.score(&scored);
        assert!((score.image_to_text.at_1.value - 2.0 / 3.0).abs() < 1e-9);
        assert!((score.text_to_image.at_1.value - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((score.image_to_text.at_5.value, score.text_to_image.at_5.count), (1.0, 3));
    }

    #[test]
    fn what_the_coarse_vectors_miss_is_lost() {
        let mut texts = fan(60);
        texts.swap(0, 59);
        let shortlist = Shortlist::new(&fan(60), &texts);
        let scored: Vec<_> = (0..60)
            .map(|picture| {
                let wanted = shortlist.texts_for(picture);
                wanted.into_iter().map(|text| if text == picture { 1.0 } else { 0.0 }).collect()
            })
            .collect();
        let score = shortlist.score(&scored);
        assert!((score.image_to_text.at_10.value - 58.0 / 60.0).abs() < 1e-9);
    }
}
