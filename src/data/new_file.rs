//! A file that shows once it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

/// A file that is written aside of its place. What is there stays until the new one is whole, and a place that can't be written is told
/// when it is begun.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    aside: PathBuf,
    file: BufWriter<File>,
}

impl NewFile {
    pub fn begin(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let aside = path.with_file_name(format!(".{name}-{}", process::id()));
        let file = BufWriter::new(File::create(&aside)?);
        Ok(Self { path: path.to_owned(), aside, file })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it in place with what was written so far.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.aside, &self.path)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
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
        let mut given_up = NewFile::begin(&path).unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut new = NewFile::begin(&path).unwrap();
        new.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        new.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_at_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(NewFile::begin(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        let nowhere = folder.path().join("none/a.json");
        assert_eq!(NewFile::begin(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
