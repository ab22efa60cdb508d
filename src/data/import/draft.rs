//! A dataset folder in the making: records, their pictures and splits, and what was left out.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::aside::Aside;
use super::error::Error;
use super::pictures::{Found, Pictures};
use super::splits::Splits;
use super::summary::{Skipped, Summary, counted};
use crate::data::check::Record;
use crate::data::folder::{FILES, IMAGES};
use crate::data::record::ObjectsRecord;
use crate::data::split;
use crate::types::{PixelBox, Size, Split};

/// Where an import goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// A new or empty folder, or a dataset folder without the files that will be written.
    pub out: PathBuf,
    /// Folders with the pictures; those that `out` has already need not be found in them.
    pub images: Vec<PathBuf>,
    /// Whether a picture that `out/splits.json` lists stays in its part when the corpus says another.
    pub keep_splits: bool,
}

/// A dataset folder in the making.
pub(super) struct Draft {
    // Dropped first, so that the files are closed before their folder is deleted.
    lines: BTreeMap<&'static str, Lines>,
    aside: Aside,
    pictures: Pictures,
    splits: Splits,
    keep_splits: bool,
    objects: usize,
    labelled: HashSet<String>,
    skipped: Skipped,
}

impl Draft {
    /// Begins a folder to which `files` may be written, or an addition of them to one that is there.
    pub(super) fn begin(target: &Target, files: &[&'static str]) -> Result<Self, Error> {
        let aside = Aside::open(&target.out, files)?;
        let there = aside.out().join(IMAGES);
        let pictures = Pictures::new(&target.images, there, aside.folder().join(IMAGES))?;
        Ok(Self {
            lines: BTreeMap::new(),
            aside,
            pictures,
            splits: Splits::default(),
            keep_splits: target.keep_splits,
            objects: 0,
            labelled: HashSet::new(),
            skipped: Skipped::default(),
        })
    }

    /// The upright size of a picture that a record names, which is put into the folder and into a part if one
    /// is told; none, and the record counted as skipped, if it cannot be used.
    pub(super) fn picture(&mut self, image: &str, split: Option<Split>) -> Result<Option<Size>, Error> {
        match self.pictures.get(image)? {
            Found::Placed(size) => {
                split.map_or(Ok(()), |split| self.splits.put(image, split))?;
                return Ok(Some(size));
            }
            Found::Missing => self.skip("no picture"),
            Found::Damaged => self.skip("damaged picture"),
        }
        Ok(None)
    }

    /// Counts something that is left out.
    pub(super) fn skip(&mut self, reason: &str) {
        self.skipped.count(reason);
    }

    /// Counts many.
    pub(super) fn skip_all(&mut self, reason: &str, count: usize) {
        self.skipped.add(reason, count);
    }

    /// A box `x, y, width, height` of a picture that is `size` and was `annotated` when the box was drawn;
    /// none, and counted, if it cannot be used.
    pub(super) fn place(&mut self, bbox: [f64; 4], annotated: Size, size: Size) -> Option<[f32; 4]> {
        let [x, y, width, height] = bbox.map(|value| value as f32);
        if width <= 0.0 || height <= 0.0 {
            self.skip("boxes without extent");
        } else if annotated != size {
            self.skip("boxes of a picture that has another size than when it was annotated");
        } else if !(PixelBox { x, y, width, height }).fits(size) {
            self.skip("boxes outside their picture");
        } else {
            return Some([x, y, width, height]);
        }
        None
    }

    /// Writes a record, whose picture must be in place, unless it holds a blank text.
    pub(super) fn write<T: Record + Serialize>(&mut self, record: &T) -> Result<(), Error> {
        if let Err(reason) = record.check() {
            self.skip(&reason);
            return Ok(());
        }
        if !self.lines.contains_key(T::FILE) {
            self.lines.insert(T::FILE, Lines::create(&self.aside.folder().join(T::FILE))?);
        }
        match self.lines.get_mut(T::FILE) {
            Some(lines) => lines.push(record),
            None => Ok(()),
        }
    }

    /// Writes the objects of a picture, once.
    pub(super) fn write_objects(&mut self, record: &ObjectsRecord) -> Result<(), Error> {
        if !self.labelled.insert(record.image.clone()) {
            self.skip("pictures whose objects were listed before");
            return Ok(());
        }
        self.objects += record.objects.len();
        self.write(record)
    }

    /// Puts the folder in place, unless half of its pictures are missing or nothing was written.
    pub(super) fn finish(self) -> Result<Summary, Error> {
        let Self { lines, aside, pictures, splits, keep_splits, objects, skipped, .. } = self;
        pictures.check()?;
        if lines.is_empty() {
            return Err(Error::Nothing { skipped: skipped.to_string() });
        }
        let (mut files, mut written) = (Vec::new(), Vec::new());
        for (file, lines) in lines {
            let what = counted(lines.finish()?, "line");
            let what = if file == ObjectsRecord::FILE {
                format!("{what} with {}", counted(objects, "object"))
            } else {
                what
            };
            written.push((file, what));
            files.push(file);
        }
        written.sort_by_key(|(file, _)| FILES.iter().position(|known| known == file));
        let placed: Vec<&str> = pictures.placed().collect();
        written.push((IMAGES, counted(placed.len(), "picture")));
        if let Some(listed) = splits.merge(aside.out(), &placed, keep_splits)? {
            let path = aside.folder().join(split::FILE);
            let text =
                serde_json::to_vec(&listed).map_err(|source| Error::Splits { path: path.clone(), source })?;
            fs::write(&path, text).map_err(Error::write(&path))?;
            let counts = Split::ALL.map(|split| format!("{} {split}", listed.of(split).len()));
            written.push((split::FILE, counts.join(", ")));
            files.push(split::FILE);
        }
        aside.put_in_place(&files)?;
        Ok(Summary { written, skipped })
    }
}

/// A JSON-lines file being written.
struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
    count: usize,
}

impl Lines {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::write(path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), count: 0 })
    }

    fn push(&mut self, record: &impl Serialize) -> Result<(), Error> {
        let written = serde_json::to_writer(&mut self.file, record).map_err(Into::into);
        written.and_then(|()| self.file.write_all(b"\n")).map_err(Error::write(&self.path))?;
        self.count += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<usize, Error> {
        self.file.flush().map_err(Error::write(&self.path))?;
        Ok(self.count)
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use tempfile::TempDir;

    use super::*;
    use crate::data::{CaptionRecord, Dataset, OnBad, VqaRecord};

    const SIZE: Size = Size { width: 4, height: 3 };

    fn folder() -> (TempDir, Target) {
        let root = tempfile::tempdir().unwrap();
        let images = root.path().join("pictures");
        fs::create_dir(&images).unwrap();
        RgbImage::new(4, 3).save(images.join("a.png")).unwrap();
        let target = Target { out: root.path().join("out"), images: vec![images], keep_splits: false };
        (root, target)
    }

    fn caption(text: &str) -> CaptionRecord {
        CaptionRecord { image: "a.png".to_owned(), caption: text.to_owned() }
    }

    #[test]
    fn what_is_written_opens_without_a_bad_line() {
        let (_root, target) = folder();
        let mut draft = Draft::begin(&target, &["captions.jsonl"]).unwrap();
        assert_eq!(draft.picture("a.png", None).unwrap(), Some(SIZE));
        draft.write(&caption("a picture")).unwrap();
        draft.write(&caption("")).unwrap();
        let summary = draft.finish().unwrap();
        assert_eq!(summary.skipped.of("the caption is empty"), 1);
        assert_eq!(
            summary.written,
            [("captions.jsonl", "1 line".to_owned()), ("images", "1 picture".to_owned())]
        );
        let opened = Dataset::open(&target.out, OnBad::Stop).unwrap();
        assert_eq!(opened.dataset.pictures[0].captions, ["a picture"]);
    }

    #[test]
    fn a_second_corpus_joins_the_first_and_its_pictures() {
        let (_root, mut target) = folder();
        let mut draft = Draft::begin(&target, &["captions.jsonl"]).unwrap();
        draft.picture("a.png", None).unwrap();
        draft.write(&caption("a picture")).unwrap();
        draft.finish().unwrap();
        target.images.clear();
        let mut draft = Draft::begin(&target, &["vqa.jsonl"]).unwrap();
        draft.picture("a.png", Some(Split::Test)).unwrap();
        let [image, question, answer] = ["a.png", "q", "a"].map(str::to_owned);
        let answers = vec![answer];
        draft
            .write(&VqaRecord { image, question, answers, kind: None, question_type: None, id: None })
            .unwrap();
        draft.finish().unwrap();
        let opened = Dataset::open(&target.out, OnBad::Stop).unwrap();
        let picture = &opened.dataset.pictures[0];
        assert_eq!((picture.captions.len(), picture.vqa.len(), picture.split), (1, 1, Split::Test));
        assert!(matches!(Draft::begin(&target, &["vqa.jsonl"]), Err(Error::Exists { .. })));
    }

    #[test]
    fn an_import_without_pictures_or_records_leaves_nothing() {
        let (root, target) = folder();
        let mut draft = Draft::begin(&target, &["captions.jsonl"]).unwrap();
        assert_eq!(draft.picture("b.png", Some(Split::Val)).unwrap(), None);
        assert!(matches!(draft.finish(), Err(Error::Pictures { count: 1, wanted: 1, .. })));
        let mut draft = Draft::begin(&target, &["captions.jsonl"]).unwrap();
        draft.write(&caption(" ")).unwrap();
        let message = draft.finish().unwrap_err().to_string();
        assert!(message.ends_with("skipped were\n  the caption is empty: 1"), "{message}");
        let names: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["pictures"]);
    }

    #[test]
    fn boxes_that_do_not_fit_are_counted_by_fault() {
        let (_root, target) = folder();
        let mut draft = Draft::begin(&target, &[]).unwrap();
        assert_eq!(draft.place([1.0, 1.0, 3.02, 2.0], SIZE, SIZE), Some([1.0, 1.0, 3.02, 2.0]));
        assert_eq!(draft.place([1.0, 1.0, 4.0, 2.0], SIZE, SIZE), None);
        assert_eq!(draft.place([1.0, 1.0, 1e300, 2.0], SIZE, SIZE), None);
        assert_eq!(draft.place([1.0, 1.0, 1.0, 0.0], SIZE, SIZE), None);
        assert_eq!(draft.place([1.0, 1.0, 1.0, 1.0], Size { width: 8, height: 6 }, SIZE), None);
        assert_eq!(draft.skipped.of("boxes outside their picture"), 2);
        assert_eq!(draft.skipped.of("boxes without extent"), 1);
    }
}
