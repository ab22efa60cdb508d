//! A dataset folder, opened: its files read and joined by picture, everything checked.

use std::collections::{BTreeSet, HashMap};
use std::error::Error as _;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::check::{self, Line, Record};
use super::error::{BadLine, Error};
use super::record::{CaptionRecord, EntailmentRecord, ObjectsRecord, ReferringRecord, VqaRecord};
use super::split::{self, Splits};
use crate::input::{Limits, Picture, PictureError};
use crate::types::{Entailment, PixelBox, Size, Split, Tags};

pub(super) const IMAGES: &str = "images";
/// Region features that came with a corpus, in place of those that a detector would find.
pub const FEATURES: &str = "features.safetensors";
/// In the order in which bad lines are listed.
pub(super) const FILES: [&str; 6] = [
    split::FILE,
    ObjectsRecord::FILE,
    CaptionRecord::FILE,
    VqaRecord::FILE,
    EntailmentRecord::FILE,
    ReferringRecord::FILE,
];

/// What to do about lines that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBad {
    /// Open nothing and list them all.
    Stop,
    /// Leave them out and tell which they were.
    Skip,
}

/// A dataset, and the lines that were left out of it.
#[derive(Debug)]
pub struct Opened {
    pub dataset: Dataset,
    /// Empty with [`OnBad::Stop`].
    pub skipped: Vec<BadLine>,
}

/// The pictures of a dataset folder with all that is said about them, by rising name.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub root: PathBuf,
    pub pictures: Vec<Entry>,
}

/// One picture and what is said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Path under `images/`.
    pub name: String,
    /// Upright, from the picture's header.
    pub size: Size,
    pub split: Split,
    /// None where nobody labelled the picture's objects, which is not the same as a picture without any.
    pub objects: Option<Vec<LabelledObject>>,
    pub captions: Vec<String>,
    pub vqa: Vec<Question>,
    pub entailment: Vec<Hypothesis>,
    pub referring: Vec<Expression>,
}

/// An object that somebody labelled.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledObject {
    pub bbox: PixelBox,
    pub tags: Tags,
}

/// A question and its answers: one, or one per annotator; none only if it has an id, where its server alone knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub question: String,
    pub answers: Vec<String>,
    pub kind: Option<String>,
    pub question_type: Option<String>,
    pub id: Option<i64>,
}

/// A hypothesis about a picture and how it relates to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hypothesis {
    pub hypothesis: String,
    pub label: Entailment,
}

/// A referring expression and what it refers to; no box if that is nothing in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub expression: String,
    pub bbox: Option<PixelBox>,
    pub kind: Option<String>,
}

impl Dataset {
    /// Reads whichever files the folder has, joins them by picture and checks every line and every picture's header.
    pub fn open(folder: &Path, on_bad: OnBad) -> Result<Opened, Error> {
        if !folder.is_dir() {
            return Err(Error::NoFolder { folder: folder.to_owned() });
        }
        let mut bad = Vec::new();
        let files = Files::read(folder, &mut bad)?;
        let splits = Splits::open(folder, &mut bad)?;
        let pictures = files.join(folder, &splits, &mut bad);
        bad.sort_by_key(|line| (FILES.iter().position(|&file| file == line.file), line.line));
        if on_bad == OnBad::Stop && !bad.is_empty() {
            return Err(Error::BadLines { folder: folder.to_owned(), lines: bad });
        }
        if pictures.is_empty() {
            return Err(Error::NoRecords { folder: folder.to_owned() });
        }
        Ok(Opened { dataset: Self { root: folder.to_owned(), pictures }, skipped: bad })
    }

    /// blake3 over the record files: another digest is another dataset. The pictures themselves are not read.
    pub fn fingerprint(&self) -> Result<String, Error> {
        let mut hasher = blake3::Hasher::new();
        for name in FILES {
            let path = self.root.join(name);
            match File::open(&path) {
                Ok(file) => {
                    hasher.update(name.as_bytes());
                    hasher.update_reader(file).map_err(|source| Error::Read { path, source })?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(Error::Read { path, source }),
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Where a picture lies.
    pub fn path(&self, entry: &Entry) -> PathBuf {
        image_path(&self.root, &entry.name)
    }

    /// The pictures of one part.
    pub fn split(&self, split: Split) -> impl Iterator<Item = &Entry> {
        self.pictures.iter().filter(move |entry| entry.split == split)
    }
}

impl Entry {
    fn new(name: &str, size: Size, split: Split) -> Self {
        Self {
            name: name.to_owned(),
            size,
            split,
            objects: None,
            captions: Vec::new(),
            vqa: Vec::new(),
            entailment: Vec::new(),
            referring: Vec::new(),
        }
    }

    fn is_blank(&self) -> bool {
        self.objects.is_none()
            && self.captions.is_empty()
            && self.vqa.is_empty()
            && self.entailment.is_empty()
            && self.referring.is_empty()
    }
}

/// The usable lines of each file that is there.
struct Files {
    objects: Option<Vec<Line<ObjectsRecord>>>,
    captions: Option<Vec<Line<CaptionRecord>>>,
    vqa: Option<Vec<Line<VqaRecord>>>,
    entailment: Option<Vec<Line<EntailmentRecord>>>,
    referring: Option<Vec<Line<ReferringRecord>>>,
}

impl Files {
    fn read(folder: &Path, bad: &mut Vec<BadLine>) -> Result<Self, Error> {
        let files = Self {
            objects: check::read(folder, bad)?,
            captions: check::read(folder, bad)?,
            vqa: check::read(folder, bad)?,
            entailment: check::read(folder, bad)?,
            referring: check::read(folder, bad)?,
        };
        let none = files.objects.is_none()
            && files.captions.is_none()
            && files.vqa.is_none()
            && files.entailment.is_none()
            && files.referring.is_none();
        if none {
            return Err(Error::NoFiles { folder: folder.to_owned(), files: FILES[1..].join(", ") });
        }
        Ok(files)
    }

    fn images(&self) -> BTreeSet<&str> {
        let mut images = BTreeSet::new();
        images.extend(self.objects.iter().flatten().map(Line::image));
        images.extend(self.captions.iter().flatten().map(Line::image));
        images.extend(self.vqa.iter().flatten().map(Line::image));
        images.extend(self.entailment.iter().flatten().map(Line::image));
        images.extend(self.referring.iter().flatten().map(Line::image));
        images
    }

    fn join(self, folder: &Path, splits: &Splits, bad: &mut Vec<BadLine>) -> Vec<Entry> {
        let (mut entries, mut unusable) = (HashMap::new(), HashMap::new());
        for (name, size) in sizes(folder, self.images()) {
            match size {
                Ok(size) => {
                    if let Some(split) = splits.of(name, bad) {
                        entries.insert(name.to_owned(), Entry::new(name, size, split));
                    }
                }
                Err(error) => {
                    unusable.insert(name.to_owned(), explain(name, &error));
                }
            }
        }
        check::join(self.objects, &mut entries, &unusable, bad);
        check::join(self.captions, &mut entries, &unusable, bad);
        check::join(self.vqa, &mut entries, &unusable, bad);
        check::join(self.entailment, &mut entries, &unusable, bad);
        check::join(self.referring, &mut entries, &unusable, bad);
        let mut pictures: Vec<_> = entries.into_values().filter(|entry| !entry.is_blank()).collect();
        pictures.sort_by(|a, b| a.name.cmp(&b.name));
        pictures
    }
}

fn sizes<'a>(folder: &Path, images: BTreeSet<&'a str>) -> Vec<(&'a str, Result<Size, PictureError>)> {
    images
        .into_par_iter()
        .map(|name| (name, Picture::header_of(&image_path(folder, name), &Limits::default())))
        .collect()
}

fn image_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(IMAGES).join(name)
}

fn explain(name: &str, error: &PictureError) -> String {
    if let PictureError::Read(source) = error
        && source.kind() == ErrorKind::NotFound
    {
        return format!("there is no picture `{IMAGES}/{name}`");
    }
    match error.source() {
        Some(source) => format!("`{IMAGES}/{name}`: {error}: {source}"),
        None => format!("`{IMAGES}/{name}`: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::RgbImage;
    use tempfile::TempDir;

    use super::*;

    /// A dataset folder with the pictures `a.png` (20×10) and `sub/b.png` (10×20), and the files given.
    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join(IMAGES);
        fs::create_dir_all(images.join("sub")).unwrap();
        RgbImage::new(20, 10).save(images.join("a.png")).unwrap();
        RgbImage::new(10, 20).save(images.join("sub/b.png")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn bad_lines(files: &[(&str, &str)]) -> Vec<String> {
        let folder = folder(files);
        match Dataset::open(folder.path(), OnBad::Stop) {
            Err(Error::BadLines { lines, .. }) => lines.iter().map(BadLine::to_string).collect(),
            other => panic!("expected bad lines, got {other:?}"),
        }
    }

    const OBJECTS: &str = r#"{"image":"a.png","objects":[{"box":[1,2,3,4],"class":"circle","attributes":["red"]},{"box":[0,0,20,10],"class":"box"}]}"#;

    #[test]
    fn the_files_are_joined_by_picture() {
        let folder = folder(&[
            ("objects.jsonl", OBJECTS),
            (
                "captions.jsonl",
                "{\"image\":\"sub/b.png\",\"caption\":\"b\"}\n\n{\"image\":\"a.png\",\"caption\":\"a\"}\n",
            ),
            ("vqa.jsonl", r#"{"image":"a.png","question":"what?","answers":["red"],"kind":"attribute"}"#),
            ("entailment.jsonl", r#"{"image":"a.png","hypothesis":"h","label":"neutral"}"#),
            (
                "referring.jsonl",
                "{\"image\":\"a.png\",\"expression\":\"e\",\"box\":[1,2,3,4],\"kind\":\"testA\"}\n{\"image\":\"a.png\",\"expression\":\"n\"}",
            ),
            ("splits.json", r#"{"train":["a.png"],"test":["sub/b.png","unused.png"]}"#),
        ]);
        let Opened { dataset, skipped } = Dataset::open(folder.path(), OnBad::Stop).unwrap();
        assert!(skipped.is_empty());
        let [a, b] = &dataset.pictures[..] else { panic!("{:?}", dataset.pictures) };
        assert_eq!((a.size, b.size), (Size { width: 20, height: 10 }, Size { width: 10, height: 20 }));
        let objects = a.objects.as_ref().unwrap();
        assert_eq!(objects[0].bbox, PixelBox { x: 1.0, y: 2.0, width: 3.0, height: 4.0 });
        assert_eq!(objects[0].tags.attributes, ["red"]);
        assert_eq!((a.captions[0].as_str(), a.vqa[0].kind.as_deref()), ("a", Some("attribute")));
        assert_eq!(a.entailment[0].label, Entailment::Neutral);
        assert_eq!(a.referring.iter().map(|r| r.bbox.is_some()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(a.referring.iter().map(|r| r.kind.as_deref()).collect::<Vec<_>>(), [Some("testA"), None]);
        assert!(b.objects.is_none() && b.captions == ["b"]);
        assert_eq!(dataset.split(Split::Test).map(|e| e.name.as_str()).collect::<Vec<_>>(), ["sub/b.png"]);
        assert!(dataset.path(b).is_file());
    }

    #[test]
    fn every_bad_line_is_listed_with_file_line_and_reason() {
        let vqa = [
            r#"{"image":"a.png","question":"q","answers":["x"]}"#,
            r#"{"image":"a.png","question":"q","answers":[]}"#,
            r#"{"image":"a.png","question":" ","answers":["x"]}"#,
            r#"{"image":"a.png","question":"q"}"#,
            r#"{"image":"a.png","#,
            r#"{"image":"gone.png","question":"q","answers":["x"]}"#,
            r#"{"image":"../a.png","question":"q","answers":["x"]}"#,
            r#"{"image":"/etc/passwd","question":"q","answers":["x"]}"#,
            r#"{"image":"a.png","question":"q","id":7}"#,
        ]
        .join("\n");
        let referring = [
            r#"{"image":"a.png","expression":"e","box":[15,0,6,5]}"#,
            r#"{"image":"a.png","expression":"e","box":[1,1,0,5]}"#,
            r#"{"image":"a.png","expression":"e","box":[1,1,5]}"#,
        ]
        .join("\n");
        let entailment = r#"{"image":"a.png","hypothesis":"h","label":"maybe"}"#;
        let lines = bad_lines(&[
            ("referring.jsonl", &referring),
            ("objects.jsonl", &format!("{OBJECTS}\n{OBJECTS}")),
            ("entailment.jsonl", entailment),
            ("vqa.jsonl", &vqa),
        ]);
        let expected = [
            "objects.jsonl:2: the objects of `a.png` are listed a second time",
            "vqa.jsonl:2: the question has neither answers nor an id",
            "vqa.jsonl:3: the question is empty",
            "vqa.jsonl:4: the question has neither answers nor an id",
            "vqa.jsonl:5: EOF while parsing",
            "vqa.jsonl:6: there is no picture `images/gone.png`",
            "vqa.jsonl:7: `../a.png` is not a path under images/",
            "vqa.jsonl:8: `/etc/passwd` is not a path under images/",
            "entailment.jsonl:1: unknown variant `maybe`, expected one of",
            "referring.jsonl:1: the box [15, 0, 6, 5] lies outside the picture of 20×10 pixels",
            "referring.jsonl:2: the box [1, 1, 0, 5] has no extent in the picture of 20×10 pixels",
            "referring.jsonl:3: invalid length 3",
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.starts_with(expected), "{line}\n  should begin with\n{expected}");
        }
    }

    #[test]
    fn the_message_lists_all_of_them() {
        let folder = folder(&[("captions.jsonl", &"{}\n".repeat(40))]);
        let message = Dataset::open(folder.path(), OnBad::Stop).unwrap_err().to_string();
        assert!(message.contains("40 lines") && message.contains("--skip-bad"), "{message}");
        assert!(message.contains("captions.jsonl:1:") && message.contains("captions.jsonl:40:"));
    }

    #[test]
    fn skipped_lines_are_left_out_and_counted() {
        let lines = ["{}", r#"{"image":"a.png","caption":"good"}"#, r#"{"image":"sub/b.png","caption":""}"#];
        let folder = folder(&[("captions.jsonl", &lines.join("\n"))]);
        let Opened { dataset, skipped } = Dataset::open(folder.path(), OnBad::Skip).unwrap();
        assert_eq!(skipped.iter().map(|bad| bad.line).collect::<Vec<_>>(), [Some(1), Some(3)]);
        assert_eq!(dataset.pictures.len(), 1);
        assert_eq!(dataset.pictures[0].captions, ["good"]);
    }

    #[test]
    fn a_picture_in_two_splits_or_in_none_is_reported_and_never_used() {
        let captions = "{\"image\":\"a.png\",\"caption\":\"a\"}\n{\"image\":\"sub/b.png\",\"caption\":\"b\"}";
        let twice = [
            ("captions.jsonl", captions),
            ("splits.json", r#"{"train":["a.png","sub/b.png"],"val":["a.png"]}"#),
        ];
        assert_eq!(bad_lines(&twice), ["splits.json: `a.png` is listed in train and again in val"]);
        let none = [("captions.jsonl", captions), ("splits.json", r#"{"train":["a.png"]}"#)];
        assert_eq!(bad_lines(&none), ["splits.json: `sub/b.png` is in none of train, val and test"]);
        let skipped = Dataset::open(folder(&twice).path(), OnBad::Skip).unwrap();
        assert_eq!(
            skipped.dataset.pictures.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(),
            ["sub/b.png"]
        );
    }

    #[test]
    fn a_damaged_picture_makes_its_lines_bad() {
        let folder = folder(&[("captions.jsonl", r#"{"image":"c.png","caption":"c"}"#)]);
        fs::write(folder.path().join("images/c.png"), "no picture").unwrap();
        let message = Dataset::open(folder.path(), OnBad::Stop).unwrap_err().to_string();
        assert!(
            message.contains("captions.jsonl:1: `images/c.png`: this is not a supported picture"),
            "{message}"
        );
    }

    #[test]
    fn a_folder_that_is_none_is_told_in_one_sentence() {
        let empty = folder(&[]);
        let missing = empty.path().join("missing");
        let error = Dataset::open(&missing, OnBad::Stop).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no dataset folder `{}`", missing.display()));
        let error = Dataset::open(empty.path(), OnBad::Skip).unwrap_err();
        assert!(error.to_string().contains("holds none of objects.jsonl, captions.jsonl"), "{error}");
        let broken = folder(&[("captions.jsonl", ""), ("splits.json", r#"{"train":"a.png"}"#)]);
        assert!(matches!(Dataset::open(broken.path(), OnBad::Skip), Err(Error::Splits { .. })));
        let blank = folder(&[("captions.jsonl", "")]);
        assert!(matches!(Dataset::open(blank.path(), OnBad::Skip), Err(Error::NoRecords { .. })));
    }
}
