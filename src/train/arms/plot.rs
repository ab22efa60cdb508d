//! The comparison as a plot: a panel a figure, the share of the corpus along it, a line an arm.

use super::figures::{FIGURES, Measured};
use super::plan::{Arm, compared, shares};
use super::summary::Summary;
use super::table::percent;
use crate::chart::{Error, Legend, Panel, Point, Series, lines};
use crate::train::recipe::Arms;

/// Pixels are too few for more of them side by side.
const COLUMNS: usize = 3;
/// Steps aside that keep the bars of arms apart, as a share of the way to the next place.
const ASIDE: f64 = 0.04;

/// The text of `arms.svg`.
pub fn svg(arms: &Arms, measured: &[Measured]) -> Result<String, Error> {
    let shares = shares(arms);
    let panel = |(figure, title): (&str, &str)| Panel {
        title: title.to_owned(),
        x: "share of the pre-training corpus".to_owned(),
        y: "mean and standard deviation".to_owned(),
        places: shares.iter().copied().map(percent).collect(),
        series: compared(arms).into_iter().map(|arm| series(arm, &shares, measured, figure)).collect(),
    };
    lines(&FIGURES.map(panel), COLUMNS, Legend::Shared)
}

/// Without pre-training every share is the same.
fn series(arm: Arm, shares: &[f64], measured: &[Measured], figure: &str) -> Series {
    let at = |(place, &share): (usize, &f64)| {
        let share = (arm != Arm::None).then_some(share);
        let summary = Summary::of(measured, arm, share, figure)?;
        let aside = (arm as usize as f64 - 3.0) * ASIDE;
        Some(Point { x: place as f64 + aside, y: summary.mean, spread: summary.spread.unwrap_or(0.0) })
    };
    Series { name: arm.name().to_owned(), points: shares.iter().enumerate().filter_map(at).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::arms::summary::tests::measured;

    #[test]
    fn what_is_done_is_drawn_and_every_arm_and_share_is_named() {
        let arms = Arms { shares: vec![0.1, 1.0], seeds: vec![1], ablation_seeds: vec![1] };
        let all = [measured(Arm::None, None, 1, 0.2), measured(Arm::Cmal, Some(1.0), 1, 0.5)];
        let svg = svg(&arms, &all).unwrap();
        assert_eq!(svg.matches("<circle").count(), 2 + 1, "none at both shares, cmal at one");
        for text in ["VQA accuracy", "text to image R@1", "10 %", "100 %", "cmcl", "no-negatives"] {
            assert!(svg.lines().any(|line| line.trim() == text), "{text}: {svg}");
        }
    }
}
