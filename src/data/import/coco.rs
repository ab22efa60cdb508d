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

    /// The size of a picture that is there and that the split file, if any, does not leave out; its part is
    /// noted.
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

#[cfg(test)]
mod tests {
    use super::super::testing::Corpus;
    use super::*;
    use crate::types::PixelBox;

    const TRAIN: &str = "COCO_train2014_000000000007.jpg";
    const VAL: &str = "COCO_val2014_000000000008.jpg";

    fn corpus() -> Corpus {
        Corpus::new(&[(&format!("train2014/{TRAIN}"), 64, 48), (&format!("val2014/{VAL}"), 30, 40)])
    }

    fn images() -> String {
        format!(
            r#""images":[{{"id":7,"file_name":"{TRAIN}","width":64,"height":48,"license":1,"url":"u"}},
            {{"id":8,"file_name":"{VAL}","width":30,"height":40,"coco_url":"c"}}]"#
        )
    }

    fn coco(captions: Vec<PathBuf>, instances: Vec<PathBuf>, karpathy: Option<PathBuf>) -> Coco {
        Coco { captions, instances, karpathy }
    }

    #[test]
    fn captions_come_in_either_order_of_the_keys() {
        let annotations = r#""annotations":[{"image_id":7,"id":1,"caption":" A dog\nruns. "},
            {"image_id":8,"id":2,"caption":"Two cats"},{"image_id":9,"id":3,"caption":"nothing"}]"#;
        for parts in [[images(), annotations.to_owned()], [annotations.to_owned(), images()]] {
            let corpus = corpus();
            let text = format!(r#"{{"info":{{}},{},"type":"captions"}}"#, parts.join(","));
            let file = corpus.file("captions.json", text);
            let summary = coco(vec![file], Vec::new(), None).import(&corpus.target(), &|_| {}).unwrap();
            assert_eq!(summary.skipped.of("captions of a picture that the file does not list"), 1);
            let [train, val] = &corpus.entries()[..] else { panic!() };
            assert_eq!(
                (train.name.as_str(), train.split, &train.captions[..]),
                (TRAIN, Split::Train, &["A dog runs.".to_owned()][..])
            );
            assert_eq!(
                (val.name.as_str(), val.split, val.captions[0].as_str()),
                (VAL, Split::Val, "Two cats")
            );
        }
    }

    #[test]
    fn objects_are_those_with_a_box_of_their_own() {
        let corpus = corpus();
        let rest = r#""annotations":[
            {"id":1,"image_id":7,"category_id":18,"bbox":[1,2,10.5,20],"iscrowd":0,"segmentation":[[1,2,3,4,5,6]]},
            {"id":908400255165,"image_id":7,"category_id":1,"bbox":[0,0,5,5],"iscrowd":1,"segmentation":{"counts":[1],"size":[1,1]}},
            {"id":918,"image_id":7,"category_id":18,"bbox":[1,2,10,0.0],"iscrowd":0},
            {"id":3,"image_id":7,"category_id":18,"bbox":[60,2,10,4],"iscrowd":0},
            {"id":4,"image_id":7,"category_id":2,"bbox":[1,2,1,1],"iscrowd":0},
            {"id":5,"image_id":9,"category_id":18,"bbox":[1,2,1,1],"iscrowd":0}],
            "categories":[{"id":18,"name":"dog","supercategory":"animal"}]"#;
        let file = corpus.file("instances_train2014.json", format!("{{{rest},{}}}", images()));
        let summary = coco(Vec::new(), vec![file], None).import(&corpus.target(), &|_| {}).unwrap();
        let reasons = [
            "crowd annotations",
            "boxes without extent",
            "boxes outside their picture",
            "boxes of a category that the file does not list",
            "boxes in pictures that the file does not list",
        ];
        assert_eq!(reasons.map(|reason| summary.skipped.of(reason)), [1; 5]);
        let [train, val] = &corpus.entries()[..] else { panic!() };
        let [dog] = &train.objects.as_ref().unwrap()[..] else { panic!() };
        assert_eq!(dog.bbox, PixelBox { x: 1.0, y: 2.0, width: 10.5, height: 20.0 });
        assert_eq!(dog.tags.class, "dog");
        assert!(val.objects.as_ref().unwrap().is_empty());
    }

    #[test]
    fn the_split_file_moves_restval_to_train_and_leaves_pictures_out() {
        let corpus = corpus();
        let annotations = r#""annotations":[{"image_id":7,"caption":"a"},{"image_id":8,"caption":"b"}]"#;
        let file = corpus.file("captions.json", format!("{{{},{annotations}}}", images()));
        let split = corpus.file(
            "dataset_coco.json",
            format!(r#"{{"images":[{{"filepath":"val2014","filename":"{VAL}","cocoid":8,"split":"restval","sentences":[]}}]}}"#),
        );
        let summary = coco(vec![file], Vec::new(), Some(split)).import(&corpus.target(), &|_| {}).unwrap();
        assert_eq!(summary.skipped.of("what is about pictures that the split file leaves out"), 1);
        let [only] = &corpus.entries()[..] else { panic!() };
        assert_eq!((only.name.as_str(), only.split), (VAL, Split::Train));
    }

    #[test]
    fn the_file_tells_the_part_where_the_pictures_of_2017_do_not() {
        let corpus = Corpus::new(&[("val2017/000000000008.jpg", 30, 40)]);
        let text = r#"{"images":[{"id":8,"file_name":"000000000008.jpg","width":30,"height":40}],
            "annotations":[{"image_id":8,"caption":"b"}]}"#;
        let file = corpus.file("captions_val2017.json", text);
        coco(vec![file], Vec::new(), None).import(&corpus.target(), &|_| {}).unwrap();
        assert_eq!(corpus.entries()[0].split, Split::Val);
    }

    #[test]
    fn a_file_of_another_kind_leaves_nothing() {
        let corpus = corpus();
        let file = corpus.file("questions.json", r#"{"questions":[]}"#);
        let error = coco(vec![file], Vec::new(), None).import(&corpus.target(), &|_| {}).unwrap_err();
        assert!(matches!(error, Error::Json { layout: "captions of COCO", .. }), "{error:?}");
        assert!(corpus.is_untouched());
    }
}
