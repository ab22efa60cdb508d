//! Finds a corpus' pictures and puts them into the dataset folder, each once.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::input::{Limits, Picture};
use crate::types::Size;

/// Folders in which the corpora come, so that the folder above them can be given.
const PACKED_IN: [&str; 12] = [
    "train2014",
    "val2014",
    "test2014",
    "test2015",
    "train2017",
    "val2017",
    "test2017",
    "VG_100K",
    "VG_100K_2",
    "flickr30k-images",
    "flickr30k_images",
    "images",
];
/// Missing pictures that are listed.
const LISTED: usize = 10;

/// A picture that records name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Placed(Size),
    Missing,
    Damaged,
}

/// The pictures wanted so far.
pub(super) struct Pictures {
    folders: Vec<PathBuf>,
    /// Pictures that the dataset folder has already.
    there: PathBuf,
    to: PathBuf,
    found: HashMap<String, Found>,
    unusable: Vec<String>,
    count: usize,
}

impl Pictures {
    /// Looks into `folders` and then into `there`, and puts what is not there into `to`.
    pub(super) fn new(folders: &[PathBuf], there: PathBuf, to: PathBuf) -> Result<Self, Error> {
        let mut all = Vec::new();
        for folder in folders {
            if !folder.is_dir() {
                return Err(Error::NoFolder { path: folder.clone() });
            }
            let packed = PACKED_IN.iter().map(|name| folder.join(name)).filter(|path| path.is_dir());
            all.extend(std::iter::once(folder.clone()).chain(packed));
        }
        fs::create_dir_all(&to).map_err(Error::write(&to))?;
        Ok(Self { folders: all, there, to, found: HashMap::new(), unusable: Vec::new(), count: 0 })
    }

    /// Finds a picture by its file name.
    pub(super) fn get(&mut self, name: &str) -> Result<Found, Error> {
        if let Some(found) = self.found.get(name) {
            return Ok(*found);
        }
        let found = self.find(name)?;
        if !matches!(found, Found::Placed(_)) {
            self.count += 1;
            if self.unusable.len() < LISTED {
                self.unusable.push(name.to_owned());
            }
        }
        self.found.insert(name.to_owned(), found);
        Ok(found)
    }

    /// The names of the pictures in place.
    pub(super) fn placed(&self) -> impl Iterator<Item = &str> {
        self.found
            .iter()
            .filter(|(_, found)| matches!(found, Found::Placed(_)))
            .map(|(name, _)| name.as_str())
    }

    /// Refuses half a corpus.
    pub(super) fn check(&self) -> Result<(), Error> {
        let wanted = self.found.len();
        if self.count * 2 > wanted {
            return Err(Error::Pictures { count: self.count, wanted, names: self.unusable.clone() });
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<Found, Error> {
        let there = self.there.join(name);
        let plain = Path::new(name).file_name().is_some_and(|own| own == name);
        let given = self.folders.iter().map(|folder| folder.join(name)).find(|path| plain && path.is_file());
        let is_there = plain && there.is_file();
        let path = match (given, is_there) {
            (Some(given), true) if !same(&given, &there).map_err(Error::read(&given))? => {
                return Err(Error::OtherPicture { there, given });
            }
            (_, true) => there,
            (Some(given), false) => given,
            (None, false) => return Ok(Found::Missing),
        };
        let Ok(size) = Picture::header_of(&path, &Limits::default()) else { return Ok(Found::Damaged) };
        if !is_there {
            let to = self.to.join(name);
            link(&path, &to).map_err(Error::write(&to))?;
        }
        Ok(Found::Placed(size))
    }
}

/// A second name for the file, or a copy on another file system.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    // A link to a symbolic link would be one too, and point elsewhere from its new place.
    let from = fs::canonicalize(from)?;
    fs::hard_link(&from, to).or_else(|_| fs::copy(&from, to).map(drop))
}

fn same(a: &Path, b: &Path) -> io::Result<bool> {
    let (of_a, of_b) = (fs::metadata(a)?, fs::metadata(b)?);
    if (of_a.dev(), of_a.ino()) == (of_b.dev(), of_b.ino()) {
        return Ok(true);
    }
    if of_a.len() != of_b.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (BufReader::new(File::open(a)?), BufReader::new(File::open(b)?));
    loop {
        let (of_a, of_b) = (a.fill_buf()?, b.fill_buf()?);
        let common = of_a.len().min(of_b.len());
        if common == 0 {
            return Ok(of_a.len() == of_b.len());
        }
        if of_a[..common] != of_b[..common] {
            return Ok(false);
        }
        a.consume(common);
        b.consume(common);
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use tempfile::TempDir;

    use super::*;

    /// Folders `given/val2014` with `a.png`, `there` with `b.png`, and `to`.
    fn folders() -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["given/val2014", "there", "to"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        RgbImage::new(4, 3).save(root.path().join("given/val2014/a.png")).unwrap();
        RgbImage::new(5, 3).save(root.path().join("there/b.png")).unwrap();
        root
    }

    fn pictures(root: &TempDir) -> Pictures {
        let [given, there, to] = ["given", "there", "to"].map(|name| root.path().join(name));
        Pictures::new(&[given], there, to).unwrap()
    }

    #[test]
    fn pictures_are_found_where_they_are_packed_and_linked() {
        let root = folders();
        let mut pictures = pictures(&root);
        assert_eq!(pictures.get("a.png").unwrap(), Found::Placed(Size { width: 4, height: 3 }));
        assert_eq!(pictures.get("b.png").unwrap(), Found::Placed(Size { width: 5, height: 3 }));
        let placed = fs::metadata(root.path().join("to/a.png")).unwrap();
        assert_eq!(placed.ino(), fs::metadata(root.path().join("given/val2014/a.png")).unwrap().ino());
        assert!(!root.path().join("to/b.png").exists());
    }

    #[test]
    fn a_symbolic_link_leads_to_the_picture_itself() {
        let root = folders();
        std::os::unix::fs::symlink("val2014/a.png", root.path().join("given/c.png")).unwrap();
        pictures(&root).get("c.png").unwrap();
        assert!(fs::symlink_metadata(root.path().join("to/c.png")).unwrap().is_file());
    }

    #[test]
    fn a_name_with_a_folder_in_it_is_no_picture() {
        let root = folders();
        for name in ["val2014/a.png", "../given/val2014/a.png", "..", "", "/etc/passwd"] {
            assert_eq!(pictures(&root).get(name).unwrap(), Found::Missing, "{name}");
        }
    }

    #[test]
    fn half_of_the_pictures_must_be_there() {
        let root = folders();
        let mut pictures = pictures(&root);
        fs::write(root.path().join("given/broken.png"), "no picture").unwrap();
        pictures.get("a.png").unwrap();
        assert_eq!(pictures.get("broken.png").unwrap(), Found::Damaged);
        assert!(pictures.check().is_ok());
        for n in 0..12 {
            pictures.get(&format!("{n}.png")).unwrap();
        }
        let message = pictures.check().unwrap_err().to_string();
        assert!(message.starts_with("13 of 14 pictures are missing or damaged"), "{message}");
        assert!(
            message.contains("\n  broken.png\n  0.png\n") && message.ends_with("\n  and 3 more"),
            "{message}"
        );
    }

    #[test]
    fn another_picture_of_the_same_name_is_refused() {
        let root = folders();
        let given = root.path().join("given/b.png");
        fs::copy(root.path().join("there/b.png"), &given).unwrap();
        assert!(pictures(&root).get("b.png").is_ok());
        RgbImage::new(9, 9).save(given).unwrap();
        assert!(matches!(pictures(&root).get("b.png"), Err(Error::OtherPicture { .. })));
    }
}
