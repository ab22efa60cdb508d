use std::fs;
use std::path::Path;

use cmal::data::{FEATURES, Found, NO_CLASS, ObjectStore, ObjectStoreWriter};
use cmal::train::{self, Error, Recipe};
use cmal::types::UnitBox;
use tempfile::TempDir;

use crate::support::{data, log, tiny, train_from};

const WIDTH: usize = 5;
/// More than the model takes.
const REGIONS: usize = 6;
const OBJECTS: usize = 4;

/// The tiny world with its captions and questions, but with region features instead of labelled objects: every second region has a class
/// and an attribute, by numbers that nobody gives words for.
fn corpus() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    let path = folder.path().join(FEATURES);
    let mut store = ObjectStoreWriter::create(&path, "elsewhere", 400).unwrap();
    for (number, entry) in fs::read_dir(data().join("images")).unwrap().enumerate() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), images.join(entry.file_name())).unwrap();
        let regions = (0..REGIONS).map(|region| Found {
            bbox: UnitBox { x1: 0.1 * region as f32, y1: 0.2, x2: 0.1 * region as f32 + 0.3, y2: 0.7 },
            class: if region % 2 == 0 { 1599 } else { NO_CLASS },
            attributes: (0..400).map(|attribute| region % 2 == 0 && attribute == 399).collect(),
            feature: (0..WIDTH).map(|value| ((number * 7 + region * 3 + value) % 11) as f32 / 11.0).collect(),
        });
        let name = entry.file_name().into_string().unwrap();
        store.push(&name, &regions.collect::<Vec<_>>()).unwrap();
    }
    store.finish().unwrap();
    for records in ["captions.jsonl", "vqa.jsonl", "entailment.jsonl", "referring.jsonl"] {
        fs::copy(data().join(records), folder.path().join(records)).unwrap();
    }
    folder
}

fn recipe(features: usize) -> Recipe {
    let mut recipe = tiny();
    recipe.model.features = features;
    recipe.model.objects = OBJECTS;
    recipe.pretrain.schedule.steps = 12;
    recipe.finetune.schedule.steps = 12;
    recipe
}

fn figures(run: &Path, stage: &str) -> Vec<String> {
    let lines = log(run, stage);
    let last = lines.iter().rev().find(|line| line["figures"].is_object()).unwrap();
    last["figures"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn features_that_a_dataset_brings_are_trained_on_without_a_detector_and_not_exported() {
    let (corpus, home) = (corpus(), tempfile::tempdir().unwrap());
    let run = home.path().join("run");
    train_from(&recipe(WIDTH), corpus.path(), &run, None).unwrap();
    assert!(!run.join("detector").exists() && !run.join("objects.safetensors").exists());
    assert_eq!(figures(&run, "finetune"), ["vqa", "entailment", "grounding", "matching"]);
    assert!(figures(&run, "pretrain").contains(&"mlm".to_owned()));
    let error = train::open(&run).map(drop).unwrap_err();
    assert!(matches!(error, Error::NoDetector { .. }), "{error}");
    assert!(error.to_string().contains("could not see pictures"), "{error}");
    train_from(&recipe(WIDTH), corpus.path(), &run, None).unwrap();
}

#[test]
fn a_run_is_not_continued_on_other_features() {
    let (corpus, home) = (corpus(), tempfile::tempdir().unwrap());
    let run = home.path().join("run");
    train_from(&recipe(WIDTH), corpus.path(), &run, None).unwrap();
    let path = corpus.path().join(FEATURES);
    ObjectStore::open(&path).unwrap().untagged(1).save(&path).unwrap();
    let error = train_from(&recipe(WIDTH), corpus.path(), &run, None).unwrap_err();
    assert!(matches!(error, Error::OtherData { .. }), "{error}");
}

#[test]
fn features_that_do_not_fit_are_refused_before_anything_is_written() {
    let (corpus, home) = (corpus(), tempfile::tempdir().unwrap());
    let run = home.path().join("run");
    let error = train_from(&recipe(WIDTH + 1), corpus.path(), &run, None).unwrap_err();
    assert!(matches!(error, Error::FeatureWidth { found: WIDTH, .. }), "{error}");
    assert!(error.to_string().contains("state `features = 5`"), "{error}");

    let mut strangers = ObjectStoreWriter::create(&corpus.path().join(FEATURES), "elsewhere", 0).unwrap();
    let bbox = UnitBox { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 };
    let region = Found { bbox, class: NO_CLASS, attributes: Vec::new(), feature: vec![0.0; WIDTH] };
    strangers.push("stranger.png", &[region]).unwrap();
    strangers.finish().unwrap();
    let error = train_from(&recipe(WIDTH), corpus.path(), &run, None).unwrap_err();
    assert!(matches!(error, Error::NoFeatures { .. }), "{error}");
    assert!(!run.exists());
}
