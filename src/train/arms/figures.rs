//! The figures of a cell: the four tasks on the test part of the dataset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::Cell;
use crate::score::Figure;
use crate::train::samples::Samples;
use crate::train::stage::Judge;
use crate::types::Task;

/// Pictures that retrieval looks among, at most.
pub const GALLERY: usize = 200;

/// Keys of the figures, and what they are called.
pub const FIGURES: [(&str, &str); 5] = [
    ("vqa", "VQA accuracy"),
    ("entailment", "entailment accuracy"),
    ("grounding", "grounding accuracy at IoU 0.5"),
    ("image_to_text", "image to text R@1"),
    ("text_to_image", "text to image R@1"),
];

/// What came of a cell; `figures.json` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    #[serde(flatten)]
    pub cell: Cell,
    /// By the keys of [`FIGURES`]; tasks that the dataset has no test records of are left out.
    pub figures: BTreeMap<String, Figure>,
}

impl Measured {
    /// Asks a trained model everything in the test part.
    pub fn of(cell: Cell, judge: &Judge, tasks: &[Task], test: &Samples) -> Self {
        let of = |task: &Task| match task {
            Task::Vqa => vec![("vqa", judge.vqa(&test.vqa))],
            Task::Entailment => vec![("entailment", judge.entailment(&test.entailment))],
            Task::Grounding => vec![("grounding", judge.located(test))],
            Task::Match => {
                let recall = judge.retrieval(&test.captions, GALLERY);
                vec![
                    ("image_to_text", recall.image_to_text.at_1),
                    ("text_to_image", recall.text_to_image.at_1),
                ]
            }
        };
        let figures = tasks.iter().flat_map(of).map(|(key, figure)| (key.to_owned(), figure)).collect();
        Self { cell, figures }
    }
}
