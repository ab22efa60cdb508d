//! What is exported: a finished run, or a bundle, which carries the weights it was made from.

use std::path::Path;

use super::error::Error;
use crate::bundle::{Temperatures, names};
use crate::model::{Cmal, Detector, Dims};
use crate::train::{self, ATTRIBUTE_THRESHOLD, Lexicon, PADDING, Start, Trained};

/// A model with everything that its bundle says of it.
pub struct Source {
    pub name: String,
    /// Of the bundle that is written, where none is asked for.
    pub version: String,
    pub dims: Dims,
    pub lexicon: Lexicon,
    pub detector: Detector,
    pub cmal: Cmal,
    pub temperatures: Temperatures,
    pub attribute_threshold: f32,
    pub padding: [u8; 3],
    pub training_data: String,
}

impl Source {
    /// Opens a run folder, or a bundle folder.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        if folder.join(names::MANIFEST).is_file() {
            return Ok(Self::of_bundle(Start::open(folder)?)?);
        }
        Ok(Self::of_run(train::open(folder)?))
    }

    fn of_run(trained: Trained) -> Self {
        let training_data = statement_of_data(&trained);
        let Trained { recipe, lexicon, detector, cmal, temperatures, .. } = trained;
        Self {
            name: recipe.name,
            version: "1".to_owned(),
            dims: recipe.model,
            lexicon,
            detector,
            cmal,
            temperatures,
            attribute_threshold: ATTRIBUTE_THRESHOLD,
            padding: PADDING,
            training_data,
        }
    }

    fn of_bundle(start: Start) -> Result<Self, train::Error> {
        let (detector, cmal) = start.model()?;
        let Start { manifest, dims, lexicon, .. } = start;
        Ok(Self {
            name: manifest.name,
            version: manifest.version,
            dims,
            lexicon,
            detector,
            cmal,
            temperatures: manifest.temperatures,
            attribute_threshold: manifest.attribute_threshold,
            padding: manifest.preprocessing.padding,
            training_data: manifest.training_data,
        })
    }
}

fn statement_of_data(trained: &Trained) -> String {
    let data = statement_of_pictures(trained);
    match &trained.data.text {
        Some(text) => format!(
            "{data} Its text encoder started from the checkpoint `{}`, whose training data and licence concern this model too.",
            text.name
        ),
        None => data,
    }
}

fn statement_of_pictures(trained: &Trained) -> String {
    let data = &trained.data;
    let start = data
        .start
        .as_ref()
        .map_or_else(String::new, |start| format!("Fine-tuned from the bundle `{}` on ", start.name));
    let counts = format!("{start}{} pictures to train on, {} to validate", data.train, data.val);
    match trained.recipe.world.filter(|_| data.drawn) {
        Some(world) => format!(
            "{counts}: scenes drawn by `cmal world` with seed {} (no photograph, no person, no third party's data).",
            world.seed
        ),
        None => format!("{counts}, from the dataset folder `{}`.", data.folder),
    }
}
