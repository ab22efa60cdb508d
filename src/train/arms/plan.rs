//! The grid: which ways to pre-train, on which share of the corpus, with which seeds, and in which order.

use serde::{Deserialize, Serialize};

use crate::train::recipe::{Arms, Method, Recipe};

/// A way to pre-train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    None,
    Cmcl,
    Cmal,
    NoSwap,
    NoAmc,
    NoHypersphere,
    NoNegatives,
}

/// `cmal` without one of its parts.
const ABLATIONS: [Arm; 4] = [Arm::NoSwap, Arm::NoAmc, Arm::NoHypersphere, Arm::NoNegatives];

impl Arm {
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Cmcl,
        Self::Cmal,
        Self::NoSwap,
        Self::NoAmc,
        Self::NoHypersphere,
        Self::NoNegatives,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cmcl => "cmcl",
            Self::Cmal => "cmal",
            Self::NoSwap => "no-swap",
            Self::NoAmc => "no-amc",
            Self::NoHypersphere => "no-hypersphere",
            Self::NoNegatives => "no-negatives",
        }
    }

    /// What it learns by, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::None => "no pre-training",
            Self::Cmcl => {
                "contrast of coarse vectors, matching with hard negatives, masked language modelling"
            }
            Self::Cmal => "association, as the recipe says",
            Self::NoSwap => "`cmal` whose masked anchor points are not filled by their other side",
            Self::NoAmc => "`cmal` whose prompt is swapped, without associative mapping classification",
            Self::NoHypersphere => "`cmal` whose embeddings lie on no hyperspheres",
            Self::NoNegatives => "`cmal` whose fillings all belong",
        }
    }

    pub fn seeds(self, arms: &Arms) -> &[u64] {
        if ABLATIONS.contains(&self) { &arms.ablation_seeds } else { &arms.seeds }
    }
}

/// One training of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub arm: Arm,
    /// Of the pre-training corpus; none without pre-training.
    pub share: Option<f64>,
    pub seed: u64,
}

impl Cell {
    /// Name of its folder.
    pub fn name(&self) -> String {
        let share = self.share.map_or_else(String::new, |share| format!("-{share}"));
        format!("{}{share}-{}", self.arm.name(), self.seed)
    }

    /// The recipe of the grid with what makes this cell differ.
    pub fn recipe(&self, grid: &Recipe) -> Recipe {
        let mut recipe = Recipe { name: self.name(), seed: self.seed, arms: None, ..grid.clone() };
        recipe.pretrain.share = self.share.unwrap_or(grid.pretrain.share);
        match self.arm {
            Arm::None => recipe.pretrain.method = Method::None,
            Arm::Cmcl => recipe.pretrain.method = Method::Cmcl,
            Arm::Cmal => {}
            Arm::NoSwap => recipe.pretrain.association.swap = false,
            Arm::NoAmc => recipe.pretrain.association.amc = false,
            Arm::NoHypersphere => recipe.model.hypersphere = false,
            Arm::NoNegatives => recipe.pretrain.association.negatives = 0.0,
        }
        recipe
    }
}

/// The shares by rising size.
pub fn shares(arms: &Arms) -> Vec<f64> {
    let mut shares = arms.shares.clone();
    shares.sort_by(f64::total_cmp);
    shares
}

/// All cells: seed by seed, so that what is done early is whole for some seeds; the main arms before the ablations.
pub fn cells(arms: &Arms) -> Vec<Cell> {
    let at_shares = |seed: u64, compared: &'static [Arm]| {
        let of = move |share| compared.iter().map(move |&arm| Cell { arm, share: Some(share), seed });
        shares(arms).into_iter().flat_map(of)
    };
    let mut cells = Vec::new();
    for &seed in &arms.seeds {
        cells.push(Cell { arm: Arm::None, share: None, seed });
        cells.extend(at_shares(seed, &[Arm::Cmcl, Arm::Cmal]));
    }
    for &seed in &arms.ablation_seeds {
        cells.extend(at_shares(seed, &ABLATIONS));
    }
    cells
}

/// The arms that a grid has seeds for.
pub fn compared(arms: &Arms) -> Vec<Arm> {
    Arm::ALL.into_iter().filter(|arm| !arm.seeds(arms).is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    fn grid() -> Recipe {
        Recipe::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/arms.toml")).unwrap()
    }

    fn arms() -> Arms {
        Arms { shares: vec![1.0, 0.1], seeds: vec![4, 5], ablation_seeds: vec![4] }
    }

    #[test]
    fn every_cell_is_there_once_and_a_seed_is_done_before_the_next() {
        let names: Vec<String> = cells(&arms()).iter().map(Cell::name).collect();
        assert_eq!(names[..5], ["none-4", "cmcl-0.1-4", "cmal-0.1-4", "cmcl-1-4", "cmal-1-4"]);
        assert_eq!(names[5], "none-5");
        assert_eq!(names.len(), 2 * (1 + 2 * 2) + 4 * 2);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }

    #[test]
    fn arms_differ_in_how_they_are_pre_trained_and_in_nothing_else() {
        let grid = grid();
        for cell in cells(&arms()) {
            let mut recipe = cell.recipe(&grid);
            assert_eq!((recipe.seed, &recipe.name), (cell.seed, &cell.name()));
            assert_eq!(recipe.pretrain.schedule, grid.pretrain.schedule, "{}: equal steps", cell.name());
            let sphere = recipe.model.hypersphere;
            assert_eq!(sphere, cell.arm != Arm::NoHypersphere);
            recipe.model.hypersphere = grid.model.hypersphere;
            recipe.pretrain = grid.pretrain;
            let expected = Recipe { name: cell.name(), seed: cell.seed, arms: None, ..grid.clone() };
            assert_eq!(recipe, expected, "{}: equal fine-tuning", cell.name());
        }
    }

    #[test]
    fn each_ablation_takes_one_part_away() {
        let grid = grid();
        let of = |arm| Cell { arm, share: Some(0.3), seed: 1 }.recipe(&grid);
        assert_eq!(of(Arm::None).pretrain.method, Method::None);
        assert_eq!(of(Arm::Cmcl).pretrain.method, Method::Cmcl);
        assert_eq!(of(Arm::Cmal).pretrain.association, grid.pretrain.association);
        assert_eq!(of(Arm::Cmal).pretrain.share, 0.3);
        assert!(!of(Arm::NoSwap).pretrain.association.swap && !of(Arm::NoAmc).pretrain.association.amc);
        assert!(of(Arm::NoNegatives).pretrain.association.negatives.abs() < f64::EPSILON);
        assert!(grid.pretrain.association.negatives > 0.0 && grid.model.hypersphere);
    }
}
