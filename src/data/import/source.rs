//! Annotation files as streams whose bytes are counted.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::error::Error;

/// Told how many more bytes of the files given have been read.
pub type Meter<'a> = &'a dyn Fn(u64);

const BUFFER: usize = 1 << 18;

/// A file that tells how much of it is read.
pub(super) struct Metered<'a> {
    file: File,
    meter: Meter<'a>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        (self.meter)(read as u64);
        Ok(read)
    }
}

/// Opens a file for reading from its beginning to its end.
pub(super) fn open<'a>(path: &Path, meter: Meter<'a>) -> Result<BufReader<Metered<'a>>, Error> {
    let file = File::open(path).map_err(Error::read(path))?;
    Ok(BufReader::with_capacity(BUFFER, Metered { file, meter }))
}

/// Hands on each line that is not blank with its number from 1, without the end of the line, be it LF or
/// CRLF.
pub(super) fn lines(
    path: &Path,
    meter: Meter,
    mut each: impl FnMut(usize, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut source = open(path, meter)?;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if source.read_until(b'\n', &mut line).map_err(Error::read(path))? == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            each(
                number,
                line.strip_suffix(b"\n").map_or(&*line, |line| line.strip_suffix(b"\r").unwrap_or(line)),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::*;

    #[test]
    fn lines_end_in_either_way_and_every_byte_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let text = "one\r\n\r\ntwo\nthree";
        fs::write(&path, text).unwrap();
        let (mut found, read) = (Vec::new(), Cell::new(0));
        let meter = |bytes| read.set(read.get() + bytes);
        lines(&path, &meter, |number, line| {
            found.push((number, String::from_utf8(line.to_vec()).unwrap()));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [(1, "one".to_owned()), (3, "two".to_owned()), (4, "three".to_owned())]);
        assert_eq!(read.get(), text.len() as u64);
    }
}
