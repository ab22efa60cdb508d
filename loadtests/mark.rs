//! Makes a picture new to the server without drawing or encoding it again: a comment in the file holds a number.
//!
//! Drawing would take more of the processors than answering does, and the client shares them with the server.

use bytes::Bytes;

const JPEG_START: &[u8] = b"\xff\xd8";
const PNG_START: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Bytes of a PNG's signature and its first chunk, the header.
const PNG_HEADER: usize = 33;

/// A picture file in two parts with room for a number between them. All parts but the last are multiples of three bytes long, so that
/// each can stand in base64 by itself.
#[derive(Clone, Debug)]
pub struct Marked {
    pub before: Vec<u8>,
    pub mark: Mark,
    pub after: Vec<u8>,
}

/// The form of the number.
#[derive(Clone, Debug)]
pub enum Mark {
    Jpeg,
    /// With the checksum of the comment's chunk up to the number.
    Png(crc32fast::Hasher),
}

impl Marked {
    /// `None` if the file is neither JPEG nor PNG.
    pub fn new(file: &[u8]) -> Option<Self> {
        if let Some(rest) = file.strip_prefix(JPEG_START) {
            // The length counts itself, the text and the 18 digits.
            let before = [JPEG_START, b"\xff\xfe", &[0, 2 + 6 + 18], b"load: "].concat();
            return Some(Self { before, mark: Mark::Jpeg, after: rest.to_vec() });
        }
        if file.starts_with(PNG_START) && file.len() > PNG_HEADER {
            let (header, rest) = file.split_at(PNG_HEADER);
            let text = b"tEXtComment\0: ";
            let length = u32::try_from(text.len() - 4 + 17).ok()?;
            let mut checksum = crc32fast::Hasher::new();
            checksum.update(text);
            let before = [header, &length.to_be_bytes(), text].concat();
            return Some(Self { before, mark: Mark::Png(checksum), after: rest.to_vec() });
        }
        None
    }
}

impl Mark {
    /// What stands between the parts.
    pub fn number(&self, number: u64) -> Bytes {
        match self {
            Self::Jpeg => format!("{number:018x}").into(),
            Self::Png(checksum) => {
                let mut text = format!("{number:017x}").into_bytes();
                let mut checksum = checksum.clone();
                checksum.update(&text);
                text.extend(checksum.finalize().to_be_bytes());
                text.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use cmal::input::{Limits, Picture};
    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;

    #[test]
    fn numbered_files_differ_and_show_the_same_picture() {
        let image = RgbImage::from_fn(23, 17, |x, y| Rgb([(x * 11) as u8, (y * 15) as u8, 80]));
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let mut file = Cursor::new(Vec::new());
            image.write_to(&mut file, format).unwrap();
            let file = file.into_inner();
            let shown = Picture::decode(&file, &Limits::default()).unwrap();
            let marked = Marked::new(&file).unwrap();
            let numbered =
                |number| [marked.before.as_slice(), &marked.mark.number(number), &marked.after].concat();
            assert_ne!(numbered(1), numbered(u64::MAX), "{format:?}");
            for number in [0, 1, u64::MAX] {
                // Held against a decoder that checks the checksums of all chunks.
                assert_eq!(Picture::decode(&numbered(number), &Limits::default()).unwrap(), shown);
                assert_eq!(
                    (marked.before.len() % 3, marked.mark.number(number).len() % 3),
                    (0, 0),
                    "{format:?}"
                );
            }
        }
    }

    #[test]
    fn other_files_cannot_be_numbered() {
        assert!(Marked::new(b"RIFF....WEBP").is_none());
        assert!(Marked::new(b"").is_none());
    }
}
