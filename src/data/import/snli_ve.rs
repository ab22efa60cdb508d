//! SNLI-VE: hypotheses about pictures of Flickr30k.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::draft::{Draft, Target};
use super::error::Error;
use super::source::{self, Meter};
use super::summary::Summary;
use super::text::{file_name, tidy};
use crate::data::EntailmentRecord;
use crate::data::check::{Record, reason};
use crate::types::Split;

/// SNLI-VE's files, one for each part.
#[derive(Clone, Debug)]
pub struct SnliVe {
    pub train: Option<PathBuf>,
    pub dev: Option<PathBuf>,
    pub test: Option<PathBuf>,
}

/// The picture's id has had three spellings, with and without `.jpg`.
#[derive(Debug, Deserialize)]
struct Pair {
    #[serde(rename = "Flickr30K_ID")]
    id: Option<String>,
    #[serde(rename = "Flikr30kID")]
    id_of_2018: Option<String>,
    #[serde(rename = "Flickr30kID")]
    id_of_tables: Option<String>,
    #[serde(rename = "pairID", default)]
    pair: String,
    gold_label: String,
    #[serde(rename = "sentence2")]
    hypothesis: String,
}

impl Pair {
    fn image(&self) -> Option<String> {
        let spellings = [&self.id, &self.id_of_2018, &self.id_of_tables];
        let id = file_name(spellings.into_iter().flatten().next()?.trim());
        let id = id.strip_suffix(".jpg").unwrap_or(id);
        (!id.is_empty()).then(|| format!("{id}.jpg"))
    }
}

impl SnliVe {
    pub fn import(&self, target: &Target, meter: Meter) -> Result<Summary, Error> {
        let mut draft = Draft::begin(target, &[EntailmentRecord::FILE])?;
        for (path, split) in [(&self.train, Split::Train), (&self.dev, Split::Val), (&self.test, Split::Test)]
        {
            let Some(path) = path else { continue };
            source::lines(path, meter, |number, line| pair(&mut draft, path, split, number, line))?;
        }
        draft.finish()
    }
}

fn pair(draft: &mut Draft, path: &Path, split: Split, number: usize, line: &[u8]) -> Result<(), Error> {
    let pair: Pair = serde_json::from_slice(line).map_err(|error| Error::Line {
        path: path.to_owned(),
        line: number,
        reason: reason(&error),
    })?;
    if pair.pair.contains("vg_") {
        draft.skip("pairs of Visual Genome's captions");
        return Ok(());
    }
    let Ok(label) = pair.gold_label.parse() else {
        draft.skip("pairs without a label that most annotators gave");
        return Ok(());
    };
    let Some(image) = pair.image() else {
        draft.skip("pairs that name no picture");
        return Ok(());
    };
    if draft.picture(&image, Some(split))?.is_none() {
        return Ok(());
    }
    draft.write(&EntailmentRecord { image, hypothesis: tidy(&pair.hypothesis), label })
}
