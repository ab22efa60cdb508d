//! A picture: decoded under limits, upright, in RGB; and its resizing to the square that the model sees.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek};
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::error::PictureError;
use crate::types::{Frame, Size};

/// Bytes of memory that decoding may take per pixel allowed: 16-bit RGBA, and as much again for the decoder's own needs.
const BYTES_PER_PIXEL: u64 = 16;
/// Bytes at the start of a JPEG in which its header is looked for: beyond an EXIF segment of the greatest length.
const HEADER_BYTES: u64 = 1 << 17;
const JPEG_START: &[u8] = b"\xff\xd8";

/// What a picture may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Width × height at most; looked up in the header before anything is decoded. Default 40 million.
    pub pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 40_000_000 }
    }
}

/// A decoded picture: upright, 8-bit RGB, transparent parts on white.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    /// \[height, width, 3\].
    rgb: Vec<u8>,
}

/// A picture in the square that the model sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    pub side: u32,
    /// RGB \[side, side, 3\].
    pub data: Vec<u8>,
}

impl Picture {
    /// Decodes a PNG, JPEG or WebP, told apart by content. The header is held against the limits first.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, PictureError> {
        let mut decoder = open(Cursor::new(bytes), limits)?;
        if jpeg_ends_early(bytes) {
            return Err(PictureError::Damaged("the JPEG data ends early".into()));
        }
        let orientation = orientation(&mut decoder);
        let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        image.apply_orientation(orientation);
        let size = Size { width: image.width(), height: image.height() };
        Ok(Self { size, rgb: to_rgb(image) })
    }

    /// Size of an upright picture from its header alone.
    pub fn header(bytes: &[u8], limits: &Limits) -> Result<Size, PictureError> {
        Self::header_from(Cursor::new(bytes), limits)
    }

    /// As [`header`](Self::header), from a file, of which as little is read as the format allows.
    pub fn header_of(path: &Path, limits: &Limits) -> Result<Size, PictureError> {
        let mut file = File::open(path).map_err(PictureError::Read)?;
        let mut start = Vec::new();
        file.by_ref().take(HEADER_BYTES).read_to_end(&mut start).map_err(PictureError::Read)?;
        // The JPEG decoder takes in all that its source has before it looks at the header.
        if start.starts_with(JPEG_START)
            && let Ok(size) = Self::header(&start, limits)
        {
            return Ok(size);
        }
        file.rewind().map_err(PictureError::Read)?;
        Self::header_from(BufReader::new(file), limits)
    }

    fn header_from(source: impl BufRead + Seek, limits: &Limits) -> Result<Size, PictureError> {
        let mut decoder = open(source, limits)?;
        let (width, height) = decoder.dimensions();
        Ok(match orientation(&mut decoder) {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => Size { width: height, height: width },
            _ => Size { width, height },
        })
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// RGB \[height, width, 3\].
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// How the picture lies in the model's square.
    pub fn frame(&self) -> Frame {
        Frame::new(self.size)
    }

    /// The picture scaled to the longer side of a square, at its top left; the rest filled with `padding`.
    pub fn pixels(&self, side: u32, padding: [u8; 3]) -> Pixels {
        let content = self.frame().content(side);
        let row = content.width as usize * 3;
        let mut data = padding.repeat(side as usize * side as usize);
        let places = data.chunks_exact_mut(side as usize * 3);
        for (line, place) in self.scaled(content).chunks_exact(row).zip(places) {
            place[..row].copy_from_slice(line);
        }
        Pixels { side, data }
    }

    fn scaled(&self, to: Size) -> Vec<u8> {
        if to == self.size {
            return self.rgb.clone();
        }
        let source = ImageRef::new(self.size.width, self.size.height, &self.rgb, PixelType::U8x3)
            .expect("a picture holds three bytes per pixel");
        let mut scaled = Image::new(to.width, to.height, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&source, &mut scaled, &options).expect("both pictures are 8-bit RGB");
        scaled.into_vec()
    }
}

/// A decoder that has read the header and found it within the limits.
fn open<'a>(
    mut source: impl BufRead + Seek + 'a,
    limits: &Limits,
) -> Result<impl ImageDecoder + 'a, PictureError> {
    let start = source.fill_buf().map_err(PictureError::Read)?;
    if start.is_empty() {
        return Err(PictureError::Empty);
    }
    // A PNG states its size in its first bytes; the decoder would read on to the pixels before telling it.
    if let Some((width, height)) = png_size(start) {
        check(width, height, limits)?;
    }
    let mut reader = ImageReader::new(source).with_guessed_format().map_err(PictureError::Read)?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) {
        return Err(PictureError::Unsupported);
    }
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(limits.pixels.saturating_mul(BYTES_PER_PIXEL));
    reader.limits(memory);
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check(width, height, limits)?;
    Ok(decoder)
}

fn check(width: u32, height: u32, limits: &Limits) -> Result<(), PictureError> {
    if width == 0 || height == 0 {
        return Err(PictureError::Damaged("its header says that it has no pixels".into()));
    }
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(PictureError::TooLarge { width, height, limit: limits.pixels });
    }
    Ok(())
}

fn png_size(start: &[u8]) -> Option<(u32, u32)> {
    let header = start.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let (width, rest) = header.split_first_chunk()?;
    let (height, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// Whether a JPEG lacks its end marker: the decoder would fill what is missing with grey instead of saying so.
fn jpeg_ends_early(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(JPEG_START) else { return false };
    // Segments up to the start of the scan; a thumbnail inside one has an end marker of its own.
    while let [0xff, marker, high, low, ..] = *rest {
        if marker == 0xff {
            rest = &rest[1..];
            continue;
        }
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(length..).unwrap_or_default();
        if marker == 0xda {
            break;
        }
    }
    // It is mostly the last thing in the file.
    !rest.windows(2).rev().any(|pair| pair == b"\xff\xd9")
}

/// Which way up the picture is; a damaged note about that is no reason to refuse the picture.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn to_rgb(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    let over_white = |value: u8, alpha: u8| {
        let alpha = u16::from(alpha);
        ((u16::from(value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    image
        .into_rgba8()
        .pixels()
        .flat_map(|pixel| {
            let [r, g, b, a] = pixel.0;
            [over_white(r, a), over_white(g, a), over_white(b, a)]
        })
        .collect()
}

fn damaged(error: image::ImageError) -> PictureError {
    match error {
        image::ImageError::Unsupported(_) => PictureError::Unsupported,
        image::ImageError::IoError(source) if source.kind() == ErrorKind::UnexpectedEof => {
            PictureError::Damaged("its data ends early".into())
        }
        other => PictureError::Damaged(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
    use rand::{RngExt, SeedableRng};

    use super::*;

    const LIMITS: Limits = Limits { pixels: 40_000_000 };

    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Red at the left, blue at the right.
    fn two_halves(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(
            width,
            height,
            |x, _| {
                if x < width / 2 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) }
            },
        )
    }

    fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 9) as u8, (y * 7) as u8, (x * y) as u8]))
    }

    /// The JPEG with an EXIF segment that states an orientation.
    fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        [&jpeg[..2], &exif, &jpeg[2..]].concat()
    }

    fn pixel(pixels: &Pixels, x: u32, y: u32) -> [u8; 3] {
        let at = ((y * pixels.side + x) * 3) as usize;
        pixels.data[at..at + 3].try_into().unwrap()
    }

    #[test]
    fn every_supported_format_decodes_to_the_same_picture() {
        let image = two_halves(16, 8);
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let bytes = encoded(image.clone(), format);
            let picture = Picture::decode(&bytes, &LIMITS).unwrap();
            assert_eq!(picture.rgb(), image.as_raw().as_slice(), "{format:?}");
            assert_eq!(Picture::header(&bytes, &LIMITS).unwrap(), Size { width: 16, height: 8 });
        }
        let jpeg = Picture::decode(&encoded(image, ImageFormat::Jpeg), &LIMITS).unwrap();
        assert!(jpeg.rgb()[0] > 230 && jpeg.rgb()[2] < 30);
    }

    #[test]
    fn a_photo_taken_sideways_is_turned_upright() {
        let jpeg = with_orientation(&encoded(two_halves(32, 16), ImageFormat::Jpeg), 6);
        let picture = Picture::decode(&jpeg, &LIMITS).unwrap();
        assert_eq!(picture.size(), Size { width: 16, height: 32 });
        assert_eq!(Picture::header(&jpeg, &LIMITS).unwrap(), picture.size());
        let (top, bottom) = (&picture.rgb()[..3], &picture.rgb()[picture.rgb().len() - 3..]);
        assert!(top[0] > 200 && bottom[2] > 200, "what was left is on top: {top:?} {bottom:?}");
    }

    #[test]
    fn the_header_of_a_file_is_found_behind_long_notes_and_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        let size = Size { width: 23, height: 17 };
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            std::fs::write(&path, encoded(gradient(23, 17), format)).unwrap();
            assert_eq!(Picture::header_of(&path, &LIMITS).unwrap(), size, "{format:?}");
        }
        let jpeg = encoded(gradient(23, 17), ImageFormat::Jpeg);
        let note = [b"\xff\xfe\xff\xff".as_slice(), &[b'x'; 0xfffd]].concat();
        std::fs::write(&path, [&jpeg[..2], &note.repeat(3), &jpeg[2..]].concat()).unwrap();
        assert_eq!(Picture::header_of(&path, &LIMITS).unwrap(), size);
        assert!(matches!(
            Picture::header_of(folder.path().join("no").as_path(), &LIMITS),
            Err(PictureError::Read(_))
        ));
    }

    #[test]
    fn transparent_parts_lie_on_white() {
        let image = RgbaImage::from_fn(3, 1, |x, _| Rgba([200, 0, 0, [0, 128, 255][x as usize]]));
        let picture = Picture::decode(&encoded(image, ImageFormat::Png), &LIMITS).unwrap();
        assert_eq!(picture.rgb(), [255, 255, 255, 227, 127, 127, 200, 0, 0]);
    }

    #[test]
    fn grey_and_16_bit_pictures_become_8_bit_rgb() {
        let grey = ImageBuffer::<Luma<u16>, _>::from_pixel(2, 1, Luma([0x8080]));
        let picture = Picture::decode(&encoded(grey, ImageFormat::Png), &LIMITS).unwrap();
        assert_eq!(picture.rgb(), [0x80; 6]);
    }

    #[test]
    fn a_wide_picture_lies_at_the_top_of_the_square() {
        let pixels = Picture::decode(&encoded(two_halves(40, 20), ImageFormat::Png), &LIMITS)
            .unwrap()
            .pixels(10, [1, 2, 3]);
        assert_eq!(pixels.data.len(), 300);
        assert_eq!(pixel(&pixels, 0, 0), [250, 0, 0]);
        assert_eq!(pixel(&pixels, 9, 4), [0, 0, 250]);
        assert_eq!(pixel(&pixels, 0, 5), [1, 2, 3]);
        assert_eq!(pixel(&pixels, 9, 9), [1, 2, 3]);
    }

    #[test]
    fn a_tall_picture_lies_at_the_left_and_small_ones_are_scaled_up() {
        let picture =
            Picture::decode(&encoded(gradient(2, 4), ImageFormat::Png), &LIMITS).unwrap().pixels(8, [9; 3]);
        assert_ne!(pixel(&picture, 3, 7), [9; 3]);
        assert_eq!(pixel(&picture, 4, 0), [9; 3]);
        let one = RgbImage::from_pixel(1, 1, Rgb([5, 6, 7]));
        let one = Picture::decode(&encoded(one, ImageFormat::Png), &LIMITS).unwrap().pixels(4, [0; 3]);
        assert!(one.data.chunks(3).all(|rgb| rgb == [5, 6, 7]));
    }

    #[test]
    fn a_header_beyond_the_limit_is_refused_without_decoding() {
        let mut bytes = encoded(gradient(4, 4), ImageFormat::Png);
        bytes[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        for length in [33, bytes.len()] {
            let error = Picture::decode(&bytes[..length], &LIMITS).err().unwrap();
            assert!(
                matches!(error, PictureError::TooLarge { width: 20_000, height: 20_000, limit: 40_000_000 }),
                "{error:?}"
            );
        }
        let jpeg = encoded(gradient(10, 10), ImageFormat::Jpeg);
        let small = Limits { pixels: 99 };
        assert!(matches!(Picture::decode(&jpeg, &small), Err(PictureError::TooLarge { .. })));
        assert!(matches!(Picture::header(&jpeg, &small), Err(PictureError::TooLarge { .. })));
    }

    #[test]
    fn text_and_nothing_are_no_pictures() {
        assert!(matches!(Picture::decode(b"hello, world", &LIMITS), Err(PictureError::Unsupported)));
        assert!(matches!(Picture::decode(b"GIF89a\x01\0\x01\0", &LIMITS), Err(PictureError::Unsupported)));
        assert!(matches!(Picture::decode(b"", &LIMITS), Err(PictureError::Empty)));
    }

    #[test]
    fn a_picture_cut_short_is_an_error_and_never_a_panic() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let bytes = encoded(gradient(23, 17), format);
            let whole = Picture::decode(&bytes, &LIMITS).unwrap();
            for length in 0..bytes.len() {
                // A checksum or a filling byte at the end may be missing: then all pixels are there.
                if let Ok(cut) = Picture::decode(&bytes[..length], &LIMITS) {
                    assert!(cut == whole && length + 20 > bytes.len(), "{format:?} cut to {length} bytes");
                }
            }
        }
    }

    #[test]
    fn flipped_bytes_never_panic() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let bytes = encoded(gradient(23, 17), format);
            for _ in 0..2_000 {
                let mut damaged = bytes.clone();
                for _ in 0..random.random_range(1..4) {
                    let at = random.random_range(0..damaged.len());
                    damaged[at] ^= 1 << random.random_range(0..8);
                }
                if let Ok(picture) = Picture::decode(&damaged, &Limits { pixels: 100_000 }) {
                    let size = picture.size();
                    assert_eq!(picture.rgb().len(), size.width as usize * size.height as usize * 3);
                }
            }
        }
    }
}
