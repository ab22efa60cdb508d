//! Accuracy of labels given to hypotheses.

use serde::Serialize;

use super::figure::Figure;
use crate::types::Entailment;

/// Accuracy, and which labels were taken for which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct EntailmentScore {
    pub accuracy: Figure,
    /// Hypotheses by true label (rows) and predicted label (columns), in the order of [`Entailment::ALL`].
    pub confusion: [[usize; 3]; 3],
}

/// From pairs of predicted and true label.
pub fn entailment(labels: &[(Entailment, Entailment)]) -> EntailmentScore {
    let mut confusion = [[0; 3]; 3];
    for (predicted, truth) in labels {
        confusion[truth.index()][predicted.index()] += 1;
    }
    EntailmentScore {
        accuracy: Figure::share(labels.iter().map(|(predicted, truth)| predicted == truth)),
        confusion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Entailment::{Contradiction, Neutral};

    #[test]
    fn labels_are_counted_by_truth_and_prediction() {
        let yes = Entailment::Entailment;
        let score = entailment(&[
            (yes, yes),
            (yes, Neutral),
            (Contradiction, Contradiction),
            (Neutral, Contradiction),
        ]);
        assert_eq!(score.accuracy, Figure { value: 0.5, count: 4 });
        assert_eq!(score.confusion, [[1, 0, 0], [1, 0, 0], [0, 1, 1]]);
    }
}
