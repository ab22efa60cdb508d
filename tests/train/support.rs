//! Runs of small recipes in folders of their own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cmal::data::OnBad;
use cmal::export::{self, Report};
use cmal::onnx::{self, Weights};
use cmal::train::{self, Error, Observer, Options, Origin, Place, Recipe, Start, TextStart};
use cmal::world;
use serde_json::Value;
use tempfile::TempDir;

/// The recipe that the repository ships for this.
pub fn tiny() -> Recipe {
    Recipe::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/tiny.toml")).unwrap()
}

/// A world to train on, drawn once.
pub fn data() -> &'static Path {
    static DATA: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let corpus = tiny().world.unwrap();
        let options = world::Options { scenes: corpus.scenes, seed: corpus.seed, held_out: false };
        world::write(folder.path(), &options, &|_| {}).unwrap();
        folder
    });
    DATA.path()
}

/// A finished run of the tiny recipe, trained once for all tests.
pub fn finished() -> &'static Path {
    static RUN: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        train_to_end(&tiny(), &folder.path().join("run")).unwrap();
        folder
    });
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| RUN.path().join("run"));
    &PATH
}

/// The finished run as a bundle with f16 weights.
pub fn bundle() -> &'static Path {
    static BUNDLE: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        export(finished(), &folder.path().join("tiny"));
        folder
    });
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| BUNDLE.path().join("tiny"));
    &PATH
}

pub fn export(run: &Path, out: &Path) -> Report {
    export_as(run, out, Weights::F16)
}

pub fn export_as(source: &Path, out: &Path, weights: Weights) -> Report {
    export::export(&options(source, out, onnx::Options { weights, plain: false }), None).unwrap()
}

/// Options of an export that measures nothing.
pub fn options(source: &Path, out: &Path, model: onnx::Options) -> export::Options {
    export::Options {
        source: source.to_owned(),
        out: out.to_owned(),
        version: None,
        model,
        calibration: Vec::new(),
        library: None,
        metrics: BTreeMap::new(),
        notes: String::new(),
    }
}

pub fn train_to_end(recipe: &Recipe, run: &Path) -> Result<(), Error> {
    train_until(recipe, run, usize::MAX)
}

/// Trains, and asks to stop after that many steps, or pictures that the detector looks at, of this call; continues a run that exists.
pub fn train_until(recipe: &Recipe, run: &Path, steps: usize) -> Result<(), Error> {
    train_on(recipe, data(), run, steps)
}

/// As [`train_until`], on another dataset.
pub fn train_on(recipe: &Recipe, data: &Path, run: &Path, steps: usize) -> Result<(), Error> {
    train_with(recipe, data, run, (Origin::Random, steps))
}

/// Trains to the end on a dataset, from a bundle if one is given; continues a run that exists.
pub fn train_from(recipe: &Recipe, data: &Path, run: &Path, start: Option<&Start>) -> Result<(), Error> {
    train_with(recipe, data, run, (start.map_or(Origin::Random, Origin::Bundle), usize::MAX))
}

/// Trains the text encoder of a checkpoint along, and asks to stop as [`train_until`]; continues a run that exists.
pub fn train_reading(recipe: &Recipe, run: &Path, text: &TextStart, steps: usize) -> Result<(), Error> {
    train_with(recipe, data(), run, (Origin::Text(text), steps))
}

fn train_with(
    recipe: &Recipe,
    data: &Path,
    run: &Path,
    (origin, steps): (Origin, usize),
) -> Result<(), Error> {
    let stop = AtomicBool::new(false);
    let observer = StopAfter { left: AtomicUsize::new(steps), stop: &stop };
    let trained = train::train(&Options {
        recipe,
        data,
        drawn: true,
        origin,
        on_bad: OnBad::Stop,
        run,
        resume: run.exists(),
        place: Place::Cpu,
        observer: &observer,
        stop: &stop,
    });
    trained.map(drop)
}

struct StopAfter<'a> {
    left: AtomicUsize,
    stop: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn stage(&self, _: &str, _: usize, _: usize) {}

    fn advance(&self, count: usize) {
        let left = self.left.load(Ordering::Relaxed).saturating_sub(count);
        self.left.store(left, Ordering::Relaxed);
        if left == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn note(&self, _: &str) {}
}

/// The lines of a stage's log.
pub fn log(run: &Path, stage: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join(stage).join("log.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
