//! A corpus made up for a test: annotation files, pictures, and the dataset folder that comes of them.

use std::fs;
use std::path::PathBuf;

use image::{ImageFormat, RgbImage};
use tempfile::TempDir;

use super::draft::Target;
use crate::data::{Dataset, Entry, OnBad};

pub(super) struct Corpus {
    root: TempDir,
}

impl Corpus {
    /// With pictures by name, width and height.
    pub(super) fn new(pictures: &[(&str, u32, u32)]) -> Self {
        let corpus = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir(corpus.root.path().join("pictures")).unwrap();
        for (name, width, height) in pictures {
            let path = corpus.root.path().join("pictures").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            RgbImage::new(*width, *height).save_with_format(path, ImageFormat::Png).unwrap();
        }
        corpus
    }

    /// Writes an annotation file.
    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.path().to_owned()
    }

    pub(super) fn target(&self) -> Target {
        let [out, images] = ["out", "pictures"].map(|name| self.root.path().join(name));
        Target { out, images: vec![images], keep_splits: false }
    }

    /// The pictures of the dataset folder, which must be without fault.
    pub(super) fn entries(&self) -> Vec<Entry> {
        Dataset::open(&self.root.path().join("out"), OnBad::Stop).unwrap().dataset.pictures
    }

    /// Whether there is anything but what the test itself put there.
    pub(super) fn is_untouched(&self) -> bool {
        fs::read_dir(self.root.path()).unwrap().all(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name == "pictures" || name.contains(".json") || name.contains(".p")
        })
    }
}
