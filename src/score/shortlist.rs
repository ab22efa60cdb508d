//! Retrieval: coarse vectors find the candidates, the matching head ranks them.

use super::retrieval::{RetrievalScore, rank, recall};

/// Candidates that the coarse vectors give for one query.
pub const CANDIDATES: usize = 50;
/// Items of a ranking that are told.
const TOLD: usize = 3;

/// Which pairs of picture and text have to be matched. Texts are counted through from the first picture's first caption on.
pub struct Shortlist {
    /// The picture that each text belongs to.
    owners: Vec<usize>,
    /// Texts for each picture, and pictures for each text, best first.
    texts: Vec<Vec<usize>>,
    pictures: Vec<Vec<usize>>,
    /// Texts that each picture has to be matched with for either direction, in rising order.
    wanted: Vec<Vec<usize>>,
}

impl Shortlist {
    /// The best by the product of unit vectors, in both directions; `captions` are those of each picture.
    pub fn new(pictures: &[Vec<f32>], captions: &[Vec<Vec<f32>>]) -> Self {
        let owners: Vec<usize> =
            captions.iter().enumerate().flat_map(|(picture, own)| vec![picture; own.len()]).collect();
        let all: Vec<&[f32]> = captions.iter().flatten().map(Vec::as_slice).collect();
        let seen: Vec<&[f32]> = pictures.iter().map(Vec::as_slice).collect();
        let texts: Vec<_> = seen.iter().map(|picture| nearest(picture, &all)).collect();
        let pictures: Vec<_> = all.iter().map(|text| nearest(text, &seen)).collect();
        let mut wanted = texts.clone();
        for (text, asked) in pictures.iter().enumerate() {
            asked.iter().for_each(|&picture| wanted[picture].push(text));
        }
        for texts in &mut wanted {
            texts.sort_unstable();
            texts.dedup();
        }
        Self { owners, texts, pictures, wanted }
    }

    /// The texts that a picture has to be matched with, in rising order.
    pub fn texts_for(&self, picture: usize) -> &[usize] {
        &self.wanted[picture]
    }

    /// Ranks the candidates by the matching scores: `scored[i]` holds a score for each of `texts_for(i)`. A picture's query is answered by
    /// any of its captions, and every caption is a query.
    pub fn rank(&self, scored: &[Vec<f32>]) -> Rankings {
        let of = |picture: usize, text: usize| {
            let at = self.wanted[picture].binary_search(&text).ok();
            at.and_then(|at| scored[picture].get(at).copied()).unwrap_or(f32::NEG_INFINITY)
        };
        let texts = self.texts.iter().enumerate().map(|(picture, texts)| {
            let scored = texts.iter().map(|&text| (of(picture, text), self.owners[text] == picture, text));
            Ranking::of(scored.collect())
        });
        let pictures = self.pictures.iter().zip(&self.owners).enumerate().map(|(text, (pictures, &own))| {
            let scored = pictures.iter().map(|&picture| (of(picture, text), picture == own, picture));
            Ranking::of(scored.collect())
        });
        Rankings { texts: texts.collect(), pictures: pictures.collect() }
    }
}

/// What was retrieved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rankings {
    /// For each picture.
    pub texts: Vec<Ranking>,
    /// For each text.
    pub pictures: Vec<Ranking>,
}

impl Rankings {
    pub fn score(&self) -> RetrievalScore {
        let recall =
            |rankings: &[Ranking]| recall(&rankings.iter().map(|ranking| ranking.rank).collect::<Vec<_>>());
        RetrievalScore { image_to_text: recall(&self.texts), text_to_image: recall(&self.pictures) }
    }
}

/// What was retrieved for one query.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The first items, best first.
    pub first: Vec<Retrieved>,
    /// Of the best right item, 0 for the first place; none if it was no candidate.
    pub rank: Option<usize>,
    /// How far the best right item's score lies above that of the best wrong one, -1..=1; -1 if it was no candidate.
    pub lead: f32,
}

/// An item with the probability that it belongs to the query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retrieved {
    pub item: usize,
    pub score: f32,
    pub right: bool,
}

impl Ranking {
    /// From (score, is right, item).
    fn of(mut scored: Vec<(f32, bool, usize)>) -> Self {
        // Ties are lost.
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let best = |wanted| scored.iter().find(|(_, right, _)| *right == wanted).map(|(score, ..)| *score);
        let lead = best(true).map_or(-1.0, |right| right - best(false).unwrap_or(0.0));
        let first = scored.iter().take(TOLD);
        Self {
            rank: rank(scored.iter().map(|&(score, right, _)| (score, right))),
            lead,
            first: first.map(|&(score, right, item)| Retrieved { item, score, right }).collect(),
        }
    }
}

fn nearest(query: &[f32], items: &[&[f32]]) -> Vec<usize> {
    let product = |item: &[f32]| query.iter().zip(item).map(|(a, b)| a * b).sum::<f32>();
    let mut scored: Vec<(f32, usize)> = items.iter().map(|item| product(item)).zip(0..).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(CANDIDATES).map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score;

    /// Unit vectors that point into as many directions as there are.
    fn fan(count: usize) -> Vec<Vec<f32>> {
        (0..count).map(|n| n as f32 * 0.01).map(|angle| vec![angle.cos(), angle.sin()]).collect()
    }

    /// One caption a picture.
    fn single(texts: Vec<Vec<f32>>) -> Vec<Vec<Vec<f32>>> {
        texts.into_iter().map(|text| vec![text]).collect()
    }

    #[test]
    fn only_the_nearest_are_matched_and_each_direction_gets_its_own() {
        let shortlist = Shortlist::new(&fan(60), &single(fan(60)));
        assert_eq!(shortlist.texts[0], (0..50).collect::<Vec<_>>());
        assert_eq!(shortlist.pictures[59], (10..60).rev().collect::<Vec<_>>());
        assert!(shortlist.texts_for(30).windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn recalls_come_from_the_matching_scores() {
        let shortlist = Shortlist::new(&fan(3), &single(fan(3)));
        // Picture 0 prefers text 1; text 2 prefers picture 1.
        let scored = [vec![0.5, 0.9, 0.1], vec![0.1, 0.95, 0.8], vec![0.2, 0.3, 0.7]];
        let score = shortlist.rank(&scored).score();
        assert!((score.image_to_text.at_1.value - 2.0 / 3.0).abs() < 1e-9);
        assert!((score.text_to_image.at_1.value - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((score.image_to_text.at_5.value, score.text_to_image.at_5.count), (1.0, 3));
    }

    #[test]
    fn what_the_coarse_vectors_miss_is_lost() {
        let mut texts = fan(60);
        texts.swap(0, 59);
        let shortlist = Shortlist::new(&fan(60), &single(texts));
        let scored: Vec<_> = (0..60)
            .map(|picture| {
                let wanted = shortlist.texts_for(picture);
                wanted.iter().map(|&text| if text == picture { 1.0 } else { 0.0 }).collect()
            })
            .collect();
        let score = shortlist.rank(&scored).score();
        assert!((score.image_to_text.at_10.value - 58.0 / 60.0).abs() < 1e-9);
    }

    #[test]
    fn five_captions_a_picture_are_counted_as_an_exhaustive_ranking_would() {
        const PICTURES: usize = 8;
        let captions: Vec<_> = fan(5 * PICTURES).chunks(5).map(<[_]>::to_vec).collect();
        let shortlist = Shortlist::new(&fan(PICTURES), &captions);
        // Some order of 0..320 without ties, so that recall is neither nothing nor everything.
        let all: Vec<f32> = (0..5 * PICTURES * PICTURES).map(|n| (n * 77 % 320) as f32).collect();
        let rows: Vec<_> = all.chunks(5 * PICTURES).map(<[_]>::to_vec).collect();
        assert_eq!(shortlist.texts_for(3).len(), 5 * PICTURES, "all are candidates");
        let score = shortlist.rank(&rows).score();
        let owners: Vec<_> = (0..5 * PICTURES).map(|text| text / 5).collect();
        assert_eq!(score, score::retrieval(&all, &owners));
        assert_eq!((score.image_to_text.at_1.count, score.text_to_image.at_1.count), (8, 40));
        assert!(
            score.image_to_text.at_5.value > score.text_to_image.at_1.value,
            "any of five is easier: {score:?}"
        );
    }

    #[test]
    fn any_caption_of_a_picture_answers_for_it() {
        let captions = vec![vec![vec![1.0, 0.0], vec![0.8, 0.6]], vec![vec![0.0, 1.0]]];
        let shortlist = Shortlist::new(&[vec![1.0, 0.0], vec![0.0, 1.0]], &captions);
        // Picture 0 prefers its second caption; its first one prefers picture 1.
        let score = shortlist.rank(&[vec![0.1, 0.9, 0.5], vec![0.4, 0.2, 0.8]]).score();
        assert_eq!(score.image_to_text.at_1.value, 1.0);
        assert!((score.text_to_image.at_1.value - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_ranking_tells_its_first_items_and_how_far_the_right_one_is_ahead() {
        let ranking = Ranking::of(vec![(0.2, false, 7), (0.9, true, 3), (0.5, false, 4), (0.1, true, 1)]);
        assert_eq!((ranking.rank, ranking.first.len()), (Some(0), TOLD));
        assert_eq!(ranking.first[0], Retrieved { item: 3, score: 0.9, right: true });
        assert!((ranking.lead - 0.4).abs() < 1e-6);
        let tied = Ranking::of(vec![(0.5, true, 0), (0.5, false, 1)]);
        assert_eq!((tied.rank, tied.first[0].item, tied.lead), (Some(1), 1, 0.0), "ties are lost");
        let lost = Ranking::of(vec![(0.5, false, 1)]);
        assert_eq!((lost.rank, lost.lead), (None, -1.0));
    }
}
