//! Mean and spread over seeds.

use super::figures::Measured;
use super::plan::Arm;

/// A figure of an arm at a share of the corpus, over the seeds that are done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub mean: f64,
    /// Sample standard deviation; none of a single seed.
    pub spread: Option<f64>,
    pub seeds: usize,
}

impl Summary {
    /// None where no seed is done, or has the figure.
    pub fn of(measured: &[Measured], arm: Arm, share: Option<f64>, figure: &str) -> Option<Self> {
        let values: Vec<f64> = measured
            .iter()
            .filter(|measured| measured.cell.arm == arm && measured.cell.share == share)
            .filter_map(|measured| Some(measured.figures.get(figure)?.value))
            .collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let spread = (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        (!values.is_empty()).then_some(Self { mean, spread, seeds: values.len() })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::score::Figure;
    use crate::train::arms::plan::Cell;

    pub fn measured(arm: Arm, share: Option<f64>, seed: u64, vqa: f64) -> Measured {
        let figures = BTreeMap::from([("vqa".to_owned(), Figure { value: vqa, count: 9 })]);
        Measured { cell: Cell { arm, share, seed }, figures }
    }

    #[test]
    fn the_spread_is_the_standard_deviation_over_the_seeds_of_that_arm_and_share() {
        let all = [
            measured(Arm::Cmal, Some(0.1), 1, 0.5),
            measured(Arm::Cmal, Some(0.1), 2, 0.7),
            measured(Arm::Cmal, Some(1.0), 1, 0.9),
            measured(Arm::Cmcl, Some(0.1), 1, 0.1),
        ];
        let of = |share, figure| Summary::of(&all, Arm::Cmal, Some(share), figure);
        let summary = of(0.1, "vqa").unwrap();
        assert!((summary.mean - 0.6).abs() < 1e-9 && summary.seeds == 2);
        assert!((summary.spread.unwrap() - 0.02f64.sqrt()).abs() < 1e-9);
        assert_eq!(of(1.0, "vqa").unwrap().spread, None);
        assert_eq!((of(0.3, "vqa"), of(0.1, "grounding")), (None, None));
    }
}
