//! What a model is trained on and what its weights start from, as its run folder says it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoints;
use super::error::Error;
use super::imported;
use super::record::{record, recorded};
use super::start::Origin;
use super::training::Options;
use crate::data::{Dataset, ObjectStore};
use crate::types::Split;

const DATA: &str = "data.json";

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
    /// The region features that the folder brought along, in place of a detector's.
    #[serde(default)]
    pub features: Option<String>,
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

impl DataStatement {
    pub(super) fn of(
        dataset: &Dataset,
        imported: Option<&ObjectStore>,
        options: &Options,
    ) -> Result<Self, Error> {
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
            features: imported.map(imported::statement),
            text,
        })
    }

    /// Writes it into a run folder.
    pub(super) fn keep(&self, run: &Path) -> Result<(), Error> {
        record(&run.join(DATA), self)
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

/// What a run was begun on; none if it was not.
pub fn stated(run: &Path) -> Result<Option<DataStatement>, Error> {
    recorded(&run.join(DATA))
}

/// Holds what a training starts from against what its run was begun from. The checkpoint of a text encoder is not needed again once the
/// model has been trained with it.
pub fn same_origin(options: &Options, known: &DataStatement) -> Result<(), Error> {
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
    let stage = if options.recipe.pretrain.runs() { "pretrain" } else { "finetune" };
    Ok(Checkpoints::new(options.run.join(stage)).state()?.is_some())
}
