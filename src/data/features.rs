//! The detector's objects over a corpus, computed once and kept on disk, so that training the association model never runs it.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};

use blake3::Hasher;
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};

use super::new_file::NewFile;
use crate::types::UnitBox;

const NAMES: &str = "names";
/// Key in the file's metadata.
pub(super) const ORIGIN: &str = "origin";

/// The class of objects that came without one.
pub const NO_CLASS: u16 = u16::MAX;
/// In the place of a class: a region of a grid, in which no object was found.
pub const GRID: u16 = NO_CLASS - 1;

/// Objects of many pictures, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectStore {
    /// What the objects were found with, and in: objects of another origin are others.
    origin: String,
    /// Width of a region feature.
    width: usize,
    /// Attributes of the detector.
    attributes: usize,
    names: Vec<String>,
    /// Objects before each picture, and the number of all at the end.
    starts: Vec<u32>,
    features: Vec<f16>,
    boxes: Vec<f32>,
    classes: Vec<u16>,
    has: Vec<u8>,
}

/// One object as the detector found it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub bbox: UnitBox,
    /// Index of the most probable class, [`NO_CLASS`] or [`GRID`].
    pub class: u16,
    /// For each attribute whether the object has it.
    pub attributes: Vec<bool>,
    pub feature: Vec<f32>,
}

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot access `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("`{}` is damaged; delete it to have it computed again, or import it anew", path.display())]
    Format { path: PathBuf, source: SafeTensorError },
    #[error("`{}` is of another format; delete it to have it computed again, or import it anew", path.display())]
    Content { path: PathBuf },
}

impl ObjectStore {
    pub fn new(origin: &str, width: usize, attributes: usize) -> Self {
        Self { origin: origin.to_owned(), width, attributes, starts: vec![0], ..Self::default() }
    }

    /// What the objects were found with, and in.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// blake3 of all that is stored but the origin, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hasher = Hasher::new();
        for name in &self.names {
            hasher.update(name.as_bytes()).update(&[0]);
        }
        fn column<T: Copy, const N: usize>(hasher: &mut Hasher, values: &[T], bytes: fn(T) -> [u8; N]) {
            for values in values.chunks(1 << 16) {
                hasher.update(&raw(values, bytes));
            }
        }
        column(&mut hasher, &self.starts, u32::to_le_bytes);
        column(&mut hasher, &self.boxes, f32::to_le_bytes);
        column(&mut hasher, &self.features, f16::to_le_bytes);
        column(&mut hasher, &self.classes, u16::to_le_bytes);
        hasher.update(&self.has).finalize().to_hex().to_string()
    }

    /// Adds the objects of the next picture.
    pub fn push(&mut self, name: &str, objects: &[Found]) {
        self.names.push(name.to_owned());
        for object in objects {
            self.boxes.extend([object.bbox.x1, object.bbox.y1, object.bbox.x2, object.bbox.y2]);
            self.classes.push(object.class);
            self.has.extend(object.attributes.iter().map(|&has| u8::from(has)));
            self.features.extend(object.feature.iter().map(|&value| f16::from_f32(value)));
        }
        self.starts.push(self.classes.len() as u32);
    }

    /// Pictures in the store.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Width of a region feature.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Index of each picture by its name.
    pub fn by_name(&self) -> HashMap<&str, usize> {
        self.names.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect()
    }

    pub fn name(&self, picture: usize) -> &str {
        &self.names[picture]
    }

    /// Number of objects of a picture.
    pub fn count(&self, picture: usize) -> usize {
        self.range(picture).len()
    }

    pub fn bbox(&self, picture: usize, object: usize) -> UnitBox {
        let at = (self.range(picture).start + object) * 4;
        let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|corner| self.boxes[at + corner]);
        UnitBox { x1, y1, x2, y2 }
    }

    /// Index of the class; none of an object that came without one, and of a region of a grid.
    pub fn class(&self, picture: usize, object: usize) -> Option<usize> {
        let class = self.classes[self.range(picture).start + object];
        (class < GRID).then_some(usize::from(class))
    }

    /// Whether it is an object, not a region of a grid.
    pub fn is_object(&self, picture: usize, object: usize) -> bool {
        self.classes[self.range(picture).start + object] != GRID
    }

    /// For each attribute whether the object has it.
    pub fn attributes(&self, picture: usize, object: usize) -> impl Iterator<Item = bool> {
        let at = self.range(picture).start + object;
        self.has[at * self.attributes..(at + 1) * self.attributes].iter().map(|&has| has != 0)
    }

    /// The first objects of each picture, `most` at most, without their classes and attributes: numbers that come without the words
    /// they stand for.
    pub fn untagged(&self, most: usize) -> Self {
        let mut other = Self::new(&self.origin, self.width, 0);
        for (picture, name) in self.names.iter().enumerate() {
            let kept =
                self.range(picture).start..self.range(picture).end.min(self.range(picture).start + most);
            other.names.push(name.clone());
            other.boxes.extend_from_slice(&self.boxes[kept.start * 4..kept.end * 4]);
            other.features.extend_from_slice(&self.features[kept.start * self.width..kept.end * self.width]);
            other.classes.extend(iter::repeat_n(NO_CLASS, kept.len()));
            other.starts.push(other.classes.len() as u32);
        }
        other
    }

    /// Appends the region features of a picture, row by row.
    pub fn copy_features(&self, picture: usize, to: &mut Vec<f32>) {
        let objects = self.range(picture);
        let values = &self.features[objects.start * self.width..objects.end * self.width];
        to.extend(values.iter().map(|value| value.to_f32()));
    }

    /// Writes the store aside and puts it in place of an older one.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let format = |source| StoreError::Format { path: path.to_owned(), source };
        let file = |source| StoreError::File { path: path.to_owned(), source };
        let names = self.names.join("\n");
        let columns = columns(&names, self.len(), self.classes.len(), [self.width, self.attributes]);
        let data = [
            raw(&self.boxes, |v| v.to_le_bytes()),
            raw(&self.starts, |v| v.to_le_bytes()),
            raw(&self.features, |v| v.to_le_bytes()),
            raw(&self.classes, |v| v.to_le_bytes()),
            self.has.clone(),
            names.into_bytes(),
        ];
        let views = columns
            .into_iter()
            .zip(&data)
            .map(|((name, dtype, shape), data)| Ok((name, TensorView::new(dtype, shape, data)?)))
            .collect::<Result<Vec<_>, SafeTensorError>>()
            .map_err(format)?;
        let origin = HashMap::from([(ORIGIN.to_owned(), self.origin.clone())]);
        let packed = safetensors::serialize(views, Some(origin)).map_err(format)?;
        let mut aside = NewFile::begin(path).map_err(file)?;
        aside.write_all(&packed).and_then(|()| aside.finish()).map_err(file)
    }

    /// Reads a store that [`save`](Self::save) wrote.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let packed = fs::read(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
        let format = |source| StoreError::Format { path: path.to_owned(), source };
        let content = || StoreError::Content { path: path.to_owned() };
        let (_, header) = SafeTensors::read_metadata(&packed).map_err(format)?;
        let origin = header.metadata().as_ref().and_then(|texts| texts.get(ORIGIN)).ok_or_else(content)?;
        let tensors = SafeTensors::deserialize(&packed).map_err(format)?;
        let column = |name: &str, dtype: Dtype| {
            let tensor = tensors.tensor(name).map_err(format)?;
            if tensor.dtype() == dtype { Ok(tensor) } else { Err(content()) }
        };
        let features = column("features", Dtype::F16)?;
        let attributes = column("attributes", Dtype::U8)?;
        let names = String::from_utf8(column(NAMES, Dtype::U8)?.data().to_vec()).map_err(|_| content())?;
        let store = Self {
            origin: origin.clone(),
            width: features.shape().get(1).copied().ok_or_else(content)?,
            attributes: attributes.shape().get(1).copied().ok_or_else(content)?,
            names: names.split('\n').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            starts: values(column("starts", Dtype::U32)?.data(), u32::from_le_bytes),
            features: values(features.data(), f16::from_le_bytes),
            boxes: values(column("boxes", Dtype::F32)?.data(), f32::from_le_bytes),
            classes: values(column("classes", Dtype::U16)?.data(), u16::from_le_bytes),
            has: attributes.data().to_vec(),
        };
        if store.consistent() { Ok(store) } else { Err(content()) }
    }

    /// Whether the columns belong together, so that no index can leave them.
    fn consistent(&self) -> bool {
        let objects = self.classes.len();
        self.starts.len() == self.names.len() + 1
            && self.starts.is_sorted()
            && self.starts.last().is_some_and(|&end| end as usize == objects)
            && self.features.len() == objects * self.width
            && self.boxes.len() == objects * 4
            && self.has.len() == objects * self.attributes
    }

    fn range(&self, picture: usize) -> Range<usize> {
        self.starts[picture] as usize..self.starts[picture + 1] as usize
    }
}

/// The columns of a store's file: name, type and shape, by falling alignment, as safetensors orders them. `widths` are those of a
/// feature and of the attributes.
pub(super) fn columns(
    names: &str,
    pictures: usize,
    objects: usize,
    widths: [usize; 2],
) -> [(&'static str, Dtype, Vec<usize>); 6] {
    [
        ("boxes", Dtype::F32, vec![objects, 4]),
        ("starts", Dtype::U32, vec![pictures + 1]),
        ("features", Dtype::F16, vec![objects, widths[0]]),
        ("classes", Dtype::U16, vec![objects]),
        ("attributes", Dtype::U8, vec![objects, widths[1]]),
        (NAMES, Dtype::U8, vec![names.len()]),
    ]
}

pub(super) fn raw<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

fn values<T, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| value(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> ObjectStore {
        let object = |class, feature: [f32; 2]| Found {
            bbox: UnitBox { x1: 0.1, y1: 0.2, x2: 0.3, y2: 0.5 },
            class,
            attributes: vec![false, class == 4, true],
            feature: feature.to_vec(),
        };
        let mut store = ObjectStore::new("a detector", 2, 3);
        store.push("a.png", &[object(4, [1.0, 2.0]), object(1, [0.5, -3.0])]);
        store.push("b.png", &[]);
        store.push("c.png", &[object(2, [7.0, 8.0])]);
        store
    }

    #[test]
    fn a_store_reads_back_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.safetensors");
        store().save(&path).unwrap();
        let read = ObjectStore::open(&path).unwrap();
        assert_eq!(read, store());
        let c = read.by_name()["c.png"];
        assert_eq!((read.count(c), read.class(c, 0), read.count(1)), (1, Some(2), 0));
        assert_eq!(read.attributes(0, 0).collect::<Vec<_>>(), [false, true, true]);
        let mut features = Vec::new();
        read.copy_features(0, &mut features);
        assert_eq!(features, [1.0, 2.0, 0.5, -3.0]);
    }

    #[test]
    fn an_object_without_a_class_is_one_and_a_region_of_a_grid_is_none() {
        let mut store = ObjectStore::new("a detector", 2, 1);
        let bbox = UnitBox { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 };
        let found = [0, NO_CLASS, GRID].map(|class| Found {
            bbox,
            class,
            attributes: vec![false],
            feature: vec![0.5; 2],
        });
        store.push("a.png", &found);
        assert_eq!([0, 1, 2].map(|object| store.class(0, object)), [Some(0), None, None]);
        assert_eq!([0, 1, 2].map(|object| store.is_object(0, object)), [true, true, false]);
    }

    #[test]
    fn without_tags_the_first_objects_keep_their_boxes_and_features() {
        let bare = store().untagged(1);
        assert_eq!([0, 1, 2].map(|picture| bare.count(picture)), [1, 0, 1]);
        assert_eq!((bare.by_name(), bare.width()), (store().by_name(), 2));
        assert_eq!((bare.class(2, 0), bare.attributes(2, 0).count()), (None, 0));
        assert_eq!(bare.bbox(2, 0), store().bbox(2, 0));
        let mut features = Vec::new();
        for picture in [0, 2] {
            bare.copy_features(picture, &mut features);
        }
        assert_eq!(features, [1.0, 2.0, 7.0, 8.0]);
        assert!(bare.consistent());
    }

    #[test]
    fn stores_that_differ_in_one_number_differ_in_digest() {
        let mut other = store();
        other.features[5] = f16::from_f32(8.5);
        assert_ne!(store().digest(), other.digest());
        other.features[5] = store().features[5];
        assert_eq!(store().digest(), other.digest());
    }

    #[test]
    fn a_cut_store_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.safetensors");
        store().save(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        assert!(matches!(ObjectStore::open(&path), Err(StoreError::Format { .. })));
    }
}
