//! Visual Genome: objects with attributes and descriptions of regions, in the spellings of its three
//! releases.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::attributes::Attributes;
use super::draft::{Draft, Target};
use super::error::Error;
use super::json::{self, Element};
use super::source::Meter;
use super::summary::Summary;
use super::text::tidy;
use crate::data::check::Record;
use crate::data::{CaptionRecord, ObjectRecord, ObjectsRecord, ReferringRecord};
use crate::types::{Size, Tags};

/// Visual Genome's files.
#[derive(Clone, Debug)]
pub struct VisualGenome {
    /// `image_data.json`
    pub image_data: PathBuf,
    /// `objects.json`
    pub objects: Option<PathBuf>,
    /// `attributes.json`, beside or in place of the objects.
    pub attributes: Option<PathBuf>,
    /// `region_descriptions.json`
    pub regions: Option<PathBuf>,
    /// Whether the descriptions of regions are captions too.
    pub region_captions: bool,
}

#[derive(Debug, Deserialize)]
struct Image {
    image_id: Option<i64>,
    id: Option<i64>,
    width: u32,
    height: u32,
}

#[derive(Debug, Deserialize)]
struct Labelled {
    image_id: Option<i64>,
    id: Option<i64>,
    /// In the attributes file under another name.
    #[serde(alias = "attributes")]
    objects: Vec<Object>,
}

/// An object of either file.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    object_id: Option<i64>,
    id: Option<i64>,
    #[serde(default)]
    pub(super) merged_object_ids: Vec<i64>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    pub(super) attributes: Option<Vec<String>>,
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

impl Object {
    pub(super) fn id(&self) -> Option<i64> {
        self.object_id.or(self.id)
    }
}

#[derive(Debug, Deserialize)]
struct Described {
    id: Option<i64>,
    image_id: Option<i64>,
    regions: Vec<Region>,
}

#[derive(Debug, Deserialize)]
struct Region {
    phrase: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

macro_rules! listed {
    ($type:ty, $layout:literal) => {
        impl Element for $type {
            const LAYOUT: &'static str = $layout;
            const LISTS: &'static [&'static str] = &[""];

            fn read<'de, D: Deserializer<'de>>(_: &str, value: D) -> Result<Self, D::Error> {
                Self::deserialize(value)
            }
        }
    };
}

listed!(Image, "image data of Visual Genome");
listed!(Labelled, "objects or attributes of Visual Genome");
listed!(Described, "region descriptions of Visual Genome");

impl VisualGenome {
    pub fn import(&self, target: &Target, meter: Meter) -> Result<Summary, Error> {
        let labelled = self.objects.is_some() || self.attributes.is_some();
        let mut files = Vec::new();
        files.extend(labelled.then_some(ObjectsRecord::FILE));
        files.extend(self.regions.is_some().then_some(ReferringRecord::FILE));
        files.extend((self.regions.is_some() && self.region_captions).then_some(CaptionRecord::FILE));
        let mut draft = Draft::begin(target, &files)?;
        let sizes = sizes(&self.image_data, meter)?;
        match (&self.objects, &self.attributes) {
            (Some(objects), Some(attributes)) => {
                let mut apart = Attributes::default();
                json::elements(attributes, meter, &mut |of: Labelled| {
                    of.objects.iter().for_each(|object| apart.put(object));
                    Ok(())
                })?;
                self::objects(&mut draft, &sizes, objects, &mut apart, meter)?;
                draft.skip_all("attributes of objects that the objects file does not list", apart.left());
            }
            (Some(path), None) | (None, Some(path)) => {
                objects(&mut draft, &sizes, path, &mut Attributes::default(), meter)?;
            }
            (None, None) => {}
        }
        if let Some(path) = &self.regions {
            regions(&mut draft, &sizes, path, self.region_captions, meter)?;
        }
        draft.finish()
    }
}

fn sizes(path: &Path, meter: Meter) -> Result<HashMap<i64, Size>, Error> {
    let mut sizes = HashMap::new();
    json::elements(path, meter, &mut |image: Image| {
        if let Some(id) = image.image_id.or(image.id) {
            sizes.insert(id, Size { width: image.width, height: image.height });
        }
        Ok(())
    })?;
    Ok(sizes)
}

/// The name of a picture and its size when it was annotated and now; none if it is to be skipped.
fn picture(
    draft: &mut Draft,
    sizes: &HashMap<i64, Size>,
    id: Option<i64>,
) -> Result<Option<(String, Size, Size)>, Error> {
    let Some((id, annotated)) = id.and_then(|id| Some((id, *sizes.get(&id)?))) else {
        draft.skip("pictures that the image data does not list");
        return Ok(None);
    };
    let name = format!("{id}.jpg");
    let size = draft.picture(&name, None)?;
    Ok(size.map(|size| (name, annotated, size)))
}

fn objects(
    draft: &mut Draft,
    sizes: &HashMap<i64, Size>,
    path: &Path,
    apart: &mut Attributes,
    meter: Meter,
) -> Result<(), Error> {
    json::elements(path, meter, &mut |of: Labelled| {
        let Some((image, annotated, size)) = picture(draft, sizes, of.image_id.or(of.id))? else {
            return Ok(());
        };
        let mut records = Vec::new();
        for object in of.objects {
            // The first of an object's names is the usual one.
            let class = object.names.first().map(|name| tidy(name)).unwrap_or_default();
            if class.is_empty() {
                draft.skip("objects without a name");
                continue;
            }
            let bbox = [object.x, object.y, object.w, object.h];
            let attributes = apart.take(object);
            if let Some(bbox) = draft.place(bbox, annotated, size) {
                records.push(ObjectRecord { bbox, tags: Tags { class, attributes } });
            }
        }
        draft.write_objects(&ObjectsRecord { image, objects: records })
    })
}

fn regions(
    draft: &mut Draft,
    sizes: &HashMap<i64, Size>,
    path: &Path,
    captions: bool,
    meter: Meter,
) -> Result<(), Error> {
    json::elements(path, meter, &mut |of: Described| {
        let Some((image, annotated, size)) = picture(draft, sizes, of.image_id.or(of.id))? else {
            return Ok(());
        };
        for region in of.regions {
            let phrase = tidy(&region.phrase);
            if captions {
                draft.write(&CaptionRecord { image: image.clone(), caption: phrase.clone() })?;
            }
            let bbox = [region.x, region.y, region.width, region.height];
            if let Some(bbox) = draft.place(bbox, annotated, size) {
                let image = image.clone();
                draft.write(&ReferringRecord { image, expression: phrase, bbox: Some(bbox), kind: None })?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Corpus;
    use super::*;

    const IMAGES: &str = r#"[{"image_id":1,"width":80,"height":60,"url":"u/VG_100K_2/1.jpg","coco_id":null,"flickr_id":6273011878},
        {"id":2,"width":64,"height":48}]"#;

    fn corpus() -> Corpus {
        Corpus::new(&[("VG_100K_2/1.jpg", 80, 60), ("VG_100K/2.jpg", 32, 24)])
    }

    fn files(corpus: &Corpus) -> VisualGenome {
        let image_data = corpus.file("image_data.json", IMAGES);
        VisualGenome { image_data, objects: None, attributes: None, regions: None, region_captions: false }
    }

    fn tags(corpus: &Corpus) -> Vec<(String, Vec<String>)> {
        let entries = corpus.entries();
        let objects = entries[0].objects.iter().flatten();
        objects.map(|object| (object.tags.class.clone(), object.tags.attributes.clone())).collect()
    }

    #[test]
    fn objects_of_each_release_take_their_attributes_from_either_file() {
        let old = r#"[{"objects":[{"id":5,"x":1,"y":2,"w":10,"h":20,"names":["clock"]}],"id":1}]"#;
        let merged = r#"[{"image_id":1,"image_url":"u","objects":[
            {"object_id":4,"merged_object_ids":[5],"x":1,"y":2,"w":10,"h":20,"names":["clock","dial"],"synsets":[]}]}]"#;
        let attributes = r#"[{"image_id":1,"attributes":[
            {"object_id":5,"x":1,"y":2,"w":10,"h":20,"names":["clock"],"attributes":["green ","tall","green"]},
            {"object_id":6,"x":1,"y":2,"w":10,"h":20,"names":["street"],"attributes":["wide"]}]}]"#;
        let [green, tall] = ["green", "tall"].map(str::to_owned);
        for objects in [old, merged] {
            let corpus = corpus();
            let files = VisualGenome {
                objects: Some(corpus.file("objects.json", objects)),
                attributes: Some(corpus.file("attributes.json", attributes)),
                ..files(&corpus)
            };
            let summary = files.import(&corpus.target(), &|_| {}).unwrap();
            assert_eq!(summary.skipped.of("attributes of objects that the objects file does not list"), 1);
            assert_eq!(tags(&corpus), [("clock".to_owned(), vec![green.clone(), tall.clone()])]);
        }
        let corpus = corpus();
        let files =
            VisualGenome { attributes: Some(corpus.file("attributes.json", attributes)), ..files(&corpus) };
        files.import(&corpus.target(), &|_| {}).unwrap();
        let [clock, street] = ["clock", "street"].map(str::to_owned);
        assert_eq!(tags(&corpus), [(clock, vec![green, tall]), (street, vec!["wide".to_owned()])]);
    }

    #[test]
    fn what_cannot_be_placed_is_counted() {
        let corpus = corpus();
        let objects = r#"[{"image_id":1,"objects":[{"object_id":1,"x":70,"y":2,"w":20,"h":20,"names":["a"]},
            {"object_id":2,"x":1,"y":2,"w":3,"h":4,"names":[]}]},{"image_id":1,"objects":[]},
            {"image_id":2,"objects":[{"object_id":3,"x":1,"y":2,"w":3,"h":4,"names":["shrunk"]}]},{"image_id":3,"objects":[]}]"#;
        let files = VisualGenome { objects: Some(corpus.file("objects.json", objects)), ..files(&corpus) };
        let summary = files.import(&corpus.target(), &|_| {}).unwrap();
        let reasons = [
            "boxes outside their picture",
            "objects without a name",
            "pictures whose objects were listed before",
            "boxes of a picture that has another size than when it was annotated",
            "pictures that the image data does not list",
        ];
        assert_eq!(reasons.map(|reason| summary.skipped.of(reason)), [1; 5]);
    }

    #[test]
    fn regions_are_expressions_and_at_will_captions() {
        let regions = r#"[{"id":1,"regions":[{"region_id":9,"image_id":1,"phrase":"a clock \n","x":1,"y":2,"width":3,"height":4},
            {"id":10,"image":1,"phrase":"all of it","x":0,"y":0,"width":81,"height":60}]}]"#;
        for region_captions in [false, true] {
            let corpus = corpus();
            let regions = Some(corpus.file("regions.json", regions));
            let files = VisualGenome { regions, region_captions, ..files(&corpus) };
            files.import(&corpus.target(), &|_| {}).unwrap();
            let [entry] = &corpus.entries()[..] else { panic!() };
            assert_eq!(
                entry.referring.iter().map(|said| said.expression.as_str()).collect::<Vec<_>>(),
                ["a clock"]
            );
            assert_eq!(entry.captions.len(), if region_captions { 2 } else { 0 });
        }
    }
}
