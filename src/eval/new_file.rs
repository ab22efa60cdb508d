//! A file that shows once it is whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;

use super::error::Error;

/// A file aside of its place, which is begun before an evaluation so that one that can't be written is told at once. What is there stays
/// until the new one is whole.
pub(super) struct NewFile {
    path: PathBuf,
    aside: PathBuf,
    file: File,
}

impl NewFile {
    pub fn begin(path: &Path) -> Result<Self, Error> {
        let failed = Error::write(path);
        if path.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let aside = path.with_file_name(format!(".{name}-{}", process::id()));
        let file = File::create(&aside).map_err(failed)?;
        Ok(Self { path: path.to_owned(), aside, file })
    }

    /// Writes all of it and puts it in place.
    pub fn finish(mut self, content: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(content).and_then(|()| self.file.sync_all());
        written.and_then(|()| fs::rename(&self.aside, &self.path)).map_err(Error::write(&self.path))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Once in place there is nothing left aside; otherwise the error on its way says more than one about this.
        let _ = fs::remove_file(&self.aside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "old").unwrap();
        drop(NewFile::begin(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        NewFile::begin(&path).unwrap().finish(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_at_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(NewFile::begin(folder.path()), Err(Error::Write { .. })));
        let nowhere = folder.path().join("none/a.json");
        let error = NewFile::begin(&nowhere).err().unwrap().to_string();
        assert_eq!(error, format!("cannot write `{}`", nowhere.display()));
    }
}
