//! The five kinds of line: what makes one unusable, and where it goes in a picture's entry.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Component, Path};

use serde::de::DeserializeOwned;

use super::error::{BadLine, Error};
use super::folder::{Entry, Expression, Hypothesis, LabelledObject, Question};
use super::record::{CaptionRecord, EntailmentRecord, ObjectsRecord, ReferringRecord, VqaRecord};
use crate::types::PixelBox;

/// A line of one of the JSON-lines files.
pub(super) trait Record: DeserializeOwned {
    const FILE: &'static str;

    fn image(&self) -> &str;

    /// Why the line is unusable whatever its picture.
    fn check(&self) -> Result<(), String>;

    /// Puts the line into the entry of its picture, or says why it does not fit there.
    fn join(self, entry: &mut Entry) -> Result<(), String>;
}

/// A usable line and its number.
pub(super) struct Line<T> {
    number: usize,
    record: T,
}

impl<T: Record> Line<T> {
    pub(super) fn image(&self) -> &str {
        self.record.image()
    }
}

/// Reads a file line by line, or nothing if the folder has no such file.
pub(super) fn read<T: Record>(folder: &Path, bad: &mut Vec<BadLine>) -> Result<Option<Vec<Line<T>>>, Error> {
    let path = folder.join(T::FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path, source }),
    };
    let mut lines = Vec::new();
    for (n, text) in BufReader::new(file).split(b'\n').enumerate() {
        let text = text.map_err(|source| Error::Read { path: path.clone(), source })?;
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse::<T>(&text) {
            Ok(record) => lines.push(Line { number: n + 1, record }),
            Err(reason) => bad.push(BadLine { file: T::FILE, line: Some(n + 1), reason }),
        }
    }
    Ok(Some(lines))
}

/// Puts lines into the entries of their pictures. A picture without an entry is one of `unusable`, with its reason, or one
/// that has already been reported.
pub(super) fn join<T: Record>(
    lines: Option<Vec<Line<T>>>,
    entries: &mut HashMap<String, Entry>,
    unusable: &HashMap<String, String>,
    bad: &mut Vec<BadLine>,
) {
    for Line { number, record } in lines.into_iter().flatten() {
        let joined = match entries.get_mut(record.image()) {
            Some(entry) => record.join(entry),
            None => unusable.get(record.image()).cloned().map_or(Ok(()), Err),
        };
        if let Err(reason) = joined {
            bad.push(BadLine { file: T::FILE, line: Some(number), reason });
        }
    }
}

fn parse<T: Record>(text: &[u8]) -> Result<T, String> {
    let record: T = serde_json::from_slice(text).map_err(|error| reason(&error))?;
    path_inside(record.image())?;
    record.check()?;
    Ok(record)
}

/// What is wrong with the JSON of a line, by its column.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    format!("{said} (column {})", error.column())
}

fn path_inside(image: &str) -> Result<(), String> {
    let mut parts = Path::new(image).components().peekable();
    if parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_))) {
        Ok(())
    } else {
        Err(format!("`{image}` is not a path under images/"))
    }
}

fn not_blank(field: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err(format!("the {field} is empty")) } else { Ok(()) }
}

fn placed([x, y, width, height]: [f32; 4], entry: &Entry) -> Result<PixelBox, String> {
    let bbox = PixelBox { x, y, width, height };
    if bbox.fits(entry.size) {
        return Ok(bbox);
    }
    let fault = if width > 0.0 && height > 0.0 {
        "lies outside the picture of"
    } else {
        "has no extent in the picture of"
    };
    let (picture_width, picture_height) = (entry.size.width, entry.size.height);
    Err(format!("the box [{x}, {y}, {width}, {height}] {fault} {picture_width}×{picture_height} pixels"))
}

impl Record for ObjectsRecord {
    const FILE: &'static str = "objects.jsonl";

    fn image(&self) -> &str {
        &self.image
    }

    fn check(&self) -> Result<(), String> {
        for object in &self.objects {
            not_blank("class of an object", &object.tags.class)?;
            object.tags.attributes.iter().try_for_each(|word| not_blank("attribute of an object", word))?;
        }
        Ok(())
    }

    fn join(self, entry: &mut Entry) -> Result<(), String> {
        if entry.objects.is_some() {
            return Err(format!("the objects of `{}` are listed a second time", self.image));
        }
        let labelled = self
            .objects
            .into_iter()
            .map(|object| Ok(LabelledObject { bbox: placed(object.bbox, entry)?, tags: object.tags }))
            .collect::<Result<_, String>>()?;
        entry.objects = Some(labelled);
        Ok(())
    }
}

impl Record for CaptionRecord {
    const FILE: &'static str = "captions.jsonl";

    fn image(&self) -> &str {
        &self.image
    }

    fn check(&self) -> Result<(), String> {
        not_blank("caption", &self.caption)
    }

    fn join(self, entry: &mut Entry) -> Result<(), String> {
        entry.captions.push(self.caption);
        Ok(())
    }
}

impl Record for VqaRecord {
    const FILE: &'static str = "vqa.jsonl";

    fn image(&self) -> &str {
        &self.image
    }

    fn check(&self) -> Result<(), String> {
        not_blank("question", &self.question)?;
        if self.answers.is_empty() && self.id.is_none() {
            return Err("the question has neither answers nor an id by which a server knows them".to_owned());
        }
        self.answers.iter().try_for_each(|answer| not_blank("answer", answer))
    }

    fn join(self, entry: &mut Entry) -> Result<(), String> {
        let Self { image: _, question, answers, kind, question_type, id } = self;
        entry.vqa.push(Question { question, answers, kind, question_type, id });
        Ok(())
    }
}

impl Record for EntailmentRecord {
    const FILE: &'static str = "entailment.jsonl";

    fn image(&self) -> &str {
        &self.image
    }

    fn check(&self) -> Result<(), String> {
        not_blank("hypothesis", &self.hypothesis)
    }

    fn join(self, entry: &mut Entry) -> Result<(), String> {
        entry.entailment.push(Hypothesis { hypothesis: self.hypothesis, label: self.label });
        Ok(())
    }
}

impl Record for ReferringRecord {
    const FILE: &'static str = "referring.jsonl";

    fn image(&self) -> &str {
        &self.image
    }

    fn check(&self) -> Result<(), String> {
        not_blank("expression", &self.expression)
    }

    fn join(self, entry: &mut Entry) -> Result<(), String> {
        let bbox = self.bbox.map(|bbox| placed(bbox, entry)).transpose()?;
        entry.referring.push(Expression { expression: self.expression, bbox, kind: self.kind });
        Ok(())
    }
}
