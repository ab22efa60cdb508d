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
