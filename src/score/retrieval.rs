//! Recall of retrieval, from ranks.

use serde::Serialize;

use super::figure::Figure;

/// Share of queries with a right item among the first 1, 5 and 10.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Recall {
    pub at_1: Figure,
    pub at_5: Figure,
    pub at_10: Figure,
}

/// Recall in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RetrievalScore {
    /// Over pictures: any of a picture's captions counts.
    pub image_to_text: Recall,
    /// Over captions.
    pub text_to_image: Recall,
}

/// Recall from the ranks of each query's best right item, 0 for the first place; none where it was not among the candidates.
pub fn recall(ranks: &[Option<usize>]) -> Recall {
    let at = |places: usize| Figure::share(ranks.iter().map(|rank| rank.is_some_and(|rank| rank < places)));
    Recall { at_1: at(1), at_5: at(5), at_10: at(10) }
}

/// Rank of the best right item among scored ones, from (score, is right); none if none is right. Ties are lost, so that equal
/// scores for everything earn nothing.
pub fn rank(scored: impl Iterator<Item = (f32, bool)> + Clone) -> Option<usize> {
    let best = scored.clone().filter(|(_, right)| *right).map(|(score, _)| score).max_by(f32::total_cmp)?;
    Some(scored.filter(|(score, right)| !right && score.total_cmp(&best).is_ge()).count())
}

/// Recall of exhaustive scoring. `scores` is \[images, texts\], row-major; text j belongs to picture `image_of_text[j]`.
pub fn retrieval(scores: &[f32], image_of_text: &[usize]) -> RetrievalScore {
    let texts = image_of_text.len();
    let images = scores.len().checked_div(texts).unwrap_or(0);
    let of_image = |image: usize| {
        let row = &scores[image * texts..(image + 1) * texts];
        rank(row.iter().zip(image_of_text).map(move |(&score, &owner)| (score, owner == image)))
    };
    let of_text = |text: usize| {
        rank((0..images).map(move |image| (scores[image * texts + text], image_of_text[text] == image)))
    };
    RetrievalScore {
        image_to_text: recall(&(0..images).map(of_image).collect::<Vec<_>>()),
        text_to_image: recall(&(0..texts).map(of_text).collect::<Vec<_>>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_counts_the_first_places() {
        let recall = recall(&[Some(0), Some(4), Some(5), Some(10), None]);
        assert_eq!(recall.at_1, Figure { value: 0.2, count: 5 });
        assert_eq!(recall.at_5, Figure { value: 0.4, count: 5 });
        assert_eq!(recall.at_10, Figure { value: 0.6, count: 5 });
    }

    #[test]
    fn ties_are_lost_and_the_best_right_item_counts() {
        assert_eq!(rank([(0.5, false), (0.5, true), (0.5, false)].into_iter()), Some(2));
        assert_eq!(rank([(0.1, true), (0.5, false), (0.9, true)].into_iter()), Some(0));
        assert_eq!(rank([(0.1, false)].into_iter()), None);
    }

    #[test]
    fn several_captions_of_a_picture_count_in_both_directions() {
        // Pictures 0, 1, 2 with the captions {0, 1}, {2}, {3}.
        #[rustfmt::skip]
        let scores = [
            0.1, 0.9, 0.3, 0.2,
            0.2, 0.3, 0.4, 0.8,
            0.3, 0.1, 0.5, 0.7,
        ];
        let score = retrieval(&scores, &[0, 0, 1, 2]);
        assert_eq!(score.image_to_text.at_1, Figure { value: 2.0 / 3.0, count: 3 });
        assert_eq!(score.text_to_image.at_1, Figure { value: 0.25, count: 4 });
        assert_eq!(score.text_to_image.at_5, Figure { value: 1.0, count: 4 });
    }

    #[test]
    fn nothing_to_retrieve_is_no_panic() {
        assert_eq!(retrieval(&[], &[]).image_to_text.at_1.count, 0);
    }
}
