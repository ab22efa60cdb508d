//! RefCOCO, RefCOCO+ and RefCOCOg: expressions by one kind of file, their boxes by another.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::coco::Image;
use super::draft::{Draft, Target};
use super::error::Error;
use super::json::{self, Element};
use super::mdetr;
use super::refs::{self, Kind, Reference};
use super::source::Meter;
use super::summary::Summary;
use super::text::{file_name, tidy};
use crate::data::ReferringRecord;
use crate::data::check::Record;

/// The files of one of the three.
#[derive(Clone, Debug)]
pub struct RefCoco {
    /// `refs(…).p`, the same list as JSON, MDETR's files, or a folder with `refs(…).p`.
    pub refs: Vec<PathBuf>,
    /// `instances.json`, unless it lies beside the references; MDETR's files have no need of it.
    pub instances: Option<PathBuf>,
    /// Which of several `refs(…).p` in a folder.
    pub split_by: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Instance {
    id: i64,
    bbox: [f64; 4],
}

enum Part {
    Image(Image),
    Instance(Instance),
}

impl Element for Part {
    const LAYOUT: &'static str = "instances of COCO";
    const LISTS: &'static [&'static str] = &["images", "annotations"];

    fn read<'de, D: Deserializer<'de>>(key: &str, value: D) -> Result<Self, D::Error> {
        Ok(match key {
            "images" => Self::Image(Image::deserialize(value)?),
            _ => Self::Instance(Instance::deserialize(value)?),
        })
    }
}

impl RefCoco {
    pub fn import(&self, target: &Target, meter: Meter) -> Result<Summary, Error> {
        let mut draft = Draft::begin(target, &[ReferringRecord::FILE])?;
        for given in &self.refs {
            let path = refs::locate(given, self.split_by.as_deref())?;
            match Kind::of(&path)? {
                Kind::Mdetr => mdetr::import(&mut draft, &path, meter)?,
                kind => {
                    let references = refs::read(&path, kind, meter)?;
                    let instances =
                        self.instances.clone().unwrap_or_else(|| path.with_file_name("instances.json"));
                    write(&mut draft, references, &Boxes::read(&instances, meter)?)?;
                }
            }
        }
        draft.finish()
    }
}

/// What the instances tell of objects and pictures.
struct Boxes {
    images: HashMap<i64, Image>,
    boxes: HashMap<i64, [f64; 4]>,
}

impl Boxes {
    fn read(path: &Path, meter: Meter) -> Result<Self, Error> {
        let (mut images, mut boxes) = (HashMap::new(), HashMap::new());
        json::elements(path, meter, &mut |part| {
            match part {
                Part::Image(image) => {
                    images.insert(image.id, image);
                }
                Part::Instance(instance) => {
                    boxes.insert(instance.id, instance.bbox);
                }
            }
            Ok(())
        })?;
        Ok(Self { images, boxes })
    }
}

fn write(draft: &mut Draft, references: Vec<Reference>, instances: &Boxes) -> Result<(), Error> {
    for reference in references {
        let Some((split, kind)) = refs::part(&reference.split) else {
            draft.skip("references of a part that is none of train, val and test");
            continue;
        };
        let found = (instances.images.get(&reference.image_id), instances.boxes.get(&reference.ann_id));
        let (Some(image), Some(bbox)) = found else {
            draft.skip("references to what the instances do not list");
            continue;
        };
        let name = file_name(&image.file_name);
        let Some(size) = draft.picture(name, Some(split))? else { continue };
        let Some(bbox) = draft.place(*bbox, image.size(), size) else { continue };
        for sentence in reference.sentences {
            draft.write(&ReferringRecord {
                image: name.to_owned(),
                expression: tidy(&sentence.sent),
                bbox: Some(bbox),
                kind: kind.clone(),
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Corpus;
    use super::*;
    use crate::types::{PixelBox, Split};

    const INSTANCES: &str = r#"{"annotations":[{"id":71,"bbox":[1,2,10,20.5]},{"id":81,"bbox":[1,1,0,4]}],
        "images":[{"id":7,"file_name":"COCO_train2014_000000000007.jpg","width":64,"height":48},
        {"id":8,"file_name":"COCO_train2014_000000000008.jpg","width":30,"height":40}]}"#;

    fn corpus() -> Corpus {
        let pictures = [7, 8].map(|id| format!("train2014/COCO_train2014_{id:012}.jpg"));
        Corpus::new(&[(&pictures[0], 64, 48), (&pictures[1], 30, 40)])
    }

    fn refs(refs: PathBuf, split_by: Option<&str>) -> RefCoco {
        RefCoco { refs: vec![refs], instances: None, split_by: split_by.map(str::to_owned) }
    }

    /// A list of one reference as Python 2 pickles it.
    fn pickled(split: &str) -> Vec<u8> {
        let text = format!(
            "(lp0\n(dp1\nS'ann_id'\np2\nI71\nsS'image_id'\nI7\nsS'split'\nS'{split}'\nsS'sentences'\n(lp3\n\
             (dp4\nS'sent'\nS'navy blue shirt'\nsS'raw'\nS'Navy'\nsa(dS'sent'\nS'woman'\nsasa."
        );
        text.into_bytes()
    }

    #[test]
    fn a_pickle_joins_the_instances_beside_it() {
        let corpus = corpus();
        corpus.file("instances.json", INSTANCES);
        corpus.file("refs(unc).p", pickled("testA"));
        refs(corpus.folder(), None).import(&corpus.target(), &|_| {}).unwrap();
        let [entry] = &corpus.entries()[..] else { panic!() };
        assert_eq!((entry.name.as_str(), entry.split), ("COCO_train2014_000000000007.jpg", Split::Test));
        let [shirt, woman] = &entry.referring[..] else { panic!() };
        assert_eq!((shirt.expression.as_str(), shirt.kind.as_deref()), ("navy blue shirt", Some("testA")));
        assert_eq!(shirt.bbox, Some(PixelBox { x: 1.0, y: 2.0, width: 10.0, height: 20.5 }));
        assert_eq!(woman.expression, "woman");
    }

    #[test]
    fn the_same_list_as_json_counts_what_it_cannot_join() {
        let corpus = corpus();
        corpus.file("instances.json", INSTANCES);
        let reference = |ann: i64, image: i64, split: &str| {
            format!(
                r#"{{"ann_id":{ann},"image_id":{image},"split":"{split}","sentences":[{{"sent":"a","raw":"A"}}]}}"#
            )
        };
        let list = [
            reference(71, 7, "val"),
            reference(81, 8, "val"),
            reference(99, 7, "val"),
            reference(71, 7, "dev"),
        ];
        let file = corpus.file("refs.json", format!(" [{}]", list.join(",")));
        let summary = refs(file, None).import(&corpus.target(), &|_| {}).unwrap();
        let reasons = [
            "boxes without extent",
            "references to what the instances do not list",
            "references of a part that is none of train, val and test",
        ];
        assert_eq!(reasons.map(|reason| summary.skipped.of(reason)), [1; 3]);
        let [entry] = &corpus.entries()[..] else { panic!() };
        assert_eq!((entry.split, entry.referring[0].kind.as_deref()), (Split::Val, None));
    }

    #[test]
    fn of_several_pickles_one_must_be_chosen() {
        let corpus = corpus();
        corpus.file("instances.json", INSTANCES);
        corpus.file("refs(unc).p", pickled("val"));
        corpus.file("refs(google).p", pickled("train"));
        let message = refs(corpus.folder(), None).import(&corpus.target(), &|_| {}).unwrap_err().to_string();
        assert!(message.contains("refs(google).p and refs(unc).p; choose with --split-by"), "{message}");
        assert!(corpus.is_untouched());
        refs(corpus.folder(), Some("google")).import(&corpus.target(), &|_| {}).unwrap();
        assert_eq!(corpus.entries()[0].split, Split::Train);
        assert!(refs::locate(&corpus.folder().join("refs(unc).p"), Some("google")).is_err());
    }

    #[test]
    fn a_picture_that_two_parts_share_is_refused() {
        let corpus = corpus();
        let instances = Some(corpus.file("instances.json", INSTANCES));
        let refs = vec![corpus.file("a.p", pickled("val")), corpus.file("b.p", pickled("train"))];
        let error =
            RefCoco { refs, instances, split_by: None }.import(&corpus.target(), &|_| {}).unwrap_err();
        assert!(matches!(error, Error::TwoSplits { .. }), "{error}");
        assert!(corpus.is_untouched());
    }

    #[test]
    fn a_pickle_of_something_else_is_refused() {
        let corpus = corpus();
        for (bytes, reason) in
            [(&b"I5\n."[..], "no list"), (b"(lp0\nI5\na.", "element 0"), (b"\x80\x02", "byte 2")]
        {
            let error = refs(corpus.file("a.p", bytes), None).import(&corpus.target(), &|_| {}).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
