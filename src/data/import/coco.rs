//! COCO's captions and instances, in the packagings of 2014, 2015 and 2017.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::draft::{Draft, Target};
use super::error::Error;
use super::json::{self, Element};
use super::karpathy;
use super::source::Meter;
use super::summary::Summary;
use super::text::{file_name, name_of, split_in, tidy};
use crate::data::check::Record;
use crate::data::{CaptionRecord, ObjectRecord, ObjectsRecord};
use crate::types::{Size, Split, Tags};

/// COCO's annotation files.
#[derive(Clone, Debug)]
pub struct Coco {
    /// `captions_*.json`
    pub captions: Vec<PathBuf>,
    /// `instances_*.json`
    pub instances: Vec<PathBuf>,
    /// `dataset_coco.json`; without it, the parts are the official ones, which the names tell.
    pub karpathy: Option<PathBuf>,
}

impl Coco {
    pub fn import(&self, target: &Target, meter: Meter) -> Result<Summary, Error> {
        let mut files = Vec::new();
        files.extend((!self.captions.is_empty()).then_some(CaptionRecord::FILE));
        files.extend((!self.instances.is_empty()).then_some(ObjectsRecord::FILE));
        let mut draft = Draft::begin(target, &files)?;
        let parts = Parts::new(self.karpathy.as_deref(), meter)?;
        self.captions.iter().try_for_each(|path| captions(&mut draft, &parts, path, meter))?;
        self.instances.iter().try_for_each(|path| instances(&mut draft, &parts, path, meter))?;
        draft.finish()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub(super) id: i64,
    pub(super) file_name: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Image {
    /// When it was annotated.
    pub(super) fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }
}

#[derive(Debug, Deserialize)]
struct Caption {
    image_id: i64,
    caption: String,
}

enum CaptionFile {
    Image(Image),
    Caption(Caption),
}

impl Element for CaptionFile {
    const LAYOUT: &'static str = "captions of COCO";
    const LISTS: &'static [&'static str] = &["images", "annotations"];

    fn read<'de, D: Deserializer<'de>>(key: &str, value: D) -> Result<Self, D::Error> {
        Ok(match key {
            "images" => Self::Image(Image::deserialize(value)?),
            _ => Self::Caption(Caption::deserialize(value)?),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Instance {
    image_id: i64,
    category_id: i64,
    bbox: [f64; 4],
    #[serde(default)]
    iscrowd: i64,
}

#[derive(Debug, Deserialize)]
struct Category {
    id: i64,
    name: String,
}

enum InstanceFile {
    Image(Image),
    Instance(Instance),
    Category(Category),
}

impl Element for InstanceFile {
    const LAYOUT: &'static str = "instances of COCO";
    const LISTS: &'static [&'static str] = &["images", "annotations", "categories"];

    fn read<'de, D: Deserializer<'de>>(key: &str, value: D) -> Result<Self, D::Error> {
        Ok(match key {
            "images" => Self::Image(Image::deserialize(value)?),
            "annotations" => Self::Instance(Instance::deserialize(value)?),
            _ => Self::Category(Category::deserialize(value)?),
        })
    }
}

/// Which part a picture is in.
struct Parts(Option<HashMap<i64, Split>>);

impl Parts {
    fn new(karpathy: Option<&Path>, meter: Meter) -> Result<Self, Error> {
        let Some(path) = karpathy else { return Ok(Self(None)) };
        let mut of = HashMap::new();
        json::elements(path, meter, &mut |image: karpathy::Image| {
            if let (Some(id), Some(split)) = (image.cocoid, image.split()) {
                of.insert(id, split);
            }
            Ok(())
        })?;
        Ok(Self(Some(of)))
    }

    /// The size of a picture that is there and that the split file, if any, does not leave out; its part is noted.
    fn admit(&self, draft: &mut Draft, image: &Image, file: &Path) -> Result<Option<Size>, Error> {
        let name = file_name(&image.file_name);
        let split = match &self.0 {
            Some(of) => {
                let Some(split) = of.get(&image.id) else {
                    draft.skip("what is about pictures that the split file leaves out");
                    return Ok(None);
                };
                Some(*split)
            }
            None => split_in(name).or_else(|| split_in(&name_of(file))),
        };
        draft.picture(name, split)
    }
}

fn captions(draft: &mut Draft, parts: &Parts, path: &Path, meter: Meter) -> Result<(), Error> {
    let mut images = HashMap::new();
    let mut early = false;
    json::elements(path, meter, &mut |element| {
        match element {
            CaptionFile::Image(image) => {
                images.insert(image.id, image);
            }
            CaptionFile::Caption(_) if images.is_empty() => early = true,
            CaptionFile::Caption(caption) => write_caption(draft, parts, path, &images, &caption)?,
        }
        Ok(())
    })?;
    if early {
        // Reading again, uncounted, costs less than holding every caption until the pictures are known.
        json::elements(path, &|_| {}, &mut |element| match element {
            CaptionFile::Caption(caption) => write_caption(draft, parts, path, &images, &caption),
            CaptionFile::Image(_) => Ok(()),
        })?;
    }
    Ok(())
}

fn write_caption(
    draft: &mut Draft,
    parts: &Parts,
    path: &Path,
    images: &HashMap<i64, Image>,
    caption: &Caption,
) -> Result<(), Error> {
    let Some(image) = images.get(&caption.image_id) else {
        draft.skip("captions of a picture that the file does not list");
        return Ok(());
    };
    if parts.admit(draft, image, path)?.is_none() {
        return Ok(());
    }
    let name = file_name(&image.file_name).to_owned();
    draft.write(&CaptionRecord { image: name, caption: tidy(&caption.caption) })
}

/// Boxes and categories are held until the end of the file, since a picture's are scattered over it.
fn instances(draft: &mut Draft, parts: &Parts, path: &Path, meter: Meter) -> Result<(), Error> {
    let (mut images, mut classes) = (Vec::new(), HashMap::new());
    let mut boxes: HashMap<i64, Vec<(i64, [f64; 4])>> = HashMap::new();
    json::elements(path, meter, &mut |element| {
        match element {
            InstanceFile::Image(image) => images.push(image),
            InstanceFile::Instance(instance) if instance.iscrowd != 0 => draft.skip("crowd annotations"),
            InstanceFile::Instance(Instance { image_id, category_id, bbox, .. }) => {
                boxes.entry(image_id).or_default().push((category_id, bbox));
            }
            InstanceFile::Category(category) => {
                classes.insert(category.id, tidy(&category.name));
            }
        }
        Ok(())
    })?;
    for image in &images {
        let labelled = boxes.remove(&image.id).unwrap_or_default();
        let Some(size) = parts.admit(draft, image, path)? else { continue };
        let mut objects = Vec::new();
        for (category, bbox) in labelled {
            let Some(class) = classes.get(&category) else {
                draft.skip("boxes of a category that the file does not list");
                continue;
            };
            if let Some(bbox) = draft.place(bbox, image.size(), size) {
                objects
                    .push(ObjectRecord { bbox, tags: Tags { class: class.clone(), attributes: Vec::new() } });
            }
        }
        draft.write_objects(&ObjectsRecord { image: file_name(&image.file_name).to_owned(), objects })?;
    }
    draft.skip_all("boxes in pictures that the file does not list", boxes.values().map(Vec::len).sum());
    Ok(())
}
