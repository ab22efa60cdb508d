//! Confidences that hold: the temperature that logits are divided by before their softmax (Guo et al., "On Calibration of Modern Neural
//! Networks", arXiv 1706.04599).

/// The logits of a sample, and the weight of each right answer by its index.
pub type Judged = (Vec<f32>, Vec<(usize, f32)>);

/// Natural logarithms between which the temperature is looked for.
const RANGE: (f64, f64) = (-3.0, 3.0);
/// Each step leaves 0.618 of the range.
const STEPS: usize = 40;

/// The temperature under which the right answers are most probable; 1 without any sample. The loss is convex in its inverse, so that a
/// golden-section search finds the one minimum.
pub fn temperature(judged: &[Judged]) -> f64 {
    if judged.is_empty() {
        return 1.0;
    }
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = RANGE;
    for _ in 0..STEPS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if loss(judged, left.exp()) <= loss(judged, right.exp()) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high).exp()
}

/// Cross-entropy, summed over the samples.
fn loss(judged: &[Judged], temperature: f64) -> f64 {
    let of = |(logits, target): &Judged| {
        let scaled = |logit: f32| f64::from(logit) / temperature;
        let highest = logits.iter().copied().map(scaled).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|&logit| (scaled(logit) - highest).exp()).sum();
        let norm = highest + sum.ln();
        target.iter().map(|&(index, weight)| f64::from(weight) * (norm - scaled(logits[index]))).sum::<f64>()
    };
    judged.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four of five answers right at these odds; confidence 0.8 is what holds.
    fn judged(odds: f32) -> Vec<Judged> {
        let logits = vec![odds.ln(), 0.0];
        (0..5).map(|sample| (logits.clone(), vec![(usize::from(sample == 0), 1.0)])).collect()
    }

    #[test]
    fn the_confidence_becomes_the_share_of_right_answers() {
        for odds in [1.2, 4.0, 60.0] {
            let temperature = temperature(&judged(odds));
            let confidence = 1.0 / (1.0 + (-f64::from(odds.ln()) / temperature).exp());
            assert!((confidence - 0.8).abs() < 1e-3, "{odds}: {temperature} {confidence}");
        }
    }

    #[test]
    fn without_samples_nothing_changes() {
        assert!((temperature(&[]) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let judged = vec![(vec![3e4, -3e4], vec![(0, 1.0)]), (vec![3e4, -3e4], vec![(1, 1.0)])];
        assert!(temperature(&judged).is_finite());
    }
}
