use std::fs;
use std::path::Path;
use std::time::SystemTime;

use cmal::train::{Arms, Error, Recipe};
use serde_json::Value;

use crate::support::{finished, log, tiny, train_from, train_until};

/// Fewer steps than the tiny recipe's: what matters is that every arm runs.
fn grid() -> Recipe {
    let mut recipe = tiny();
    recipe.pretrain.schedule.steps = 12;
    recipe.finetune.schedule.steps = 12;
    recipe.finetune.share = 0.5;
    recipe.finetune.shares.association = 0.0;
    recipe.arms = Some(Arms { shares: vec![0.3, 1.0], seeds: vec![1], ablation_seeds: vec![1] });
    recipe
}

const CELLS: [&str; 13] = [
    "none-1",
    "cmcl-0.3-1",
    "cmal-0.3-1",
    "cmcl-1-1",
    "cmal-1-1",
    "no-swap-0.3-1",
    "no-amc-0.3-1",
    "no-hypersphere-0.3-1",
    "no-negatives-0.3-1",
    "no-swap-1-1",
    "no-amc-1-1",
    "no-hypersphere-1-1",
    "no-negatives-1-1",
];

/// Takes the detector and its objects over from the tiny recipe's run: they are the same.
fn begin(run: &Path) {
    for folder in ["detector/best", "detector/last"] {
        fs::create_dir_all(run.join(folder)).unwrap();
        for entry in fs::read_dir(finished().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, run.join(folder).join(path.file_name().unwrap())).unwrap();
        }
    }
    for file in ["objects.safetensors", "detector/log.jsonl"] {
        fs::copy(finished().join(file), run.join(file)).unwrap();
    }
}

fn read(run: &Path, file: &str) -> String {
    fs::read_to_string(run.join(file)).unwrap()
}

fn states(run: &Path) -> (usize, usize) {
    let table = read(run, "arms.csv");
    (table.matches(",done,").count(), table.matches(",missing,").count())
}

#[test]
fn a_grid_stopped_many_times_measures_every_cell_once() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    begin(&run);
    let recipe = grid();
    let (mut stops, mut partly) = (0, false);
    while let Err(error) = train_until(&recipe, &run, 31) {
        assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
        let (done, missing) = states(&run);
        assert_eq!(done + missing, CELLS.len());
        partly |= done > 0 && missing > 0;
        stops += 1;
        assert!(stops < CELLS.len() * 2, "the grid doesn't end");
    }
    assert!(stops > 3 && partly);
    assert_eq!(states(&run), (CELLS.len(), 0));
    let table = read(&run, "arms.md");
    assert!(table.contains("13 of 13 trainings are done") && !table.contains("missing"), "{table}");
    assert_eq!(table.lines().filter(|line| line.starts_with("| `")).count(), CELLS.len());
    assert_eq!(read(&run, "arms.svg").matches("<circle").count(), 5 * 7 * 2, "five figures of seven arms");

    for cell in CELLS {
        let home = run.join("arms").join(cell);
        let figures: Value = serde_json::from_str(&read(&home, "figures.json")).unwrap();
        for figure in ["vqa", "entailment", "grounding", "image_to_text", "text_to_image"] {
            let count = figures["figures"][figure]["count"].as_u64().unwrap();
            assert!(count > 10, "{cell} {figure}: {count}");
        }
        assert!(home.join("finetune/curves.svg").is_file(), "{cell}");
        assert_eq!(home.join("pretrain").exists(), cell != "none-1", "{cell}");
    }
    // Each arm learns by its own losses.
    let learned = |cell: &str| {
        let log = log(&run.join("arms").join(cell), "pretrain");
        let parts = log[0]["parts"].as_object().unwrap();
        parts.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(learned("cmal-1-1"), "amc_object amc_text associated mlm mrc");
    assert_eq!(learned("cmcl-1-1"), "contrast matching mlm");
    assert_eq!(learned("no-swap-1-1"), "amc_object amc_text mlm mrc");
    assert_eq!(learned("no-amc-1-1"), "mlm mrc");

    let written = |cell: &str| -> SystemTime {
        let path = run.join("arms").join(cell).join("finetune/last/state.json");
        fs::metadata(path).unwrap().modified().unwrap()
    };
    let before = CELLS.map(written);
    train_until(&recipe, &run, 1).unwrap();
    assert_eq!(CELLS.map(written), before, "what is done is not done again");

    let mut other = recipe;
    other.arms.as_mut().unwrap().seeds.push(2);
    let error = train_until(&other, &run, 1).unwrap_err();
    assert!(matches!(error, Error::OtherRecipe { .. }), "{error}");
}

#[test]
fn ways_to_pre_train_are_not_compared_from_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let start = cmal::train::Start::open(crate::support::bundle()).unwrap();
    let error = train_from(&grid(), crate::support::data(), &folder.path().join("run"), Some(&start));
    assert!(error.unwrap_err().to_string().contains("leave --init and --init-text out"));
}
