//! Region features of bottom-up attention, row by row into a store of objects.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::aside::{Aside, if_there};
use super::error::Error;
use super::regions::{Layout, Row};
use super::source::{self, Meter};
use super::summary::{Skipped, Summary, counted};
use crate::data::ObjectStoreWriter;
use crate::data::folder::{FEATURES, IMAGES};

/// Files of region features.
#[derive(Clone, Debug)]
pub struct BottomUp {
    pub files: Vec<PathBuf>,
    /// None to tell it by the number of columns.
    pub layout: Option<Layout>,
}

impl BottomUp {
    pub fn import(&self, out: &Path, meter: Meter) -> Result<Summary, Error> {
        let aside = Aside::open(out, &[FEATURES])?;
        let names = Names::of(&aside.out().join(IMAGES))?;
        let mut regions = Regions {
            path: aside.folder().join(FEATURES),
            layout: self.layout,
            names,
            store: None,
            seen: HashSet::new(),
            skipped: Skipped::default(),
        };
        for path in &self.files {
            source::lines(path, meter, |_, line| regions.add(line))?;
        }
        let Regions { store: Some(store), skipped, .. } = regions else {
            return Err(Error::Nothing { skipped: regions.skipped.to_string() });
        };
        let what = format!("{} of {}", counted(store.objects(), "region"), counted(store.len(), "picture"));
        store.finish()?;
        aside.put_in_place(&[FEATURES])?;
        Ok(Summary { written: vec![(FEATURES, what)], skipped })
    }
}

/// The store in the making.
struct Regions {
    path: PathBuf,
    layout: Option<Layout>,
    names: Names,
    /// None until a row tells the layout.
    store: Option<ObjectStoreWriter>,
    seen: HashSet<String>,
    skipped: Skipped,
}

impl Regions {
    fn add(&mut self, line: &[u8]) -> Result<(), Error> {
        let row = self
            .layout
            .or_else(|| Layout::of(line))
            .and_then(|layout| Some((layout, Row::read(line, layout)?)));
        let Some((layout, row)) = row else {
            self.skipped.count("rows that do not decode");
            return Ok(());
        };
        // The first good row decides for all.
        self.layout = Some(layout);
        let name = self.names.of_row(&row.id);
        if self.seen.contains(&name) {
            self.skipped.count("rows of a picture that has one already");
            return Ok(());
        }
        if self.store.is_none() {
            let origin = format!("bottom-up attention, {}", layout.name());
            self.store = Some(ObjectStoreWriter::create(&self.path, &origin, layout.attributes())?);
        }
        let Some(store) = &mut self.store else { return Ok(()) };
        if let (Some(first), Some(width)) = (store.width(), row.width())
            && first != width
        {
            self.skipped.count("rows with features of another width than the first");
            return Ok(());
        }
        self.skipped.add("regions outside their picture or without extent", row.misplaced);
        store.push(&name, &row.regions)?;
        self.seen.insert(name);
        Ok(())
    }
}

/// How the pictures of rows are called in the dataset folder.
struct Names {
    /// By the number in the name; none if two pictures have it.
    by_number: HashMap<u64, Option<String>>,
}

impl Names {
    /// Of the pictures that the folder holds already.
    fn of(images: &Path) -> Result<Self, Error> {
        let mut by_number = HashMap::new();
        for entry in if_there(fs::read_dir(images)).map_err(Error::read(images))?.into_iter().flatten() {
            let entry = entry.map_err(Error::read(images))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(number) = number(&name) {
                by_number.entry(number).and_modify(|name| *name = None).or_insert(Some(name));
            }
        }
        Ok(Self { by_number })
    }

    /// A number is looked up among the pictures, so that COCO's become `COCO_val2014_…`; a stem only lacks
    /// its end.
    fn of_row(&self, id: &str) -> String {
        let named = id.parse().ok().and_then(|number: u64| self.by_number.get(&number)?.clone());
        named.unwrap_or_else(|| format!("{id}.jpg"))
    }
}

/// The last number in a picture's name, such as 42 in `COCO_val2014_000000000042.jpg`.
fn number(name: &str) -> Option<u64> {
    let (stem, _) = name.rsplit_once('.')?;
    let digits = stem.rsplit('_').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::regions::samples;
    use super::*;
    use crate::data::ObjectStore;

    const BOX: [f32; 4] = [10.0, 5.0, 30.0, 15.0];

    fn import(rows: &[String]) -> (TempDir, Result<Summary, Error>) {
        let root = tempfile::tempdir().unwrap();
        let images = root.path().join("out/images");
        fs::create_dir_all(&images).unwrap();
        fs::write(images.join("COCO_val2014_000000000042.jpg"), "").unwrap();
        let file = root.path().join("rows.tsv");
        fs::write(&file, rows.concat()).unwrap();
        let imported = BottomUp { files: vec![file], layout: None }.import(&root.path().join("out"), &|_| {});
        (root, imported)
    }

    #[test]
    fn good_rows_are_kept_and_the_others_counted() {
        let good = samples::butd("42", &[BOX, [0.0, 0.0, 50.0, 5.0]], &[1.0, 2.0, 3.0, 4.0]);
        let cut = format!("{}\r\n", &good[..good.len() - 9]);
        let wide = samples::butd("44", &[BOX], &[1.0, 2.0, 3.0]);
        let other = samples::butd("45", &[BOX], &[9.0, 8.0]);
        let (root, summary) = import(&[cut, good.clone(), good, "\t\n".to_owned(), wide, other]);
        let summary = summary.unwrap();
        let counts = [
            "rows that do not decode",
            "rows of a picture that has one already",
            "rows with features of another width than the first",
            "regions outside their picture or without extent",
        ]
        .map(|reason| summary.skipped.of(reason));
        assert_eq!(counts, [1, 1, 1, 1]);
        let store = ObjectStore::open(&root.path().join("out/features.safetensors")).unwrap();
        assert_eq!((store.len(), store.width(), store.origin()), (2, 2, "bottom-up attention, butd"));
        let known = store.by_name();
        assert!(known.contains_key("COCO_val2014_000000000042.jpg") && known.contains_key("45.jpg"));
        assert_eq!(fs::read_dir(root.path().join("out")).unwrap().count(), 2);
    }

    #[test]
    fn the_tags_of_lxmert_come_along() {
        let (root, summary) = import(&[samples::lxmert("COCO_val2014_000000000042", 7, 3)]);
        assert_eq!(summary.unwrap().skipped, Skipped::default());
        let store = ObjectStore::open(&root.path().join("out/features.safetensors")).unwrap();
        let picture = store.by_name()["COCO_val2014_000000000042.jpg"];
        assert_eq!((store.class(picture, 0), store.bbox(picture, 0).x2), (Some(7), 0.75));
        assert_eq!(store.attributes(picture, 0).position(|has| has), Some(3));
    }

    #[test]
    fn a_file_of_something_else_is_refused_and_leaves_nothing() {
        let (root, imported) = import(&["no\trow\n".to_owned()]);
        let message = imported.unwrap_err().to_string();
        assert!(message.ends_with("rows that do not decode: 1"), "{message}");
        assert!(!root.path().join("out/features.safetensors").exists());
        assert_eq!(fs::read_dir(root.path().join("out")).unwrap().count(), 1);
    }
}
