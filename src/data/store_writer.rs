//! Writes a store of objects that is larger than memory: what [`ObjectStore::save`](super::ObjectStore::save)
//! would write, picture by picture.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use half::f16;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::features::{Found, ORIGIN, StoreError, columns, raw};
use super::new_file::NewFile;

/// A store that grows on disk. The columns that are wide lie in files of their own until the end.
#[derive(Debug)]
pub struct ObjectStoreWriter {
    path: PathBuf,
    origin: String,
    /// Width of a region feature; that of the first one.
    width: Option<usize>,
    attributes: usize,
    names: Vec<String>,
    starts: Vec<u32>,
    boxes: Vec<f32>,
    classes: Vec<u16>,
    features: Column,
    has: Column,
}

impl ObjectStoreWriter {
    /// Begins a store at `path`, replacing one that is there when it is finished.
    pub fn create(path: &Path, origin: &str, attributes: usize) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_owned(),
            origin: origin.to_owned(),
            width: None,
            attributes,
            names: Vec::new(),
            starts: vec![0],
            boxes: Vec::new(),
            classes: Vec::new(),
            features: Column::create(path.with_extension("features"))?,
            has: Column::create(path.with_extension("attributes"))?,
        })
    }

    /// Width of a region feature, once there is one.
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Adds the objects of the next picture. All have as many attributes as the store and features of one
    /// width.
    pub fn push(&mut self, name: &str, objects: &[Found]) -> Result<(), StoreError> {
        self.names.push(name.to_owned());
        for object in objects {
            self.width.get_or_insert(object.feature.len());
            self.boxes.extend([object.bbox.x1, object.bbox.y1, object.bbox.x2, object.bbox.y2]);
            self.classes.push(object.class);
            let has: Vec<u8> = object.attributes.iter().map(|&has| u8::from(has)).collect();
            self.has.write(&has)?;
            self.features.write(&raw(&object.feature, |value| f16::from_f32(value).to_le_bytes()))?;
        }
        self.starts.push(self.classes.len() as u32);
        Ok(())
    }

    /// Pictures so far.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Objects so far.
    pub fn objects(&self) -> usize {
        self.classes.len()
    }

    /// Puts the columns together and the store in place.
    pub fn finish(self) -> Result<(), StoreError> {
        let names = self.names.join("\n");
        let widths = [self.width.unwrap_or_default(), self.attributes];
        let columns = columns(&names, self.len(), self.objects(), widths);
        let header = header(&self.path, &self.origin, columns)?;
        let failed = |source| StoreError::File { path: self.path.clone(), source };
        let mut file = NewFile::begin(&self.path).map_err(failed)?;
        let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(failed);
        put(&(header.len() as u64).to_le_bytes())?;
        put(&header)?;
        put(&raw(&self.boxes, f32::to_le_bytes))?;
        put(&raw(&self.starts, u32::to_le_bytes))?;
        self.features.append_to(&mut file)?;
        file.write_all(&raw(&self.classes, u16::to_le_bytes)).map_err(failed)?;
        self.has.append_to(&mut file)?;
        file.write_all(names.as_bytes()).and_then(|()| file.finish()).map_err(failed)
    }
}

/// The header of safetensors, padded so that the columns are aligned.
fn header(path: &Path, origin: &str, columns: [(&str, Dtype, Vec<usize>); 6]) -> Result<Vec<u8>, StoreError> {
    let format = |source| StoreError::Format { path: path.to_owned(), source };
    let mut tensors = Vec::new();
    let mut start = 0;
    for (name, dtype, shape) in columns {
        let end = start + shape.iter().product::<usize>() * dtype.bitsize() / 8;
        tensors.push((name.to_owned(), TensorInfo { dtype, shape, data_offsets: (start, end) }));
        start = end;
    }
    let origin = HashMap::from([(ORIGIN.to_owned(), origin.to_owned())]);
    let metadata = Metadata::new(Some(origin), tensors).map_err(format)?;
    let mut header =
        serde_json::to_vec(&metadata).map_err(|error| format(SafeTensorError::JsonError(error)))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

/// A column on disk, deleted in the end.
#[derive(Debug)]
struct Column {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Column {
    fn create(path: PathBuf) -> Result<Self, StoreError> {
        let file = File::create(&path).map_err(|source| StoreError::File { path: path.clone(), source })?;
        Ok(Self { path, file: BufWriter::with_capacity(1 << 18, file) })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|source| StoreError::File { path: self.path.clone(), source })
    }

    fn append_to(mut self, to: &mut impl Write) -> Result<(), StoreError> {
        let appended = self.file.flush().and_then(|()| io::copy(&mut File::open(&self.path)?, to));
        appended.map(drop).map_err(|source| StoreError::File { path: self.path.clone(), source })
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        // What remains of it is of no use, and nobody is left to tell.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ObjectStore;
    use crate::types::UnitBox;

    fn found(class: u16, feature: [f32; 2]) -> Found {
        let bbox = UnitBox { x1: 0.1, y1: 0.2, x2: 0.3, y2: 0.5 };
        Found { bbox, class, attributes: vec![false, class == 4, true], feature: feature.to_vec() }
    }

    #[test]
    fn the_file_is_the_one_that_a_store_in_memory_writes() {
        let folder = tempfile::tempdir().unwrap();
        let [grown, saved] =
            ["grown", "saved"].map(|name| folder.path().join(name).with_extension("safetensors"));
        let mut writer = ObjectStoreWriter::create(&grown, "elsewhere", 3).unwrap();
        let mut store = ObjectStore::new("elsewhere", 2, 3);
        let pictures = [("a.png", vec![found(4, [1.0, 2.0]), found(1, [0.5, -3.0])]), ("b.png", Vec::new())];
        for (name, objects) in &pictures {
            writer.push(name, objects).unwrap();
            store.push(name, objects);
        }
        assert_eq!((writer.len(), writer.objects(), writer.width()), (2, 2, Some(2)));
        writer.finish().unwrap();
        store.save(&saved).unwrap();
        assert_eq!(ObjectStore::open(&grown).unwrap(), store);
        assert_eq!(fs::metadata(&grown).unwrap().len(), fs::metadata(&saved).unwrap().len());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
