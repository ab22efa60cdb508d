//! `cmal train`: all stages of a recipe.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::data::{Dataset, OnBad};
use crate::train::{self, Goal, Observer, Origin, Place, Recipe, Start, TextStart, Tuning};
use crate::world;

use super::exit::Failure;
use super::output::print;
use super::progress::Progress;

/// How often a fine-tuning goes through the dataset.
const EPOCHS: usize = 10;

/// Train a model by a recipe: detector, objects, associative pre-training, fine-tuning of the four tasks; or fine-tune a bundle.
///
/// With --init and without a recipe, a bundle is fine-tuned on the dataset of --data: its detector too where the dataset has labelled
/// objects, its answers replaced by the dataset's, its words added to.
///
/// A recipe with `[arms]`, as `models/recipes/arms.toml`, trains no single model: it compares ways to pre-train at shares of the corpus, and
/// leaves a table and a plot.
///
/// With --init-text, the text encoder of the recipe's model starts from a published checkpoint of the BERT family (bert, roberta, xlm-roberta,
/// distilbert), whose tokenizer and sizes it takes over, and learns on at a small share of the rate. The run and its bundle need the folder
/// no more.
///
/// A dataset folder with features.safetensors, as `cmal import bottom-up` writes it, brings its regions along: there is no detector stage,
/// and `features` of the recipe's [model] must be their width. What such a run learns is told by its log alone: without the detector that
/// computed the features it cannot be exported.
///
/// Ctrl-C leaves a checkpoint; --resume continues from it. The run folder holds the recipe, and of each stage the weights, a log and its
/// curves.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// The recipe, as in `models/recipes/shapes.toml`
    #[arg(required_unless_present = "init")]
    recipe: Option<PathBuf>,
    /// Start from this bundle, as in `models/shapes`, instead of random weights
    #[arg(long, value_name = "DIR")]
    init: Option<PathBuf>,
    /// Start the text encoder from this folder with config.json, model.safetensors and tokenizer.json
    #[arg(long, value_name = "DIR", requires = "recipe", conflicts_with = "init")]
    init_text: Option<PathBuf>,
    /// What to fine-tune for, without a recipe: vqa, entailment, grounding, retrieval or all that the dataset has records of [default: all]
    #[arg(long, value_name = "TASK", conflicts_with = "recipe", requires = "init")]
    task: Option<Goal>,
    /// How often to go through the dataset, without a recipe [default: 10]
    #[arg(long, value_name = "COUNT", conflicts_with = "recipe", requires = "init")]
    epochs: Option<NonZeroUsize>,
    /// Look at pictures in which the detector finds fewer objects than this by a grid of regions as well, without a recipe; for pictures
    /// that it was not made for, such as photographs [default: as the bundle does]
    #[arg(long, value_name = "COUNT", conflicts_with = "recipe", requires = "init")]
    grid_below: Option<usize>,
    /// The dataset folder; else the world of the recipe is drawn into the run folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The run folder [default: runs/NAME, by the name of the recipe, or of the dataset folder without one]
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
    let start = args.init.as_deref().map(Start::open).transpose()?;
    let (recipe, run) = plan(args, start.as_ref())?;
    let max_tokens = recipe.model.max_tokens;
    let text = args.init_text.as_deref().map(|folder| TextStart::open(folder, max_tokens)).transpose()?;
    let origin = match (&start, &text) {
        (Some(start), _) => Origin::Bundle(start),
        (None, Some(text)) => Origin::Text(text),
        (None, None) => Origin::Random,
    };
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
    let trained_on = train::train(&train::Options {
        recipe: &recipe,
        data: &data,
        drawn: args.data.is_none(),
        origin,
        on_bad: args.on_bad(),
        run: &run,
        resume: args.resume,
        place: args.device,
        observer: &Watch::default(),
        stop: &stop,
    })?;
    let run = run.display();
    print(&match trained_on.features {
        _ if recipe.arms.is_some() => format!("{run}: arms.md, arms.csv and arms.svg hold the comparison\n"),
        None => {
            format!("{run}: trained; `cmal export {run} --out models/{}` makes a bundle of it\n", recipe.name)
        }
        Some(features) => format!("{run}: trained on {features}; figures are in {run}/finetune/log.jsonl\n"),
    })
}

/// The recipe and the run folder.
fn plan(args: &TrainArgs, start: Option<&Start>) -> Result<(Recipe, PathBuf), Failure> {
    let in_runs = |name: &str| args.out.clone().unwrap_or_else(|| Path::new("runs").join(name));
    if let Some(path) = &args.recipe {
        let recipe = Recipe::open(path)?;
        let run = in_runs(&recipe.name);
        return Ok((recipe, run));
    }
    let (Some(start), Some(data)) = (start, &args.data) else {
        return Err(Failure::usage(
            "a fine-tuning without a recipe needs its dataset folder: give it with --data",
        ));
    };
    let named = |folder: &Path| folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let run = in_runs(&named(data).unwrap_or_else(|| "tuned".to_owned()));
    let workers = match Recipe::of_run(&run)?.filter(|_| args.resume) {
        Some(begun) if !args.tunes() => return Ok((begun, run)),
        // That of another machine must not make it another recipe.
        Some(begun) => begun.finetune.schedule.workers,
        None => match args.device {
            Place::Cpu => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            Place::Vulkan | Place::Cuda => 1,
        },
    };
    let tuning = Tuning {
        name: named(&run).unwrap_or_else(|| "tuned".to_owned()),
        goal: args.task.unwrap_or(Goal::All),
        epochs: args.epochs.map_or(EPOCHS, NonZeroUsize::get),
        grid_below: args.grid_below,
        workers,
    };
    let dataset = Dataset::open(data, args.on_bad())?.dataset;
    Ok((tuning.recipe(start, &dataset)?, run))
}

impl TrainArgs {
    /// Whether it says how to fine-tune, which a run that is continued knows by itself.
    fn tunes(&self) -> bool {
        self.task.is_some() || self.epochs.is_some() || self.grid_below.is_some()
    }

    fn on_bad(&self) -> OnBad {
        if self.skip_bad { OnBad::Skip } else { OnBad::Stop }
    }
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
