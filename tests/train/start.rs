use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cmal::bundle::{Bundle, Manifest, names};
use cmal::data::{Dataset, ObjectStore, OnBad};
use cmal::metrics::Metrics;
use cmal::model::{Cmal, Detector};
use cmal::runtime::{Engine, Settings};
use cmal::train::{Error, Goal, Recipe, Start, Tuning, open, weights};
use cmal::types::{Answer, Query};
use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::support::{bundle, data, export, log, train_from};

/// A picture in which there is nothing to find.
const BLANK: &str = "blank.png";

/// Pictures of the world, and a blank one, with questions in words, and answers, that it doesn't have; nothing else.
pub fn own_questions() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("images")).unwrap();
    let objects = fs::read_to_string(data().join("objects.jsonl")).unwrap();
    let ask = |image: &str, answer: &str| {
        json!({"image": image, "question": "Wherewithal hereabouts?", "answers": [answer]}).to_string() + "\n"
    };
    let mut lines = ask(BLANK, "sparse");
    RgbImage::from_pixel(48, 48, Rgb([160; 3])).save(folder.path().join("images").join(BLANK)).unwrap();
    for line in objects.lines().take(120) {
        let scene: Value = serde_json::from_str(line).unwrap();
        let image = scene["image"].as_str().unwrap();
        fs::copy(data().join("images").join(image), folder.path().join("images").join(image)).unwrap();
        let many = scene["objects"].as_array().unwrap().len() > 5;
        let answer = if many { "crowded" } else { "sparse" };
        lines.push_str(&ask(image, answer));
    }
    fs::write(folder.path().join("vqa.jsonl"), lines).unwrap();
    folder
}

pub fn tuned(start: &Start, data: &Path, goal: Goal) -> Result<Recipe, Error> {
    let tuning = Tuning { name: "own".to_owned(), goal, epochs: 2, grid_below: None, workers: 2 };
    tuning.recipe(start, &Dataset::open(data, OnBad::Stop).unwrap().dataset)
}

fn manifest(folder: &Path) -> Manifest {
    Bundle::open(folder).unwrap().manifest().clone()
}

#[test]
fn a_bundle_is_fine_tuned_on_ones_own_questions_without_boxes() {
    let (start, own, home) = (Start::open(bundle()).unwrap(), own_questions(), tempfile::tempdir().unwrap());
    let (run, own_folder) = (home.path().join("run"), own.path().to_owned());
    let recipe = tuned(&start, own.path(), Goal::Vqa).unwrap();
    assert_eq!(recipe.detector.steps, 0, "there are no boxes to learn from");
    train_from(&recipe, own.path(), &run, Some(&start)).unwrap();

    let figures = log(&run, "finetune");
    let figures = figures.iter().rev().find(|line| line["figures"].is_object()).unwrap();
    let names: Vec<_> = figures["figures"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["vqa"], "only what was asked for is validated");

    let out = home.path().join("own");
    export(&run, &out);
    let (own, former) = (manifest(&out), manifest(bundle()));
    let mut answers = own.answers.clone();
    answers.sort();
    assert_eq!(answers, ["crowded", "sparse"]);
    assert_eq!(own.classes, former.classes);
    let sha256 = |manifest: &Manifest| manifest.graphs[names::graph::OBJECTS].sha256.clone();
    assert_eq!(sha256(&own), sha256(&former), "the detector stays as it was");
    assert!(own.training_data.contains("Fine-tuned from the bundle `tiny 1`"), "{}", own.training_data);

    let store = ObjectStore::open(&run.join("objects.safetensors")).unwrap();
    let blank = store.by_name()[BLANK];
    assert_eq!(store.count(blank), 10, "the grid");
    assert!((0..10).all(|region| !store.is_object(blank, region) && store.class(blank, region).is_none()));
    let engine =
        Engine::start(Bundle::open(&out).unwrap(), &Settings::default(), Arc::new(Metrics::new())).unwrap();
    let picture = fs::read(own_folder.join("images").join(BLANK)).unwrap();
    let threads = Builder::new_current_thread().enable_time().build().unwrap();
    threads.block_on(async {
        let call = engine.admit(None).unwrap();
        let seen = engine.see(picture, &call).await.unwrap();
        assert!(seen.objects().is_empty(), "what the picture is looked at by is no object");
        let asked = Query::Grounding { expression: "the red circle".to_owned(), top_k: 3 };
        let Answer::Grounding(answer) = engine.ask(&seen, &asked, &call).await.unwrap() else { panic!() };
        assert_eq!((answer.present, answer.candidates.len()), (0.0, 0));
    });
    let tokenizer = fs::read_to_string(out.join(names::TOKENIZER)).unwrap();
    assert!(tokenizer.contains("\"wherewithal\""), "new words get tokens of their own");
}

#[test]
fn a_dataset_with_boxes_teaches_the_detector_too() {
    let start = Start::open(bundle()).unwrap();
    let recipe = tuned(&start, data(), Goal::All).unwrap();
    assert!(recipe.detector.steps > 0);
    assert!(recipe.finetune.shares.vqa > 0.0 && recipe.finetune.shares.contrast > 0.0);
    assert_eq!(recipe.model, start.dims);
    let tuning =
        Tuning { name: recipe.name.clone(), goal: Goal::All, epochs: 1, grid_below: Some(7), workers: 1 };
    let dataset = Dataset::open(data(), OnBad::Stop).unwrap().dataset;
    assert_eq!(tuning.recipe(&start, &dataset).unwrap().model.grid_below, 7, "what was asked for");
}

#[test]
fn what_cannot_be_fine_tuned_is_said_before_anything_runs() {
    let (start, own) = (Start::open(bundle()).unwrap(), own_questions());
    let error = tuned(&start, own.path(), Goal::Retrieval).unwrap_err();
    assert!(error.to_string().contains("no captions in its train part"), "{error}");

    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    let mut wider = tuned(&start, own.path(), Goal::Vqa).unwrap();
    wider.model.width *= 2;
    let error = train_from(&wider, own.path(), &run, Some(&start)).unwrap_err();
    assert!(error.to_string().contains("other sizes than the bundle's"), "{error}");
    let error = train_from(&tuned(&start, own.path(), Goal::Vqa).unwrap(), own.path(), &run, None);
    assert!(error.unwrap_err().to_string().contains("starts from a bundle"));
    assert!(!run.exists());
}

#[test]
fn a_bundle_without_weights_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let old = home.path().join("old");
    fs::create_dir(&old).unwrap();
    for entry in fs::read_dir(bundle()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, old.join(path.file_name().unwrap())).unwrap();
    }
    let path = old.join(names::MANIFEST);
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest.as_object_mut().unwrap().remove("training");
    fs::write(&path, manifest.to_string()).unwrap();
    let error = Start::open(&old).unwrap_err();
    assert!(matches!(error, Error::NoWeights { .. }) && error.to_string().contains("export it again"));
}

#[test]
fn what_a_finished_run_holds_is_not_written_again() {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    let (start, own) = (Start::open(bundle()).unwrap(), own_questions());
    let recipe = tuned(&start, own.path(), Goal::Vqa).unwrap();
    train_from(&recipe, own.path(), &run, Some(&start)).unwrap();
    let written = || {
        ["detector/best/model.bpk", "calibration.json", "finetune/best/model.bpk", "objects.safetensors"]
            .map(|file| fs::metadata(run.join(file)).unwrap().modified().unwrap())
    };
    let before = written();
    train_from(&recipe, own.path(), &run, Some(&start)).unwrap();
    assert_eq!(written(), before);
}

#[test]
fn a_run_that_is_continued_is_never_silently_another_one_than_was_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let (start, own, run) = (Start::open(bundle()).unwrap(), own_questions(), home.path().join("own"));
    let recipe = tuned(&start, own.path(), Goal::Vqa).unwrap();
    train_from(&recipe, own.path(), &run, Some(&start)).unwrap();
    let resumed = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmal"));
        command.args(["train", "--resume", "--init"]).arg(bundle()).arg("--data").arg(own.path());
        let output = command.arg("--out").arg(&run).args(options).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for as_begun in [&[][..], &["--task", "vqa", "--epochs", "2"]] {
        let (done, said) = resumed(as_begun);
        assert!(done, "{as_begun:?}: {said}");
    }
    let (done, said) = resumed(&["--task", "vqa", "--epochs", "3"]);
    assert!(!done && said.contains("was begun by another recipe, --task, --epochs"), "{said}");
}

/// The weights that texts and pictures are thought over together with, as a bundle stores them.
fn unified(detector: &Detector, cmal: &Cmal) -> BTreeMap<String, Vec<u8>> {
    let packed = weights(detector, cmal);
    let tensors = SafeTensors::deserialize(&packed).unwrap();
    let unified = tensors.iter().filter(|(path, _)| path.starts_with("cmal.unified"));
    unified.map(|(path, tensor)| (path.to_owned(), tensor.data().to_vec())).collect()
}

#[test]
fn a_recipe_can_keep_weights_between_those_it_starts_from_and_those_it_learns() {
    let home = tempfile::tempdir().unwrap();
    let (start, own) = (Start::open(bundle()).unwrap(), own_questions());
    let mut recipe = tuned(&start, own.path(), Goal::Vqa).unwrap();
    let mut kept = |blend: f64, name: &str| {
        recipe.finetune.blend = blend;
        train_from(&recipe, own.path(), &home.path().join(name), Some(&start)).unwrap();
        let trained = open(&home.path().join(name)).unwrap();
        unified(&trained.detector, &trained.cmal)
    };
    let (detector, cmal) = start.model().unwrap();
    let former = unified(&detector, &cmal);
    assert!(former.len() > 10);
    assert_eq!(kept(0.0, "former"), former);
    assert_ne!(kept(1.0, "learned"), former);

    let error = train_from(&recipe, own.path(), &home.path().join("random"), None).unwrap_err();
    assert!(error.to_string().contains("starts from a bundle"), "{error}");
    recipe.finetune.blend = 0.5;
    recipe.detector.steps = 1;
    let error = train_from(&recipe, own.path(), &home.path().join("both"), Some(&start)).unwrap_err();
    assert!(error.to_string().contains("the bundle's detector only"), "{error}");
}

#[test]
fn a_run_is_not_continued_from_another_start() {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    let (start, own) = (Start::open(bundle()).unwrap(), own_questions());
    let recipe = tuned(&start, own.path(), Goal::Vqa).unwrap();
    train_from(&recipe, own.path(), &run, Some(&start)).unwrap();
    let mut other = Start::open(bundle()).unwrap();
    other.fingerprint = "another".to_owned();
    let error = train_from(&recipe, own.path(), &run, Some(&other)).unwrap_err();
    assert!(matches!(error, Error::OtherStart { .. }) && error.to_string().contains("`tiny 1`"), "{error}");
}
