//! Whether a probability that is given is one that holds.

use serde::Serialize;

use super::figure::Figure;

/// Expected calibration error, and what it was computed from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CalibrationScore {
    /// Mean distance between confidence and accuracy, 0..1, bins weighted by their items.
    pub error: Figure,
    /// By rising confidence; bins without items are left out.
    pub bins: Vec<Bin>,
}

/// Answers of about the same confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Mean of the confidences.
    pub confidence: f64,
    pub accuracy: Figure,
}

/// From pairs of confidence (0..1) and whether the answer was right, in `bins` equal parts of 0..1; at least one.
pub fn calibration(answers: &[(f32, bool)], bins: usize) -> CalibrationScore {
    let bins = bins.max(1);
    let mut binned = vec![Vec::new(); bins];
    for &(confidence, right) in answers {
        // A confidence outside 0..1, or none at all, falls into the nearest bin.
        let bin = (f64::from(confidence) * bins as f64) as usize;
        binned[bin.min(bins - 1)].push((f64::from(confidence), right));
    }
    let bins: Vec<_> = binned
        .iter()
        .filter(|answers| !answers.is_empty())
        .map(|answers| Bin {
            confidence: answers.iter().map(|(confidence, _)| confidence).sum::<f64>() / answers.len() as f64,
            accuracy: Figure::share(answers.iter().map(|(_, right)| *right)),
        })
        .collect();
    let weighted =
        bins.iter().map(|bin| bin.accuracy.count as f64 * (bin.confidence - bin.accuracy.value).abs());
    let value = weighted.sum::<f64>() / answers.len().max(1) as f64;
    CalibrationScore { error: Figure { value, count: answers.len() }, bins }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_distance_of_confidence_and_accuracy() {
        // Bin 0.5..0.75: confidence 0.625, one of two right. Bin 0.75..1: confidence 1, one of two right.
        let score = calibration(&[(0.5, true), (0.75 - 1e-6, false), (1.0, true), (1.0, false)], 4);
        assert_eq!(score.bins.len(), 2);
        assert!((score.error.value - (0.125 + 0.5) / 2.0).abs() < 1e-6, "{:?}", score.error);
        assert_eq!(score.error.count, 4);
    }

    #[test]
    fn confidences_that_hold_have_no_error() {
        let answers = [(0.75, true), (0.75, true), (0.75, true), (0.75, false)];
        assert!(calibration(&answers, 10).error.value < 1e-12);
        assert_eq!(calibration(&[], 10).error, Figure { value: 0.0, count: 0 });
    }
}
