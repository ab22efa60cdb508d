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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::refcoco::RefCoco;
    use super::super::testing::Corpus;
    use super::*;
    use crate::types::Split;

    const TEXT: &str = r#"{"info":{},"images":[
        {"file_name":"COCO_train2014_000000000007.jpg","height":48,"width":64,"id":900,"original_id":7,"caption":"guy in red"},
        {"file_name":"COCO_train2014_000000000007.jpg","height":48,"width":64,"id":901,"original_id":7,"caption":"the boxless"}],
        "annotations":[{"id":1,"image_id":900,"bbox":[1,2,10,20],"iscrowd":0,"tokens_positive":[[0,3]]}],"categories":[]}"#;

    fn import(corpus: &Corpus, file: PathBuf) -> Result<super::super::Summary, Error> {
        RefCoco { refs: vec![file], instances: None, split_by: None }.import(&corpus.target(), &|_| {})
    }

    #[test]
    fn each_picture_is_an_expression_and_the_name_tells_the_part() {
        let corpus = Corpus::new(&[("COCO_train2014_000000000007.jpg", 64, 48)]);
        let summary = import(&corpus, corpus.file("finetune_refcoco+_testB.json", TEXT)).unwrap();
        assert_eq!(summary.skipped.of("expressions without a box"), 1);
        let [entry] = &corpus.entries()[..] else { panic!() };
        let [said] = &entry.referring[..] else { panic!() };
        assert_eq!((said.expression.as_str(), said.kind.as_deref()), ("guy in red", Some("testB")));
        assert_eq!(entry.split, Split::Test);
    }

    #[test]
    fn a_name_that_tells_no_part_is_refused() {
        let corpus = Corpus::new(&[]);
        let error = import(&corpus, corpus.file("refcoco.json", TEXT)).unwrap_err();
        assert!(matches!(error, Error::Unfit { .. }), "{error}");
    }
}
