//! How well the objects that a word names are told from the others.

use serde::Serialize;

use super::figure::Figure;
use crate::types::AnchorPoint;

/// A word and an object: the probability that the object belongs in the place of the word, and whether the word names it.
pub type Associated = (f32, bool);

/// Figures of association.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct AssociationScore {
    /// Probability that an object is given more in the place of a word that names it than in that of one which names another, over all
    /// pairs; none unless there are some of both.
    pub named_auc: Option<Figure>,
}

/// Figures over words and objects.
pub fn association(pairs: Vec<Associated>) -> AssociationScore {
    AssociationScore { named_auc: Figure::area_under_curve(pairs) }
}

/// The pairs of words × objects, without the words that name no object. The tokens of `anchors` are words.
pub fn of_naming_words(probabilities: Vec<Vec<f32>>, anchors: &[AnchorPoint]) -> Vec<Associated> {
    let judged = |(token, row): (usize, Vec<f32>)| -> Vec<Associated> {
        let named = |object| anchors.contains(&AnchorPoint { object, token });
        row.into_iter().enumerate().map(|(object, probability)| (probability, named(object))).collect()
    };
    let rows = probabilities.into_iter().enumerate().map(judged);
    rows.filter(|row| row.iter().any(|(_, named)| *named)).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_names_nothing_is_not_judged() {
        let probabilities = vec![vec![0.9, 0.95], vec![0.8, 0.3], vec![0.4, 0.5]];
        let judged = of_naming_words(probabilities, &[AnchorPoint { object: 0, token: 1 }]);
        assert_eq!(judged, [(0.8, true), (0.3, false)]);
        assert_eq!(association(judged).named_auc, Some(Figure { value: 1.0, count: 2 }));
        assert_eq!(association(vec![(0.8, true)]).named_auc, None);
    }
}
