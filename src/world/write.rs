//! Scenes into a dataset folder: pictures, JSON lines and splits, in parallel and yet the same bytes every time.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use rayon::prelude::*;
use serde::Serialize;

use crate::data::{CaptionRecord, EntailmentRecord, ObjectRecord, ObjectsRecord, ReferringRecord, VqaRecord};
use crate::types::{PixelBox, Split};

use super::captions::captions;
use super::dice::{Purpose, dice};
use super::error::Error;
use super::expressions::expressions;
use super::hypotheses::hypotheses;
use super::paint::paint;
use super::part::Part;
use super::questions::questions;
use super::scene::{Figure, Scene};

/// What world to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub scenes: usize,
    pub seed: u64,
    /// Scenes and phrasings of the part that training never sees.
    pub held_out: bool,
}

/// What a written world holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub scenes: usize,
    pub objects: usize,
    pub captions: usize,
    pub questions: usize,
    pub hypotheses: usize,
    pub expressions: usize,
    /// Of all pictures together.
    pub picture_bytes: u64,
}

/// Writes a dataset folder into a new or an empty folder. `progress` is told how many scenes are done, from several
/// threads. The bytes depend on the options only.
///
/// # Errors
/// If the folder holds anything already, or can't be written.
pub fn write(folder: &Path, options: &Options, progress: &(dyn Fn(usize) + Sync)) -> Result<Summary, Error> {
    const CHUNK: usize = 256;
    prepare(folder)?;
    let part = if options.held_out { Part::HeldOut } else { Part::Normal };
    let mut files = Files::create(folder)?;
    let mut summary = Summary::default();
    let done = AtomicUsize::new(0);
    for start in (0..options.scenes).step_by(CHUNK) {
        let end = (start + CHUNK).min(options.scenes);
        let records: Vec<Result<Records, Error>> = (start..end)
            .into_par_iter()
            .map(|index| {
                let records = Records::write_picture(folder, &Scene::new(options.seed, index as u64, part))?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                Ok(records)
            })
            .collect();
        for records in records {
            files.append(&records?, &mut summary)?;
        }
    }
    files.finish()?;
    Ok(summary)
}

fn prepare(folder: &Path) -> Result<(), Error> {
    let images = folder.join("images");
    if folder.exists() {
        let mut entries = fs::read_dir(folder).map_err(Error::write(folder))?;
        if entries.next().is_some() {
            return Err(Error::NotEmpty { path: folder.to_owned() });
        }
    }
    fs::create_dir_all(&images).map_err(Error::write(&images))
}

/// Everything that is recorded of one scene.
struct Records {
    split: Split,
    picture_bytes: u64,
    objects: ObjectsRecord,
    captions: Vec<CaptionRecord>,
    questions: Vec<VqaRecord>,
    hypotheses: Vec<EntailmentRecord>,
    expressions: Vec<ReferringRecord>,
}

impl Records {
    /// Paints and stores the scene's picture, and collects its records.
    fn write_picture(folder: &Path, scene: &Scene) -> Result<Self, Error> {
        let extension = if scene.wear.jpeg.is_some() { "jpg" } else { "png" };
        let image = format!("{:06}.{extension}", scene.index);
        let path = folder.join("images").join(&image);
        let bytes = picture(scene).map_err(|source| Error::Encode { path: path.clone(), source })?;
        fs::write(&path, &bytes).map_err(Error::write(&path))?;
        Ok(Self::of(scene, image, bytes.len() as u64))
    }

    fn of(scene: &Scene, image: String, picture_bytes: u64) -> Self {
        let name = || image.clone();
        Self {
            split: split(scene),
            picture_bytes,
            captions: captions(scene)
                .into_iter()
                .map(|caption| CaptionRecord { image: name(), caption: caption.text })
                .collect(),
            questions: questions(scene)
                .into_iter()
                .map(|question| VqaRecord {
                    image: name(),
                    question: question.text,
                    answers: vec![question.answer],
                    kind: Some(question.kind.name().to_owned()),
                    question_type: None,
                    id: None,
                })
                .collect(),
            hypotheses: hypotheses(scene)
                .into_iter()
                .map(|hypothesis| EntailmentRecord {
                    image: name(),
                    label: hypothesis.claim.label(),
                    hypothesis: hypothesis.text,
                })
                .collect(),
            expressions: expressions(scene)
                .into_iter()
                .map(|expression| ReferringRecord {
                    image: name(),
                    expression: expression.text,
                    bbox: expression.figure.map(|figure| corners(&scene.figures[figure].bbox())),
                    kind: None,
                })
                .collect(),
            objects: objects_record(scene, image),
        }
    }
}

/// The line of `objects.jsonl` for a scene.
pub fn objects_record(scene: &Scene, image: String) -> ObjectsRecord {
    let record = |figure: &Figure| ObjectRecord { bbox: corners(&figure.bbox()), tags: figure.kind.tags() };
    ObjectsRecord { image, objects: scene.figures.iter().map(record).collect() }
}

/// `[x, y, width, height]`, to a hundredth of a pixel.
fn corners(bbox: &PixelBox) -> [f32; 4] {
    [bbox.x, bbox.y, bbox.width, bbox.height].map(|value| (value * 100.0).round() / 100.0)
}

/// The picture of a scene as it is stored: worn, and as JPEG or PNG.
fn picture(scene: &Scene) -> Result<Vec<u8>, image::ImageError> {
    let mut wearing = dice(scene.seed, scene.index, scene.part, Purpose::Wear);
    let picture = scene.wear.apply(paint(scene), &mut wearing);
    let mut bytes = Vec::new();
    encode(&picture, scene.wear.jpeg, &mut bytes)?;
    Ok(bytes)
}

fn encode(picture: &RgbImage, jpeg: Option<u8>, bytes: &mut Vec<u8>) -> Result<(), image::ImageError> {
    let (width, height) = picture.dimensions();
    let colour = ExtendedColorType::Rgb8;
    match jpeg {
        Some(quality) => {
            JpegEncoder::new_with_quality(bytes, quality).write_image(picture, width, height, colour)
        }
        None => PngEncoder::new_with_quality(bytes, CompressionType::Fast, FilterType::Adaptive)
            .write_image(picture, width, height, colour),
    }
}

/// 80/10/10 by a hash of the index, so that a scene's split doesn't depend on how many there are. The held-out part is there
/// to be tested on.
fn split(scene: &Scene) -> Split {
    if scene.part == Part::HeldOut {
        return Split::Test;
    }
    let hash = blake3::hash(&scene.index.to_le_bytes());
    match hash.as_bytes()[0] % 10 {
        8 => Split::Val,
        9 => Split::Test,
        _ => Split::Train,
    }
}

/// The open record files, and the splits that are written at the end.
struct Files {
    objects: Lines,
    captions: Lines,
    questions: Lines,
    hypotheses: Lines,
    expressions: Lines,
    splits: PathBuf,
    images: Splits,
}

#[derive(Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
struct Splits {
    train: Vec<String>,
    val: Vec<String>,
    test: Vec<String>,
}

impl Files {
    fn create(folder: &Path) -> Result<Self, Error> {
        let lines = |name: &str| Lines::create(folder.join(name));
        Ok(Self {
            objects: lines("objects.jsonl")?,
            captions: lines("captions.jsonl")?,
            questions: lines("vqa.jsonl")?,
            hypotheses: lines("entailment.jsonl")?,
            expressions: lines("referring.jsonl")?,
            splits: folder.join("splits.json"),
            images: Splits::default(),
        })
    }

    fn append(&mut self, records: &Records, summary: &mut Summary) -> Result<(), Error> {
        self.objects.push(&records.objects)?;
        records.captions.iter().try_for_each(|record| self.captions.push(record))?;
        records.questions.iter().try_for_each(|record| self.questions.push(record))?;
        records.hypotheses.iter().try_for_each(|record| self.hypotheses.push(record))?;
        records.expressions.iter().try_for_each(|record| self.expressions.push(record))?;
        let images = match records.split {
            Split::Train => &mut self.images.train,
            Split::Val => &mut self.images.val,
            Split::Test => &mut self.images.test,
        };
        images.push(records.objects.image.clone());
        summary.scenes += 1;
        summary.objects += records.objects.objects.len();
        summary.captions += records.captions.len();
        summary.questions += records.questions.len();
        summary.hypotheses += records.hypotheses.len();
        summary.expressions += records.expressions.len();
        summary.picture_bytes += records.picture_bytes;
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        for lines in [self.objects, self.captions, self.questions, self.hypotheses, self.expressions] {
            lines.finish()?;
        }
        let path = self.splits;
        let text = serde_json::to_string(&self.images)
            .map_err(|source| Error::Line { path: path.clone(), source })?;
        fs::write(&path, text + "\n").map_err(Error::write(&path))
    }
}

/// A JSON-lines file being written.
struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Lines {
    fn create(path: PathBuf) -> Result<Self, Error> {
        let file = File::create(&path).map_err(Error::write(&path))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn push(&mut self, record: &impl Serialize) -> Result<(), Error> {
        let mut line =
            serde_json::to_vec(record).map_err(|source| Error::Line { path: self.path.clone(), source })?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(Error::write(&self.path))
    }

    fn finish(mut self) -> Result<(), Error> {
        self.file.flush().map_err(Error::write(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every file below a folder by its relative path.
    fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    fn world(scenes: usize, seed: u64, threads: usize) -> BTreeMap<PathBuf, Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { scenes, seed, held_out: false };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| write(folder.path(), &options, &|_| {})).unwrap();
        contents(folder.path())
    }

    #[test]
    fn a_seed_gives_the_same_bytes_with_any_number_of_threads() {
        let once = world(24, 5, 1);
        assert_eq!(once.len(), 24 + 6);
        assert!(once == world(24, 5, 3));
        assert!(once != world(24, 6, 3));
    }

    #[test]
    fn a_scene_does_not_depend_on_how_many_there_are() {
        let (few, many) = (world(7, 5, 2), world(260, 5, 2));
        for (path, bytes) in few.iter().filter(|(path, _)| !path.ends_with("splits.json")) {
            assert!(many[path].starts_with(bytes), "{}", path.display());
        }
    }

    #[test]
    fn every_scene_is_in_one_split_in_the_shares_promised() {
        let files = world(300, 5, 2);
        let splits: BTreeMap<String, Vec<String>> =
            serde_json::from_slice(&files[Path::new("splits.json")]).unwrap();
        let mut all: Vec<&String> = splits.values().flatten().collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 300);
        assert!((220..260).contains(&splits["train"].len()));
        assert!((15..50).contains(&splits["val"].len()) && (15..50).contains(&splits["test"].len()));
        let pictures: usize =
            files.iter().filter(|(path, _)| path.starts_with("images")).map(|(_, bytes)| bytes.len()).sum();
        assert!(pictures / 300 <= 15_000, "{} bytes a picture", pictures / 300);
    }

    #[test]
    fn lines_name_pictures_that_exist_with_boxes_inside() {
        let files = world(40, 8, 2);
        let text = String::from_utf8(files[Path::new("objects.jsonl")].clone()).unwrap();
        for line in text.lines() {
            let record: ObjectsRecord = serde_json::from_str(line).unwrap();
            let picture = image::load_from_memory(&files[&Path::new("images").join(&record.image)]).unwrap();
            let size = crate::types::Size { width: picture.width(), height: picture.height() };
            for object in &record.objects {
                let [x, y, width, height] = object.bbox;
                assert!(PixelBox { x, y, width, height }.fits(size), "{line}");
            }
        }
        for name in ["captions.jsonl", "vqa.jsonl", "entailment.jsonl", "referring.jsonl"] {
            let text = String::from_utf8(files[Path::new(name)].clone()).unwrap();
            for line in text.lines() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                let image = Path::new("images").join(record["image"].as_str().unwrap());
                assert!(files.contains_key(&image), "{name}: {line}");
            }
        }
    }

    #[test]
    fn a_folder_that_holds_anything_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let options = Options { scenes: 1, seed: 1, held_out: false };
        let error = write(folder.path(), &options, &|_| {}).unwrap_err().to_string();
        assert!(error.contains("is not empty"), "{error}");
        assert_eq!(contents(folder.path()).len(), 1);
    }

    #[test]
    fn the_held_out_part_is_for_testing_only() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &Options { scenes: 12, seed: 1, held_out: true }, &|_| {}).unwrap();
        let splits: Splits =
            serde_json::from_slice(&fs::read(folder.path().join("splits.json")).unwrap()).unwrap();
        assert_eq!((splits.train.len(), splits.val.len(), splits.test.len()), (0, 0, 12));
    }
}
