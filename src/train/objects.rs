//! The detector's part of a training: its own stage, and its one look at every picture.

use burn::module::Module;
use burn::tensor::Device;

use super::checkpoint::Checkpoints;
use super::error::Error;
use super::lexicon::Lexicon;
use super::run::{Context, run};
use super::stage::{DetectorStage, Labelled, StoreShape, compute};
use super::start::Origin;
use super::training::Options;
use crate::data::{Dataset, ObjectStore};
use crate::model::Detector;
use crate::types::Split;

const OBJECTS: &str = "objects.safetensors";

/// The objects that a detector finds in the dataset, once it is trained. `fingerprint` is the dataset's.
pub fn find(
    options: &Options,
    dataset: &Dataset,
    fingerprint: &str,
    (lexicon, device): (&Lexicon, &Device),
) -> Result<ObjectStore, Error> {
    let detector = detector(options, dataset, lexicon, device)?;
    let weights = Checkpoints::new(options.run.join("detector")).best_digest()?;
    let shape = StoreShape {
        path: &options.run.join(OBJECTS),
        origin: &format!("detector {weights}, dataset {fingerprint}"),
        side: options.recipe.model.side,
        features: options.recipe.model.features,
        attributes: lexicon.words.attributes.len(),
        device,
    };
    compute(&detector, dataset, &shape, (options.observer, options.stop))
}

fn detector(
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
        let (checkpoints, detector) = (Checkpoints::new(folder), fresh.valid());
        if checkpoints.has_best()? {
            return checkpoints.load_best(detector);
        }
        checkpoints.save_best(&detector)?;
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
    let context = Context { folder: &folder, observer: options.observer, stop: options.stop };
    Ok(run(&stage, fresh, &context)?.valid())
}
