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

#[cfg(test)]
mod tests {
    use super::super::testing::Corpus;
    use super::*;
    use crate::types::Entailment;

    #[test]
    fn every_spelling_of_the_picture_is_known_and_odd_pairs_are_counted() {
        let corpus = Corpus::new(&[("1.jpg", 5, 4), ("2.jpg", 5, 4)]);
        let train = [
            r#"{"Flickr30K_ID":"1","gold_label":"entailment","pairID":"1.jpg#2r1c","sentence1":"s","sentence2":" a  b "}"#,
            r#"{"Flikr30kID":"1.jpg","gold_label":"neutral","sentence2":"c"}"#,
            r#"{"Flikr30kID":"1","gold_label":"contradiction","sentence2":"d"}"#,
            r#"{"Flickr30kID":"1","gold_label":"neutral","sentence2":"e"}"#,
            r#"{"Flickr30K_ID":"1","gold_label":"-","sentence2":"f"}"#,
            r#"{"Flickr30K_ID":"1","gold_label":"neutral","pairID":"vg_len61r5c","sentence2":"g"}"#,
            r#"{"captionID":"1.jpg#4","gold_label":"neutral","sentence2":"h"}"#,
        ];
        let dev = r#"{"Flickr30K_ID":"2","gold_label":"neutral","sentence2":"i"}"#;
        let files = SnliVe {
            train: Some(corpus.file("train.jsonl", train.join("\r\n"))),
            dev: Some(corpus.file("dev.jsonl", dev)),
            test: None,
        };
        let summary = files.import(&corpus.target(), &|_| {}).unwrap();
        let reasons = [
            "pairs of Visual Genome's captions",
            "pairs without a label that most annotators gave",
            "pairs that name no picture",
        ];
        assert_eq!(reasons.map(|reason| summary.skipped.of(reason)), [1; 3]);
        let [first, second] = &corpus.entries()[..] else { panic!() };
        assert_eq!((first.split, second.split), (Split::Train, Split::Val));
        let said: Vec<_> = first.entailment.iter().map(|pair| pair.hypothesis.as_str()).collect();
        assert_eq!(said, ["a b", "c", "d", "e"]);
        assert_eq!(first.entailment[2].label, Entailment::Contradiction);
    }

    #[test]
    fn a_line_of_something_else_is_told_with_its_place() {
        let corpus = Corpus::new(&[]);
        let files =
            SnliVe { train: None, dev: None, test: Some(corpus.file("test.jsonl", "\n{\"gold_label\":4}")) };
        let message = files.import(&corpus.target(), &|_| {}).unwrap_err().to_string();
        assert!(
            message.contains(":2: invalid type: integer `4`") && message.contains("(column 15)"),
            "{message}"
        );
        assert!(corpus.is_untouched());
    }
}
