//! Flickr30k's captions, from Karpathy's split file or from the file as it was first published.

use std::path::{Path, PathBuf};

use super::draft::{Draft, Target};
use super::error::Error;
use super::source::{self, Meter};
use super::summary::Summary;
use super::text::{file_name, tidy};
use super::{json, karpathy};
use crate::data::CaptionRecord;
use crate::data::check::Record;
use crate::types::Split;

/// Flickr30k's captions in one of two files.
#[derive(Clone, Debug)]
pub struct Flickr30k {
    /// `dataset_flickr30k.json`, with splits.
    pub karpathy: Option<PathBuf>,
    /// `results_20130124.token`, without.
    pub token: Option<PathBuf>,
}

impl Flickr30k {
    pub fn import(&self, target: &Target, meter: Meter) -> Result<Summary, Error> {
        let mut draft = Draft::begin(target, &[CaptionRecord::FILE])?;
        if let Some(path) = &self.karpathy {
            json::elements(path, meter, &mut |image: karpathy::Image| listed(&mut draft, &image))?;
        }
        if let Some(path) = &self.token {
            source::lines(path, meter, |number, line| token(&mut draft, path, number, line))?;
        }
        draft.finish()
    }
}

fn listed(draft: &mut Draft, image: &karpathy::Image) -> Result<(), Error> {
    let name = file_name(&image.filename);
    image.sentences.iter().try_for_each(|sentence| caption(draft, name, image.split(), &sentence.raw))
}

/// A line such as `1000092795.jpg#0<TAB>Two young guys …`.
fn token(draft: &mut Draft, path: &Path, number: usize, line: &[u8]) -> Result<(), Error> {
    let wrong = |reason: &str| Error::Line { path: path.to_owned(), line: number, reason: reason.to_owned() };
    let line = str::from_utf8(line).map_err(|_| wrong("the text is not UTF-8"))?;
    let (name, text) = line.split_once('\t').ok_or_else(|| wrong("there is no tab before a caption"))?;
    let (image, _) = name.split_once('#').ok_or_else(|| wrong("there is no # behind a picture's name"))?;
    caption(draft, image.trim(), None, text)
}

fn caption(draft: &mut Draft, image: &str, split: Option<Split>, text: &str) -> Result<(), Error> {
    if draft.picture(image, split)?.is_none() {
        return Ok(());
    }
    draft.write(&CaptionRecord { image: image.to_owned(), caption: tidy(text) })
}
