//! A whole training: the stages of a recipe, one after the other, in one run folder.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

use super::arms;
use super::checkpoint::Checkpoints;
use super::course::Course;
use super::device::Place;
use super::error::Error;
use super::imported;
use super::lexicon::Lexicon;
use super::material::Material;
use super::objects;
use super::recipe::Recipe;
use super::record::{record, recorded};
use super::run::Observer;
use super::samples::Samples;
use super::start::Origin;
use super::statement::{DataStatement, same_origin, stated};
use crate::bundle::Temperatures;
use crate::data::{Dataset, FEATURES, OnBad};
use crate::model::{Cmal, Detector, Dims};
use crate::types::Split;

const RECIPE: &str = "recipe.toml";
const CALIBRATION: &str = "calibration.json";

/// What to train, on what, and where.
pub struct Options<'a> {
    pub recipe: &'a Recipe,
    /// The dataset folder.
    pub data: &'a Path,
    /// Whether the folder holds the world of the recipe.
    pub drawn: bool,
    /// What the weights start from.
    pub origin: Origin<'a>,
    /// What to do about records that cannot be used.
    pub on_bad: OnBad,
    /// The run folder.
    pub run: &'a Path,
    /// Continue a run folder that exists.
    pub resume: bool,
    pub place: Place,
    pub observer: &'a dyn Observer,
    /// Set from outside to stop at the next step with a resumable checkpoint.
    pub stop: &'a AtomicBool,
}

/// A finished training, as export takes it up.
pub struct Trained {
    pub recipe: Recipe,
    pub lexicon: Lexicon,
    pub data: DataStatement,
    pub detector: Detector,
    pub cmal: Cmal,
    pub temperatures: Temperatures,
}

/// Runs the stages that are not done yet, and tells what was trained on.
pub fn train(options: &Options) -> Result<DataStatement, Error> {
    let known = stated(options.run)?.filter(|_| options.resume);
    let recipe = &sized(options, known.as_ref())?;
    let options = &Options { recipe, ..*options };
    check(options, known.as_ref())?;
    let begun = begun(options)?;
    let device = options.place.device()?;
    let opened = Dataset::open(options.data, options.on_bad)?;
    for line in &opened.skipped {
        options.observer.note(&format!("left out {line}"));
    }
    let dataset = opened.dataset;
    let imported = imported::open(&dataset, &recipe.model)?;
    if !begun {
        begin(options)?;
    }
    let statement = DataStatement::of(&dataset, imported.as_ref(), options)?;
    match known {
        Some(known)
            if (&known.fingerprint, &known.features) != (&statement.fingerprint, &statement.features) =>
        {
            return Err(Error::OtherData { run: options.run.to_owned(), folder: known.folder });
        }
        Some(_) => {}
        None => statement.keep(options.run)?,
    }
    let lexicon = match Lexicon::open(options.run, recipe.model.max_tokens)? {
        Some(lexicon) => lexicon,
        None => {
            let detector = imported.is_none();
            let lexicon = match options.origin {
                Origin::Random => Lexicon::collect(&dataset, recipe, None, detector)?,
                Origin::Bundle(start) => start.lexicon.extended(&dataset, recipe)?,
                Origin::Text(text) => Lexicon::collect(&dataset, recipe, Some(&text.tokenizer), detector)?,
            };
            lexicon.save(options.run)?;
            lexicon
        }
    };

    let (store, vocabulary) = match imported {
        Some(store) => {
            options.observer.note(&format!(
                "{FEATURES} of the dataset stands in for a detector; it lacks {} of {} pictures",
                imported::missing(&store, &dataset),
                dataset.pictures.len()
            ));
            (store, lexicon.vocabulary().at_least_one())
        }
        None => {
            let found = objects::find(options, &dataset, &statement.fingerprint, (&lexicon, &device))?;
            (found, lexicon.vocabulary())
        }
    };
    let train = Samples::collect(&dataset, Split::Train, &store, &lexicon);
    let val = Samples::collect(&dataset, Split::Val, &store, &lexicon);
    let compared =
        recipe.arms.as_ref().map(|arms| (arms, Samples::collect(&dataset, Split::Test, &store, &lexicon)));
    drop(dataset);
    options.observer.note(&format!(
        "{} captions, {} questions, {} hypotheses, {} expressions to train on; {} records left out",
        train.captions.len(),
        train.vqa.len(),
        train.entailment.len(),
        train.grounding.len(),
        train.left_out
    ));
    let material = Material { lexicon, vocabulary, store, train, val, device };
    match &compared {
        Some((arms, test)) => arms::run(options, arms, &material, test)?,
        None => train_one(options, &material)?,
    }
    Ok(statement)
}

/// What can be told from the options alone, and from what a run that is continued was begun on.
fn check(options: &Options, known: Option<&DataStatement>) -> Result<(), Error> {
    let recipe = options.recipe;
    let (what, want) = match options.origin {
        Origin::Bundle(_) | Origin::Text(_) if recipe.arms.is_some() => (
            "`arms`, with weights to start from",
            "ways to pre-train are compared from random weights: leave --init and --init-text out",
        ),
        _ if recipe.arms.is_some() && imported::is_there(options.data) => (
            "`arms`, on a dataset that brings region features along",
            "its regions have no names, so that nothing can be associated; move features.safetensors away",
        ),
        Origin::Bundle(_) if imported::is_there(options.data) => (
            "a start from a bundle, on a dataset that brings region features along",
            "a bundle sees by its own detector; move features.safetensors away",
        ),
        Origin::Random | Origin::Text(_) if recipe.finetune.blends() => {
            ("`blend` in `finetune`", "only a training that starts from a bundle has two ends to blend")
        }
        Origin::Bundle(_) if recipe.finetune.blends() && recipe.detector.steps > 0 => (
            "`blend` in `finetune`, and steps in `detector`",
            "the bundle's weights know the bundle's detector only: leave one of the two out",
        ),
        // The grid changes no weight.
        Origin::Bundle(start)
            if (Dims { grid_below: recipe.model.grid_below, ..start.dims }) != recipe.model =>
        {
            (
                "a `[model]` of other sizes than the bundle's",
                "leave the recipe out, or state the sizes that the bundle was trained with",
            )
        }
        Origin::Random | Origin::Text(_)
            if recipe.detector.steps == 0 && !imported::is_there(options.data) =>
        {
            (
                "no steps in `detector`",
                "only a training that starts from a bundle, or whose dataset brings region features along, can leave them out",
            )
        }
        _ => return known.map_or(Ok(()), |known| same_origin(options, known)),
    };
    Err(Error::Recipe { what: what.to_owned(), want })
}

fn train_one(options: &Options, material: &Material) -> Result<(), Error> {
    let course = Course {
        recipe: options.recipe,
        material,
        origin: options.origin,
        folder: options.run,
        observer: options.observer,
        stop: options.stop,
    };
    let cmal = course.run()?;
    let path = options.run.join(CALIBRATION);
    if recorded::<Temperatures>(&path)?.is_some() {
        return Ok(());
    }
    record(&path, &course.temperatures(&cmal))
}

/// The weights of a run whose last stage is done, on the CPU.
pub fn open(run: &Path) -> Result<Trained, Error> {
    let recipe = Recipe::open(&run.join(RECIPE))?;
    let unfinished = || Error::Unfinished { run: run.to_owned() };
    let lexicon = Lexicon::open(run, recipe.model.max_tokens)?.ok_or_else(unfinished)?;
    let data = stated(run)?.ok_or_else(unfinished)?;
    if recipe.arms.is_some() {
        return Err(Error::Compared { run: run.to_owned() });
    }
    if data.features.is_some() {
        return Err(Error::NoDetector { run: run.to_owned() });
    }
    let device = Device::flex();
    let vocabulary = lexicon.vocabulary();
    let best = |stage: &str| Checkpoints::new(run.join(stage));
    let finished = |stage: &str, steps: usize| {
        best(stage)
            .state()
            .map(|state| state.is_some_and(|state| state.step >= steps && state.best.is_some()))
    };
    let detected = recipe.detector.steps == 0 || finished("detector", recipe.detector.steps)?;
    let left = Course::left(&recipe, run);
    if !detected || !finished("finetune", recipe.finetune.schedule.steps)? || !left.has_best()? {
        return Err(unfinished());
    }
    let detector = best("detector").load_best(Detector::new(&recipe.model, &vocabulary, &device))?;
    let cmal = left.load_best(Cmal::new(&recipe.model, &vocabulary, &device))?;
    let temperatures = recorded(&run.join(CALIBRATION))?.ok_or_else(unfinished)?;
    Ok(Trained { recipe, lexicon, data, detector, cmal, temperatures })
}

impl Recipe {
    /// The recipe that a run folder was begun with; none if it was not.
    pub fn of_run(run: &Path) -> Result<Option<Self>, Error> {
        let path = run.join(RECIPE);
        path.is_file().then(|| Self::open(&path)).transpose()
    }
}

/// The recipe with the sizes of the text encoder that the training starts from. A run that is continued knows them.
fn sized(options: &Options, known: Option<&DataStatement>) -> Result<Recipe, Error> {
    let mut recipe = options.recipe.clone();
    let bert = match options.origin {
        Origin::Text(text) => Some(text.dims()),
        Origin::Random if known.is_some_and(|known| known.text.is_some()) => {
            Recipe::of_run(options.run)?.and_then(|begun| begun.model.bert)
        }
        Origin::Bundle(_) => return Ok(recipe),
        Origin::Random => None,
    };
    if recipe.model.bert.is_some() && recipe.model.bert != bert {
        return Err(Error::Recipe {
            what: "a `[model.bert]` that is not the one it starts from".to_owned(),
            want: "leave it out, and give the folder of its weights with --init-text",
        });
    }
    recipe.model.bert = bert;
    Ok(recipe)
}

/// Whether there is the run folder already, which then must belong to the recipe.
fn begun(options: &Options) -> Result<bool, Error> {
    let run = || options.run.to_owned();
    match Recipe::of_run(options.run)? {
        None => Ok(false),
        Some(_) if !options.resume => Err(Error::RunExists { run: run() }),
        Some(begun) if begun != *options.recipe => Err(Error::OtherRecipe { run: run() }),
        Some(_) => Ok(true),
    }
}

/// Creates the run folder.
fn begin(options: &Options) -> Result<(), Error> {
    fs::create_dir_all(options.run).map_err(Error::file("create", options.run))?;
    let text = toml::to_string_pretty(options.recipe).expect("a recipe of numbers and names is always TOML");
    let path = options.run.join(RECIPE);
    fs::write(&path, text).map_err(Error::file("write", path))
}
