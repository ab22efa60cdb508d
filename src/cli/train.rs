//! `cmal train`: all stages of a recipe.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::data::OnBad;
use crate::train::{self, Observer, Place, Recipe};
use crate::world;

use super::exit::Failure;
use super::output::print;
use super::progress::Progress;

/// Train a model by a recipe: detector, objects, associative pre-training, fine-tuning of the four tasks.
///
/// Ctrl-C leaves a checkpoint; --resume continues from it. The run folder holds the recipe, the weights and a log of each stage.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// The recipe, as in `models/recipes/shapes.toml`
    recipe: PathBuf,
    /// The dataset folder; else the world of the recipe is drawn into the run folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The run folder [default: runs/NAME, by the recipe's name]
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// What to train on: cpu, vulkan or cuda
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: Place,
    /// Continue a run that was stopped
    #[arg(long)]
    resume: bool,
    /// Leave out lines of the dataset that cannot be used
    #[arg(long)]
    skip_bad: bool,
}

/// Trains, and says where the run is.
pub fn run(args: &TrainArgs) -> Result<(), Failure> {
    let recipe = Recipe::open(&args.recipe)?;
    let run = args.out.clone().unwrap_or_else(|| Path::new("runs").join(&recipe.name));
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second one ends the process at once: the first may come while a long picture import can't look.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    let data = match &args.data {
        Some(data) => data.clone(),
        None => corpus(&recipe, &run)?,
    };
    train::train(&train::Options {
        recipe: &recipe,
        data: &data,
        drawn: args.data.is_none(),
        on_bad: if args.skip_bad { OnBad::Skip } else { OnBad::Stop },
        run: &run,
        resume: args.resume,
        place: args.device,
        observer: &Watch::default(),
        stop: &stop,
    })?;
    print(&format!(
        "{}: trained; `cmal export {0} --out models/{}` makes a bundle of it\n",
        run.display(),
        recipe.name
    ))
}

/// The world of the recipe in the run folder, drawn unless it is there.
fn corpus(recipe: &Recipe, run: &Path) -> Result<PathBuf, Failure> {
    let Some(corpus) = recipe.world else {
        return Err(Failure::usage(
            "the recipe has no [world], so the dataset folder must be given with --data",
        ));
    };
    let folder = run.join("world");
    if folder.is_dir() {
        return Ok(folder);
    }
    let aside = run.join("world.new");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(run)?,
    }
    let progress = Progress::new("drawing", corpus.scenes as u64, "scenes");
    let options = world::Options { scenes: corpus.scenes, seed: corpus.seed, held_out: false };
    world::write(&aside, &options, &|_| progress.advance(1))?;
    progress.finish();
    fs::rename(&aside, &folder)?;
    Ok(folder)
}

/// Shows each stage as a progress of its own.
#[derive(Default)]
struct Watch(Mutex<Option<Progress>>);

impl Watch {
    fn with(&self, act: impl FnOnce(&mut Option<Progress>)) {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Observer for Watch {
    fn stage(&self, name: &str, from: usize, steps: usize) {
        self.with(|shown| {
            if let Some(former) = shown.take() {
                former.finish();
            }
            let unit = if name == "objects" { "pictures" } else { "steps" };
            *shown = Some(Progress::resumed(name, from as u64, steps as u64, unit));
        });
    }

    fn advance(&self, count: usize) {
        self.with(|shown| {
            if let Some(progress) = shown {
                progress.advance(count as u64);
            }
        });
    }

    fn note(&self, text: &str) {
        self.with(|shown| match shown {
            Some(progress) => progress.note(text),
            None => super::output::complain(text),
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.with(|shown| {
            if let Some(last) = shown.take() {
                last.finish();
            }
        });
    }
}
