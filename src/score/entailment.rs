//! Accuracy and calibration of labels given to hypotheses.

use serde::Serialize;

use super::calibration::{CALIBRATION_BINS, CalibrationScore, calibration};
use super::figure::Figure;
use crate::types::{Entailment, EntailmentScores};

/// A hypothesis' true label, and the probabilities that were given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgedHypothesis {
    pub scores: EntailmentScores,
    pub truth: Entailment,
}

/// Accuracy, and which labels were taken for which.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EntailmentScore {
    pub accuracy: Figure,
    /// Hypotheses by true label (rows) and predicted label (columns), in the order of [`Entailment::ALL`].
    pub confusion: [[usize; 3]; 3],
    /// Of the most probable labels.
    pub calibration: CalibrationScore,
}

/// The label given to a hypothesis is the most probable one.
pub fn entailment(hypotheses: &[JudgedHypothesis]) -> EntailmentScore {
    let mut confusion = [[0; 3]; 3];
    let mut answers = Vec::with_capacity(hypotheses.len());
    for JudgedHypothesis { scores, truth } in hypotheses {
        let label = scores.label();
        confusion[truth.index()][label.index()] += 1;
        answers.push((scores.of(label), f64::from(u8::from(label == *truth))));
    }
    EntailmentScore {
        accuracy: Figure::mean(answers.iter().map(|(_, right)| *right)),
        confusion,
        calibration: calibration(&answers, CALIBRATION_BINS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Entailment::{Contradiction, Neutral};

    /// Judged with 0.8 for one label and 0.1 for the others.
    fn judged(given: Entailment, truth: Entailment) -> JudgedHypothesis {
        let scores = Entailment::ALL.map(|label| if label == given { 0.8 } else { 0.1 });
        JudgedHypothesis { scores: EntailmentScores::new(scores), truth }
    }

    #[test]
    fn labels_are_counted_by_truth_and_prediction() {
        let yes = Entailment::Entailment;
        let score = entailment(&[
            judged(yes, yes),
            judged(yes, Neutral),
            judged(Contradiction, Contradiction),
            judged(Neutral, Contradiction),
        ]);
        assert_eq!(score.accuracy, Figure { value: 0.5, count: 4 });
        assert_eq!(score.confusion, [[1, 0, 0], [1, 0, 0], [0, 1, 1]]);
    }

    #[test]
    fn labels_given_with_more_confidence_than_they_deserve_are_told() {
        let score = entailment(&[judged(Neutral, Neutral), judged(Neutral, Contradiction)]);
        assert!((score.calibration.error.value - 0.3).abs() < 1e-6, "0.8 for half: {score:?}");
        assert_eq!(score.calibration.bins.len(), 1);
    }
}
