//! MDETR's copies of RefCOCO, RefCOCO+ and RefCOCOg: COCO's layout with a picture for each expression.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::draft::Draft;
use super::error::Error;
use super::json::{self, Element};
use super::refs::part;
use super::source::Meter;
use super::text::{file_name, name_of, tidy};
use crate::data::ReferringRecord;
use crate::types::Size;

#[derive(Debug, Deserialize)]
struct Image {
    id: i64,
    file_name: String,
    width: u32,
    height: u32,
    caption: String,
}

#[derive(Debug, Deserialize)]
struct Target {
    image_id: i64,
    bbox: [f64; 4],
}

enum File {
    Image(Image),
    Target(Target),
}

impl Element for File {
    const LAYOUT: &'static str = "referring expressions of MDETR";
    const LISTS: &'static [&'static str] = &["images", "annotations"];

    fn read<'de, D: Deserializer<'de>>(key: &str, value: D) -> Result<Self, D::Error> {
        Ok(match key {
            "images" => Self::Image(Image::deserialize(value)?),
            _ => Self::Target(Target::deserialize(value)?),
        })
    }
}

/// Reads one file, whose name ends in that of its part.
pub(super) fn import(draft: &mut Draft, path: &Path, meter: Meter) -> Result<(), Error> {
    let name = name_of(path);
    let told = name.trim_end_matches(".json").rsplit('_').next().unwrap_or_default();
    let (split, kind) = part(told).ok_or_else(|| Error::Unfit {
        path: path.to_owned(),
        reason: "the name ends in none of _train, _val, _test, _testA and _testB, which tells the part"
            .to_owned(),
    })?;
    let (mut images, mut boxes) = (Vec::new(), HashMap::new());
    json::elements(path, meter, &mut |element| {
        match element {
            File::Image(image) => images.push(image),
            File::Target(target) => {
                boxes.insert(target.image_id, target.bbox);
            }
        }
        Ok(())
    })?;
    for Image { id, file_name: image, width, height, caption } in images {
        let Some(bbox) = boxes.get(&id) else {
            draft.skip("expressions without a box");
            continue;
        };
        let image = file_name(&image).to_owned();
        let Some(size) = draft.picture(&image, Some(split))? else { continue };
        if let Some(bbox) = draft.place(*bbox, Size { width, height }, size) {
            let expression = tidy(&caption);
            draft.write(&ReferringRecord { image, expression, bbox: Some(bbox), kind: kind.clone() })?;
        }
    }
    Ok(())
}
