//! Pictures to ask about: drawn at the start, or read from a dataset folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use cmal::data::{CaptionRecord, EntailmentRecord, ReferringRecord, VqaRecord};
use cmal::types::Query;
use cmal::world::{Part, Scene, paint};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// The seed and the quality of the pictures of `cmal bench`, so that one of these costs what one of those does.
const SEED: u64 = 0xbe7c;
const QUALITY: u8 = 90;
/// Width and height of large pictures, about those of a telephone's camera.
const LARGE: (u32, u32) = (4000, 3000);
/// How far noise moves a value of a large picture: a photograph isn't as smooth as a drawing, and its file not as small.
const NOISE: u8 = 6;

/// A picture file and what a dataset asks about it; nothing if the picture was drawn or there is no such dataset.
#[derive(Clone, Debug)]
pub struct Shown {
    pub file: Vec<u8>,
    pub queries: Vec<Query>,
}

/// Drawn scenes as JPEG files, the same every time.
pub fn drawn(count: usize) -> Result<Vec<Shown>, Failure> {
    (0..count as u64).map(|index| shown(&scene(index))).collect()
}

/// As [`drawn`], blown up to 4000 × 3000 and with some noise.
pub fn large(count: usize) -> Result<Vec<Shown>, Failure> {
    (0..count as u64)
        .map(|index| {
            let mut picture = resize(&scene(index), LARGE.0, LARGE.1, FilterType::Triangle);
            let mut dice = ChaCha8Rng::seed_from_u64(index);
            for value in picture.iter_mut() {
                *value = value.saturating_add(dice.random_range(0..=2 * NOISE)).saturating_sub(NOISE);
            }
            shown(&picture)
        })
        .collect()
}

fn scene(index: u64) -> RgbImage {
    paint(&Scene::new(SEED, index, Part::Normal))
}

fn shown(picture: &RgbImage) -> Result<Shown, Failure> {
    let mut file = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut file, QUALITY)
        .encode(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|error| Failure::run(format!("a picture can't be encoded: {error}")))?;
    Ok(Shown { file: file.into_inner(), queries: Vec::new() })
}

/// Up to `count` JPEG and PNG files of a folder, or of `images/` in it, in the order of their names, with what the folder's files ask.
pub fn folder(folder: &Path, count: usize) -> Result<Vec<Shown>, Failure> {
    let images = folder.join("images");
    let images = if images.is_dir() { images } else { folder.to_owned() };
    let mut paths: Vec<_> = fs::read_dir(&images)
        .map_err(|error| Failure::usage(format!("can't read the folder {}: {error}", images.display())))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| ["jpg", "jpeg", "png"].iter().any(|e| end == *e)))
        .collect();
    paths.sort();
    paths.truncate(count);
    if paths.is_empty() {
        return Err(Failure::usage(format!("{} holds no .jpg, .jpeg or .png file", images.display())));
    }
    let mut asked = asked(folder)?;
    paths
        .iter()
        .map(|path| {
            let file = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
            let name = path.strip_prefix(&images).ok().and_then(Path::to_str).unwrap_or_default();
            Ok(Shown { file, queries: asked.remove(name).unwrap_or_default() })
        })
        .collect()
}

/// The queries of a dataset folder by the name of their picture.
fn asked(folder: &Path) -> Result<BTreeMap<String, Vec<Query>>, Failure> {
    let mut all: BTreeMap<String, Vec<Query>> = BTreeMap::new();
    let mut add = |image: String, query| all.entry(image).or_default().push(query);
    for VqaRecord { image, question, .. } in lines(&folder.join("vqa.jsonl"))? {
        add(image, Query::Vqa { question, top_k: 5 });
    }
    for EntailmentRecord { image, hypothesis, .. } in lines(&folder.join("entailment.jsonl"))? {
        add(image, Query::Entailment { hypothesis });
    }
    for ReferringRecord { image, expression, .. } in lines(&folder.join("referring.jsonl"))? {
        add(image, Query::Grounding { expression, top_k: 1 });
    }
    for CaptionRecord { image, caption } in lines(&folder.join("captions.jsonl"))? {
        add(image, Query::Match { text: caption });
    }
    Ok(all)
}

/// The records of a JSON-lines file; none if there is no such file.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failure> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    numbered
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map_err(|error| Failure::run(format!("{}, line {number}: {error}", path.display())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_folder_gives_its_pictures_and_what_is_asked_about_each() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("images")).unwrap();
        for name in ["b.jpg", "a.png", "notes.txt"] {
            fs::write(folder.path().join("images").join(name), name).unwrap();
        }
        let vqa = "{\"image\":\"b.jpg\",\"question\":\"Is it red?\",\"answers\":[\"yes\"]}\n\n";
        fs::write(folder.path().join("vqa.jsonl"), vqa).unwrap();
        fs::write(folder.path().join("captions.jsonl"), "{\"image\":\"b.jpg\",\"caption\":\"A star.\"}\n")
            .unwrap();
        let shown = super::folder(folder.path(), 9).unwrap();
        let files: Vec<_> = shown.iter().map(|shown| shown.file.as_slice()).collect();
        assert_eq!(files, [b"a.png", b"b.jpg"]);
        let expected =
            [Query::Vqa { question: "Is it red?".into(), top_k: 5 }, Query::Match { text: "A star.".into() }];
        assert_eq!((shown[0].queries.len(), shown[1].queries.as_slice()), (0, expected.as_slice()));
        assert_eq!(super::folder(folder.path(), 1).unwrap().len(), 1);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = super::folder(folder.path(), 9).unwrap_err();
        assert!(empty.to_string().contains("holds no"), "{empty}");
        fs::write(folder.path().join("a.png"), "").unwrap();
        fs::write(folder.path().join("vqa.jsonl"), "\n{").unwrap();
        let broken = super::folder(folder.path(), 9).unwrap_err();
        assert!(broken.to_string().contains("vqa.jsonl, line 2: "), "{broken}");
    }
}
