//! Whether a probability that is given is one that holds.

use serde::Serialize;

use super::figure::Figure;

/// Bins of the figure that is customarily given (Guo et al. 2017).
pub const CALIBRATION_BINS: usize = 15;

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
    /// Confidences that belong to it; those at its upper end only in the last.
    pub low: f64,
    pub high: f64,
    /// Mean of the confidences.
    pub confidence: f64,
    pub accuracy: Figure,
}

/// From pairs of confidence (0..1) and how right the answer was (0..1), in `bins` equal parts of 0..1; at least one. Softly scored answers
/// are calibrated when confidence is what they score on average.
pub fn calibration(answers: &[(f32, f64)], bins: usize) -> CalibrationScore {
    let bins = bins.max(1);
    let mut binned = vec![Vec::new(); bins];
    for &(confidence, right) in answers {
        // A confidence outside 0..1, or none at all, falls into the nearest bin.
        let bin = (f64::from(confidence) * bins as f64) as usize;
        binned[bin.min(bins - 1)].push((f64::from(confidence), right));
    }
    let width = 1.0 / bins as f64;
    let bins: Vec<_> = binned
        .iter()
        .enumerate()
        .filter(|(_, answers)| !answers.is_empty())
        .map(|(bin, answers)| Bin {
            low: bin as f64 * width,
            high: (bin + 1) as f64 * width,
            confidence: answers.iter().map(|(confidence, _)| confidence).sum::<f64>() / answers.len() as f64,
            accuracy: Figure::mean(answers.iter().map(|(_, right)| *right)),
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
        let score = calibration(&[(0.5, 1.0), (0.75 - 1e-6, 0.0), (1.0, 1.0), (1.0, 0.0)], 4);
        assert_eq!(
            score.bins.iter().map(|bin| (bin.low, bin.high)).collect::<Vec<_>>(),
            [(0.5, 0.75), (0.75, 1.0)]
        );
        assert!((score.error.value - (0.125 + 0.5) / 2.0).abs() < 1e-6, "{:?}", score.error);
        assert_eq!(score.error.count, 4);
    }

    #[test]
    fn confidences_that_hold_have_no_error() {
        let answers = [(0.75, 1.0), (0.75, 1.0), (0.75, 1.0), (0.75, 0.0)];
        assert!(calibration(&answers, 10).error.value < 1e-12);
        assert!(calibration(&[(0.3, 0.3), (0.3, 0.3)], 10).error.value < 1e-6, "soft scores");
        assert_eq!(calibration(&[], 10).error, Figure { value: 0.0, count: 0 });
    }
}
