//! A mean with the number of items it was taken over, and how far the truth may be from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Mean of values in 0..1 over `count` items; 0 over none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub value: f64,
    pub count: usize,
}

/// Where a share lies with a confidence of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Figure {
    /// Mean of scores in 0..1.
    pub fn mean(scores: impl IntoIterator<Item = f64>) -> Self {
        let (mut sum, mut count) = (0.0, 0);
        for score in scores {
            sum += score;
            count += 1;
        }
        Self { value: if count > 0 { sum / count as f64 } else { 0.0 }, count }
    }

    /// The share of items that are right.
    pub fn share(right: impl IntoIterator<Item = bool>) -> Self {
        Self::mean(right.into_iter().map(|right| f64::from(u8::from(right))))
    }

    /// `hits` of `count`.
    pub fn of(hits: usize, count: usize) -> Self {
        Self { value: if count > 0 { hits as f64 / count as f64 } else { 0.0 }, count }
    }

    /// Mean of the scores of each group; what belongs to none is left out.
    pub fn by_group<'a>(scores: impl IntoIterator<Item = (Option<&'a str>, f64)>) -> BTreeMap<String, Self> {
        let mut groups = BTreeMap::<_, Vec<f64>>::new();
        for (group, score) in scores {
            if let Some(group) = group {
                groups.entry(group).or_default().push(score);
            }
        }
        groups.into_iter().map(|(group, scores)| (group.to_owned(), Self::mean(scores))).collect()
    }

    /// Area under the ROC curve: how probably a positive scores higher than a negative; ties count half. None unless there are some of both.
    pub fn area_under_curve(mut scored: Vec<(f32, bool)>) -> Option<Self> {
        let count = scored.len();
        let positives = scored.iter().filter(|(_, positive)| *positive).count();
        let negatives = count - positives;
        if positives == 0 || negatives == 0 {
            return None;
        }
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut below, mut won) = (0, 0.0);
        for tied in scored.chunk_by(|a, b| a.0 == b.0) {
            let tied_positives = tied.iter().filter(|(_, positive)| *positive).count();
            let tied_negatives = tied.len() - tied_positives;
            won += tied_positives as f64 * (below as f64 + tied_negatives as f64 / 2.0);
            below += tied_negatives;
        }
        Some(Self { value: won / (positives as f64 * negatives as f64), count })
    }

    /// Wilson's interval. It is exact enough for shares near 0 and 1 and for few items, and somewhat too wide for means of soft scores.
    pub fn interval(&self) -> Interval {
        /// Standard deviations that hold 95 % of a normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        if self.count == 0 {
            return Interval { low: 0.0, high: 1.0 };
        }
        let n = self.count as f64;
        let scale = 1.0 + Z * Z / n;
        let centre = (self.value + Z * Z / (2.0 * n)) / scale;
        let variance = self.value * (1.0 - self.value) / n + Z * Z / (4.0 * n * n);
        let half = Z * variance.max(0.0).sqrt() / scale;
        Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_over_nothing_says_so() {
        assert_eq!(Figure::mean([]), Figure { value: 0.0, count: 0 });
        assert_eq!(Figure::share([true, false, true, true]), Figure { value: 0.75, count: 4 });
        assert_eq!(Figure::of(1, 4), Figure { value: 0.25, count: 4 });
    }

    #[test]
    fn groups_have_means_of_their_own_and_the_ungrouped_are_left_out() {
        let groups = Figure::by_group([(Some("b"), 1.0), (None, 0.0), (Some("a"), 0.5), (Some("b"), 0.0)]);
        let expected = [("a", Figure { value: 0.5, count: 1 }), ("b", Figure { value: 0.5, count: 2 })];
        assert_eq!(groups, expected.map(|(group, figure)| (group.to_owned(), figure)).into());
    }

    #[test]
    fn the_interval_is_wilsons() {
        // 8 of 10: the standard worked example, 0.490 to 0.943.
        let Interval { low, high } = Figure::of(8, 10).interval();
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        let all = Figure::of(500, 500).interval();
        assert!((all.low - 0.9924).abs() < 1e-4 && all.high == 1.0, "{all:?}");
        assert_eq!(Figure::of(0, 0).interval(), Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    fn the_area_counts_pairs_in_order_and_ties_half() {
        // Positives 0.8, 0.5, 0.3 against negatives 0.5, 0.4: of six pairs 3 + 0.5 are won.
        let scored = vec![(0.5, true), (0.4, false), (0.8, true), (0.3, true), (0.5, false)];
        assert_eq!(Figure::area_under_curve(scored), Some(Figure { value: 3.5 / 6.0, count: 5 }));
        assert_eq!(Figure::area_under_curve(vec![(0.5, true)]), None);
    }
}
