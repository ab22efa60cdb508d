//! A whole training: the stages of a recipe, one after the other, in one run folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::module::Module;
use burn::tensor::Device;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoints;
use super::device::Place;
use super::error::Error;
use super::lexicon::Lexicon;
use super::material::Material;
use super::recipe::Recipe;
use super::run::{Context, Observer, run};
use super::samples::Samples;
use super::stage::{DetectorStage, FinetuneStage, Labelled, PretrainStage, StoreShape, compute};
use super::start::Origin;
use crate::bundle::Temperatures;
use crate::data::{Dataset, OnBad};
use crate::model::{Cmal, Detector};
use crate::types::Split;

const RECIPE: &str = "recipe.toml";
const DATA: &str = "data.json";
const CALIBRATION: &str = "calibration.json";
const OBJECTS: &str = "objects.safetensors";

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

/// What a model was trained on; kept beside the weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataStatement {
    /// Name of the dataset folder.
    pub folder: String,
    /// Whether it holds the world of the recipe.
    pub drawn: bool,
    /// Digest of its records.
    pub fingerprint: String,
    /// Pictures of each part.
    pub train: usize,
    pub val: usize,
    pub test: usize,
    /// The bundle that the training started from.
    #[serde(default)]
    pub start: Option<StartStatement>,
    /// The checkpoint that its text encoder started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<StartStatement>,
}

/// A bundle or a checkpoint by name and by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartStatement {
    /// Name and version of a bundle, name of a checkpoint's folder.
    pub name: String,
    /// Digest of a bundle's manifest, of a checkpoint's files.
    pub fingerprint: String,
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

/// Runs the stages that are not done yet.
pub fn train(options: &Options) -> Result<(), Error> {
    let known = stated(options.run)?.filter(|_| options.resume);
    let recipe = &sized(options, known.as_ref())?;
    let options = &Options { recipe, ..*options };
    check(options, known.as_ref())?;
    prepare(options)?;
    let device = options.place.device()?;
    let opened = Dataset::open(options.data, options.on_bad)?;
    for line in &opened.skipped {
        options.observer.note(&format!("left out {line}"));
    }
    let dataset = opened.dataset;
    let statement = DataStatement::of(&dataset, options)?;
    match known {
        Some(known) if known.fingerprint != statement.fingerprint => {
            return Err(Error::OtherData { run: options.run.to_owned(), folder: known.folder });
        }
        Some(_) => {}
        None => write_json(&options.run.join(DATA), &statement)?,
    }
    let lexicon = match Lexicon::open(options.run, recipe.model.max_tokens)? {
        Some(lexicon) => lexicon,
        None => {
            let lexicon = match options.origin {
                Origin::Random => Lexicon::collect(&dataset, recipe, None)?,
                Origin::Bundle(start) => start.lexicon.extended(&dataset, recipe)?,
                Origin::Text(text) => Lexicon::collect(&dataset, recipe, Some(&text.tokenizer))?,
            };
            lexicon.save(options.run)?;
            lexicon
        }
    };

    let detector = train_detector(options, &dataset, &lexicon, &device)?;
    let weights = Checkpoints::new(options.run.join("detector")).best_digest()?;
    let shape = StoreShape {
        path: &options.run.join(OBJECTS),
        origin: &format!("detector {weights}, dataset {}", statement.fingerprint),
        side: recipe.model.side,
        features: recipe.model.features,
        attributes: lexicon.words.attributes.len(),
        device: &device,
    };
    let store = compute(&detector, &dataset, &shape, (options.observer, options.stop))?;
    let train = Samples::collect(&dataset, Split::Train, &store, &lexicon);
    let val = Samples::collect(&dataset, Split::Val, &store, &lexicon);
    drop(dataset);
    options.observer.note(&format!(
        "{} captions, {} questions, {} hypotheses, {} expressions to train on; {} records left out",
        train.captions.len(),
        train.vqa.len(),
        train.entailment.len(),
        train.grounding.len(),
        train.left_out
    ));
    train_cmal(options, &Material { seed: recipe.seed, lexicon, store, train, val, device })
}

/// The weights of a run whose last stage is done, on the CPU.
pub fn open(run: &Path) -> Result<Trained, Error> {
    let recipe = Recipe::open(&run.join(RECIPE))?;
    let unfinished = || Error::Unfinished { run: run.to_owned() };
    let lexicon = Lexicon::open(run, recipe.model.max_tokens)?.ok_or_else(unfinished)?;
    let data = stated(run)?.ok_or_else(unfinished)?;
    let device = Device::flex();
    let vocabulary = lexicon.vocabulary();
    let best = |stage: &str| Checkpoints::new(run.join(stage));
    let finished = |stage: &str, steps: usize| {
        best(stage)
            .state()
            .map(|state| state.is_some_and(|state| state.step >= steps && state.best.is_some()))
    };
    let detected = recipe.detector.steps == 0 || finished("detector", recipe.detector.steps)?;
    if !detected || !finished("finetune", recipe.finetune.schedule.steps)? {
        return Err(unfinished());
    }
    let detector = best("detector").load_best(Detector::new(&recipe.model, &vocabulary, &device))?;
    let cmal = best("finetune").load_best(Cmal::new(&recipe.model, &vocabulary, &device))?;
    let temperatures = recorded(&run.join(CALIBRATION))?.ok_or_else(unfinished)?;
    Ok(Trained { recipe, lexicon, data, detector, cmal, temperatures })
}

/// What a run was begun on; none if it was not.
fn stated(run: &Path) -> Result<Option<DataStatement>, Error> {
    recorded(&run.join(DATA))
}

/// What [`write_json`] wrote; none if it did not.
fn recorded<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let damaged = |source: serde_json::Error| Error::Record { path: path.to_owned(), source: source.into() };
    serde_json::from_str(&text).map(Some).map_err(damaged)
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

/// What can be told from the options alone, and from what a run that is continued was begun on.
fn check(options: &Options, known: Option<&DataStatement>) -> Result<(), Error> {
    let recipe = options.recipe;
    match options.origin {
        Origin::Bundle(start) if start.dims != recipe.model => Err(Error::Recipe {
            what: "a `[model]` of other sizes than the bundle's".to_owned(),
            want: "leave the recipe out, or state the sizes that the bundle was trained with",
        }),
        Origin::Random | Origin::Text(_) if recipe.detector.steps == 0 => Err(Error::Recipe {
            what: "no steps in `detector`".to_owned(),
            want: "only a training that starts from a bundle can leave them out",
        }),
        _ => known.map_or(Ok(()), |known| same_origin(options, known)),
    }
}

/// Holds what a training starts from against what its run was begun from. The checkpoint of a text encoder is not needed again once the
/// model has been trained with it.
fn same_origin(options: &Options, known: &DataStatement) -> Result<(), Error> {
    let run = || options.run.to_owned();
    let named = |start: &Option<StartStatement>| {
        start.as_ref().map_or_else(|| "none".to_owned(), |start| format!("`{}`", start.name))
    };
    let (start, text) = options.origin.statements();
    if known.start != start {
        return Err(Error::OtherStart { run: run(), former: named(&known.start) });
    }
    match (&known.text, text) {
        (known, Some(text)) if known.as_ref() != Some(&text) => {
            Err(Error::OtherText { run: run(), former: named(known) })
        }
        (Some(known), None) if !taken_over(options)? => {
            Err(Error::TextMissing { run: run(), name: known.name.clone() })
        }
        _ => Ok(()),
    }
}

/// Whether a run has weights of the association model.
fn taken_over(options: &Options) -> Result<bool, Error> {
    let stage = if options.recipe.pretrain.schedule.steps > 0 { "pretrain" } else { "finetune" };
    Ok(Checkpoints::new(options.run.join(stage)).state()?.is_some())
}

/// Creates the run folder, or checks that an old one belongs to the recipe.
fn prepare(options: &Options) -> Result<(), Error> {
    if let Some(begun) = Recipe::of_run(options.run)? {
        if !options.resume {
            return Err(Error::RunExists { run: options.run.to_owned() });
        }
        let same = begun == *options.recipe;
        return same.then_some(()).ok_or_else(|| Error::OtherRecipe { run: options.run.to_owned() });
    }
    fs::create_dir_all(options.run).map_err(Error::file("create", options.run))?;
    let text = toml::to_string_pretty(options.recipe).expect("a recipe of numbers and names is always TOML");
    let path = options.run.join(RECIPE);
    fs::write(&path, text).map_err(Error::file("write", path))
}

fn train_detector(
    options: &Options,
    dataset: &Dataset,
    lexicon: &Lexicon,
    device: &Device,
) -> Result<Detector, Error> {
    let recipe = options.recipe;
    let folder = options.run.join("detector");
    device.seed(recipe.seed);
    let fresh = Detector::new(&recipe.model, &lexicon.vocabulary(), &device.clone().autodiff()).materialize();
    let fresh = match options.origin {
        Origin::Bundle(start) => start.detector(fresh, lexicon)?,
        Origin::Random | Origin::Text(_) => fresh,
    };
    if recipe.detector.steps == 0 {
        let detector = fresh.valid();
        Checkpoints::new(folder).save_best(&detector)?;
        return Ok(detector);
    }
    let train = Labelled::collect(dataset, Split::Train, lexicon);
    let val = Labelled::collect(dataset, Split::Val, lexicon);
    for (labelled, split) in [(&train, Split::Train), (&val, Split::Val)] {
        if labelled.is_empty() {
            return Err(Error::Missing { what: "labelled objects", split: split.name(), stage: "detector" });
        }
    }
    let stage = DetectorStage {
        schedule: recipe.detector,
        seed: recipe.seed,
        dims: &recipe.model,
        lexicon,
        train: &train,
        val: &val,
        device: device.clone(),
    };
    Ok(run(&stage, fresh, &context(options, &folder))?.valid())
}

fn train_cmal(options: &Options, material: &Material) -> Result<(), Error> {
    let recipe = options.recipe;
    material.device.seed(recipe.seed);
    let device = material.device.clone().autodiff();
    let fresh = Cmal::new(&recipe.model, &material.lexicon.vocabulary(), &device).materialize();
    let mut cmal = match options.origin {
        Origin::Random => fresh,
        Origin::Bundle(start) => start.cmal(fresh, &material.lexicon)?,
        Origin::Text(text) => text.cmal(fresh)?,
    };
    if recipe.pretrain.schedule.steps > 0 {
        for (samples, split) in [(&material.train, Split::Train), (&material.val, Split::Val)] {
            if samples.captions.is_empty() {
                return Err(Error::Missing { what: "captions", split: split.name(), stage: "pretrain" });
            }
        }
        let stage = PretrainStage { recipe: recipe.pretrain, material };
        cmal = run(&stage, cmal, &context(options, &options.run.join("pretrain")))?;
    }
    let association = recipe.pretrain.association;
    let stage = FinetuneStage { recipe: recipe.finetune, association, material };
    for (samples, split) in [(&material.train, Split::Train), (&material.val, Split::Val)] {
        if !stage.can_use(samples) {
            let what = "records that the recipe's tasks can use";
            return Err(Error::Missing { what, split: split.name(), stage: "finetune" });
        }
    }
    let best = run(&stage, cmal, &context(options, &options.run.join("finetune")))?.valid();
    write_json(&options.run.join(CALIBRATION), &stage.temperatures(&best))
}

fn context<'a>(options: &'a Options, folder: &'a Path) -> Context<'a> {
    Context { folder, observer: options.observer, stop: options.stop }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).expect("numbers and names are always JSON");
    fs::write(path, text).map_err(Error::file("write", PathBuf::from(path)))
}

impl DataStatement {
    fn of(dataset: &Dataset, options: &Options) -> Result<Self, Error> {
        let count = |split| dataset.split(split).count();
        let folder = dataset.root.file_name().unwrap_or(dataset.root.as_os_str());
        let (start, text) = options.origin.statements();
        Ok(Self {
            folder: folder.to_string_lossy().into_owned(),
            drawn: options.drawn,
            fingerprint: dataset.fingerprint()?,
            train: count(Split::Train),
            val: count(Split::Val),
            test: count(Split::Test),
            start,
            text,
        })
    }
}

impl Origin<'_> {
    /// The bundle and the checkpoint to be recorded.
    fn statements(self) -> (Option<StartStatement>, Option<StartStatement>) {
        let of = |name: &str, fingerprint: &str| {
            Some(StartStatement { name: name.to_owned(), fingerprint: fingerprint.to_owned() })
        };
        match self {
            Self::Random => (None, None),
            Self::Bundle(start) => (of(&start.name, &start.fingerprint), None),
            Self::Text(text) => (None, of(&text.name, &text.fingerprint)),
        }
    }
}
