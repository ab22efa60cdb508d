//! The folder that an import fills before anything of it shows, and its way to its place.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};
use std::process;

use super::error::Error;
use crate::data::folder::{FEATURES, FILES, IMAGES};

/// A folder aside; what is in it is deleted unless it was put in place.
pub(super) struct Aside {
    out: PathBuf,
    folder: PathBuf,
    /// Whether there is an output folder already, to which is added.
    adds: bool,
}

impl Aside {
    /// Opens a folder aside of `out`, which must be new, empty or a dataset folder without any of `files`.
    pub(super) fn open(out: &Path, files: &[&str]) -> Result<Self, Error> {
        let out = path::absolute(out).map_err(Error::write(out))?;
        let adds = can_add(&out, files)?;
        let name = format!(".import-{}", process::id());
        let folder = match out.file_name() {
            // Within a folder that is there: it may be a file system of its own.
            _ if adds => out.join(name),
            Some(own) => out.with_file_name(format!(".{}{name}", own.to_string_lossy())),
            None => return Err(Error::NoDataset { path: out }),
        };
        remove(&folder).map_err(Error::write(&folder))?;
        fs::create_dir_all(&folder).map_err(Error::write(&folder))?;
        Ok(Self { out, folder, adds })
    }

    /// Where to write what shall become `out`'s.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn out(&self) -> &Path {
        &self.out
    }

    /// Puts everything in place: the pictures first, then `files`, the last of which may replace one that is
    /// there. If that fails, what was moved is taken back.
    pub(super) fn put_in_place(self, files: &[&str]) -> Result<(), Error> {
        if !self.adds {
            return fs::rename(&self.folder, &self.out).map_err(Error::write(&self.out));
        }
        let mut moved = Vec::new();
        let put = self
            .move_pictures(&mut moved)
            .and_then(|()| files.iter().try_for_each(|file| self.move_file(Path::new(file), &mut moved)));
        if put.is_err() {
            for path in moved {
                // The first error is the one to tell.
                let _ = fs::remove_file(path);
            }
        }
        put
    }

    fn move_pictures(&self, moved: &mut Vec<PathBuf>) -> Result<(), Error> {
        let images = self.folder.join(IMAGES);
        let Some(entries) = if_there(fs::read_dir(&images)).map_err(Error::read(&images))? else {
            return Ok(());
        };
        let there = self.out.join(IMAGES);
        fs::create_dir_all(&there).map_err(Error::write(&there))?;
        for entry in entries {
            let entry = entry.map_err(Error::read(&images))?;
            self.move_file(&Path::new(IMAGES).join(entry.file_name()), moved)?;
        }
        Ok(())
    }

    fn move_file(&self, file: &Path, moved: &mut Vec<PathBuf>) -> Result<(), Error> {
        let to = self.out.join(file);
        fs::rename(self.folder.join(file), &to).map_err(Error::write(&to))?;
        moved.push(to);
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // An error that is on its way says more than one about what is left of the attempt.
        let _ = remove(&self.folder);
    }
}

/// Whether `out` is a folder to add to, or is not there yet.
fn can_add(out: &Path, files: &[&str]) -> Result<bool, Error> {
    let Some(mut entries) = if_there(fs::read_dir(out)).map_err(Error::read(out))? else { return Ok(false) };
    let known = FILES.iter().chain(&[IMAGES, FEATURES]).any(|name| out.join(name).exists());
    if !known && entries.next().is_some() {
        return Err(Error::NoDataset { path: out.to_owned() });
    }
    match files.iter().map(|file| out.join(file)).find(|path| path.exists()) {
        Some(path) => Err(Error::Exists { path }),
        None => Ok(true),
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    if_there(fs::remove_dir_all(folder)).map(drop)
}

/// None if what an access was to is not there.
pub(super) fn if_there<T>(accessed: io::Result<T>) -> io::Result<Option<T>> {
    match accessed {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_folder_shows_only_when_it_is_complete() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("out");
        let aside = Aside::open(&out, &["vqa.jsonl"]).unwrap();
        fs::write(aside.folder().join("vqa.jsonl"), "").unwrap();
        assert!(!out.exists());
        drop(aside);
        assert!(names(parent.path()).is_empty());
        let aside = Aside::open(&out, &["vqa.jsonl"]).unwrap();
        fs::write(aside.folder().join("vqa.jsonl"), "").unwrap();
        aside.put_in_place(&["vqa.jsonl"]).unwrap();
        assert_eq!(
            (names(parent.path()), names(&out)),
            (vec!["out".to_owned()], vec!["vqa.jsonl".to_owned()])
        );
    }

    #[test]
    fn what_is_added_lies_beside_what_was_there() {
        let out = tempfile::tempdir().unwrap();
        fs::create_dir(out.path().join(IMAGES)).unwrap();
        fs::write(out.path().join("captions.jsonl"), "").unwrap();
        let aside = Aside::open(out.path(), &["vqa.jsonl"]).unwrap();
        fs::create_dir(aside.folder().join(IMAGES)).unwrap();
        fs::write(aside.folder().join(IMAGES).join("a.png"), "").unwrap();
        fs::write(aside.folder().join("vqa.jsonl"), "").unwrap();
        aside.put_in_place(&["vqa.jsonl"]).unwrap();
        assert_eq!(names(out.path()), ["captions.jsonl", "images", "vqa.jsonl"]);
        assert_eq!(names(&out.path().join(IMAGES)), ["a.png"]);
    }

    #[test]
    fn an_addition_that_fails_halfway_is_taken_back() {
        let out = tempfile::tempdir().unwrap();
        let aside = Aside::open(out.path(), &[]).unwrap();
        fs::create_dir(aside.folder().join(IMAGES)).unwrap();
        fs::write(aside.folder().join(IMAGES).join("a.png"), "").unwrap();
        assert!(matches!(aside.put_in_place(&["vqa.jsonl"]), Err(Error::Write { .. })));
        assert_eq!(names(out.path()), [IMAGES]);
        assert!(names(&out.path().join(IMAGES)).is_empty());
    }

    #[test]
    fn files_that_are_there_and_folders_of_something_else_are_refused() {
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("notes.txt"), "mine").unwrap();
        assert!(matches!(Aside::open(out.path(), &[]), Err(Error::NoDataset { .. })));
        fs::write(out.path().join("vqa.jsonl"), "").unwrap();
        assert!(matches!(Aside::open(out.path(), &["vqa.jsonl"]), Err(Error::Exists { .. })));
        assert!(Aside::open(out.path(), &["captions.jsonl"]).is_ok());
        assert_eq!(names(out.path()), ["notes.txt", "vqa.jsonl"]);
        let file = out.path().join("notes.txt");
        assert!(matches!(Aside::open(&file, &[]), Err(Error::Read { .. })));
    }
}
