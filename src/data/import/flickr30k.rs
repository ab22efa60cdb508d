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

#[cfg(test)]
mod tests {
    use super::super::testing::Corpus;
    use super::*;

    fn corpus() -> Corpus {
        Corpus::new(&[("flickr30k-images/1000092795.jpg", 5, 4), ("flickr30k-images/10002456.jpg", 5, 4)])
    }

    #[test]
    fn captions_and_parts_come_from_the_split_file() {
        let corpus = corpus();
        let text = r#"{"images":[
            {"sentids":[0,1],"imgid":0,"filename":"1000092795.jpg","split":"test",
             "sentences":[{"tokens":["two"],"raw":"Two young guys ","imgid":0,"sentid":0},{"raw":"Two men","sentid":1}]},
            {"filename":"10002456.jpg","split":"train","sentences":[{"raw":"Workers"}]},
            {"filename":"1.jpg","split":"val","sentences":[{"raw":"gone"}]}],"dataset":"flickr30k"}"#;
        let files = Flickr30k { karpathy: Some(corpus.file("dataset.json", text)), token: None };
        let summary = files.import(&corpus.target(), &|_| {}).unwrap();
        assert_eq!(summary.skipped.of("no picture"), 1);
        let [first, second] = &corpus.entries()[..] else { panic!() };
        assert_eq!(
            (first.split, &first.captions[..]),
            (Split::Test, &["Two young guys", "Two men"].map(str::to_owned)[..])
        );
        assert_eq!((second.split, second.captions[0].as_str()), (Split::Train, "Workers"));
    }

    #[test]
    fn the_older_file_has_captions_only() {
        let corpus = corpus();
        let text =
            "1000092795.jpg#0\tTwo young guys .\n1000092795.jpg#1\tTwo men .\n10002456.jpg#0\tWorkers .";
        let files = Flickr30k { karpathy: None, token: Some(corpus.file("captions.json", text)) };
        let summary = files.import(&corpus.target(), &|_| {}).unwrap();
        assert_eq!(
            summary.written.iter().map(|(file, _)| *file).collect::<Vec<_>>(),
            ["captions.jsonl", "images"]
        );
        assert_eq!(corpus.entries()[0].captions, ["Two young guys .", "Two men ."]);
    }

    #[test]
    fn a_line_that_is_no_caption_is_told_with_its_number() {
        let corpus = corpus();
        for wrong in ["10002456.jpg Workers", "10002456.jpg\tWorkers"] {
            let file = corpus.file("captions.json", format!("1000092795.jpg#0\tTwo\n{wrong}\n"));
            let files = Flickr30k { karpathy: None, token: Some(file) };
            let error = files.import(&corpus.target(), &|_| {}).unwrap_err();
            assert!(matches!(error, Error::Line { line: 2, .. }), "{error}");
            assert!(corpus.is_untouched());
        }
    }
}
