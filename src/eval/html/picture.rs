//! A picture of a dataset with boxes over it, as SVG.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::example::Boxes;
use super::markup::Escaped;
use crate::eval::error::Error;
use crate::input::{Limits, Picture};
use crate::types::PixelBox;

/// Longer side of an embedded picture at most, in pixels.
const SIDE: u32 = 320;
const QUALITY: u8 = 80;
const PADDING: [u8; 3] = [255; 3];

/// The picture, scaled down, with the true boxes under the found ones. `label` is for those who can't see it.
pub(super) fn drawing(path: &Path, label: &str, boxes: &Boxes) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let picture = Picture::decode(&bytes, &Limits::default())
        .map_err(|source| Error::Decode { path: path.to_owned(), source })?;
    let size = picture.size();
    let side = size.width.max(size.height).min(SIDE);
    // As the model sees it, but without the padding to a square.
    let content = picture.frame().content(side);
    let pixels = picture.pixels(side, PADDING).data;
    let lines = pixels.chunks_exact(side as usize * 3).take(content.height as usize);
    let rgb: Vec<u8> = lines.flat_map(|line| &line[..content.width as usize * 3]).copied().collect();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(&rgb, content.width, content.height, ExtendedColorType::Rgb8)
        .map_err(|source| Error::Jpeg { path: path.to_owned(), source })?;
    let mut svg = format!(
        "<svg class=\"picture\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\
         <image width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"data:image/jpeg;base64,{}\"/>",
        size.width,
        size.height,
        Escaped(label),
        size.width,
        size.height,
        STANDARD.encode(jpeg)
    );
    boxes.truth.iter().for_each(|bbox| outline(&mut svg, bbox, "truth"));
    boxes.found.iter().for_each(|bbox| outline(&mut svg, bbox, "found"));
    svg.push_str("</svg>");
    Ok(svg)
}

fn outline(svg: &mut String, bbox: &PixelBox, class: &str) {
    let PixelBox { x, y, width, height } = bbox;
    // Numbers have no need of escaping, and writing to a string never fails.
    let _ =
        write!(svg, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>");
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    #[test]
    fn a_picture_is_scaled_down_and_its_boxes_stay_in_its_own_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        RgbImage::new(1000, 400).save(&path).unwrap();
        let bbox = |x| PixelBox { x, y: 10.0, width: 50.5, height: 20.0 };
        let boxes = Boxes { truth: vec![bbox(100.0)], found: vec![bbox(110.0)] };
        let svg = drawing(&path, "a \"wide\" picture", &boxes).unwrap();
        assert!(
            svg.contains("viewBox=\"0 0 1000 400\"") && svg.contains("<image width=\"1000\" height=\"400\"")
        );
        assert!(svg.contains("aria-label=\"a &quot;wide&quot; picture\""));
        assert!(svg.contains("<rect class=\"truth\" x=\"100\" y=\"10\" width=\"50.5\" height=\"20\"/>"));
        assert!(svg.find("class=\"found\"") > svg.find("class=\"truth\""));
        let data = svg.split("base64,").nth(1).unwrap().split('"').next().unwrap();
        let embedded = Picture::decode(&STANDARD.decode(data).unwrap(), &Limits::default()).unwrap();
        assert_eq!((embedded.size().width, embedded.size().height), (320, 128));
    }

    #[test]
    fn a_file_that_is_no_picture_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        fs::write(&path, "text").unwrap();
        let boxes = Boxes::default();
        let error = drawing(&path, "", &boxes).unwrap_err().to_string();
        assert_eq!(error, format!("`{}` can't be decoded", path.display()));
    }
}
