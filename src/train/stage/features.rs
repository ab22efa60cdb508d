//! Second stage: the frozen detector looks at every picture once; what it finds is kept on disk.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;

use crate::data::{Dataset, Found, GRID, ObjectStore};
use crate::input::{Limits, Picture};
use crate::model::{Detections, Detector};
use crate::train::error::Error;
use crate::train::run::Observer;
use crate::types::UnitBox;

/// RGB around a picture in the model's square.
pub const PADDING: [u8; 3] = [114; 3];
/// Probability from which an attribute is among an object's tags.
pub const ATTRIBUTE_THRESHOLD: f32 = 0.5;
/// Pictures the detector sees at once.
const BATCH: usize = 32;

/// Runs the detector over the pictures of a dataset that no earlier pass has seen. A pass that is stopped keeps what it has.
pub fn compute(
    detector: &Detector,
    dataset: &Dataset,
    shape: &StoreShape,
    watch: (&dyn Observer, &AtomicBool),
) -> Result<ObjectStore, Error> {
    let (observer, stop) = watch;
    let pictures = &dataset.pictures;
    let kept = if shape.path.is_file() { Some(ObjectStore::open(shape.path)?) } else { None };
    let mut store = kept
        .filter(|store| store.origin() == shape.origin)
        .unwrap_or_else(|| ObjectStore::new(shape.origin, shape.features, shape.attributes));
    if store.len() == pictures.len() {
        return Ok(store);
    }
    observer.stage("objects", store.len(), pictures.len());
    for chunk in pictures[store.len()..].chunks(BATCH) {
        let rows = chunk
            .par_iter()
            .map(|entry| square(&dataset.path(entry), shape.side, PADDING))
            .collect::<Result<Vec<_>, Error>>()?;
        let found = detect_rows(detector, rows.concat(), chunk.len(), shape.side, shape.device);
        for (entry, found) in chunk.iter().zip(found) {
            store.push(&entry.name, &found);
        }
        observer.advance(chunk.len());
        if stop.load(Ordering::Relaxed) {
            store.save(shape.path)?;
            return Err(Error::Interrupted { stage: "objects", step: store.len() });
        }
    }
    store.save(shape.path)?;
    Ok(store)
}

/// Where the objects go, where they come from, and the sizes of what is stored.
pub struct StoreShape<'a> {
    pub path: &'a Path,
    /// Names the detector and the dataset.
    pub origin: &'a str,
    pub side: usize,
    pub features: usize,
    pub attributes: usize,
    /// Without gradients.
    pub device: &'a Device,
}

/// The detector's objects in each of `count` squares of pixels, one after the other.
pub fn detect_rows(
    detector: &Detector,
    rows: Vec<u8>,
    count: usize,
    side: usize,
    device: &Device,
) -> Vec<Vec<Found>> {
    found(detector.detect(pixels(rows, count, side, device)))
}

/// Squares of pixels as a tensor: `[count, side, side, 3]`.
pub fn pixels(rows: Vec<u8>, count: usize, side: usize, device: &Device) -> Tensor<4, Int> {
    let values: Vec<i64> = rows.into_iter().map(i64::from).collect();
    Tensor::from_data(TensorData::new(values, [count, side, side, 3]), device)
}

/// A picture file decoded to the model's square, filled up with `padding`: `[side, side, 3]`.
pub fn square(path: &Path, side: usize, padding: [u8; 3]) -> Result<Vec<u8>, Error> {
    let bytes = fs::read(path).map_err(Error::file("read", path))?;
    let picture = Picture::decode(&bytes, &Limits::default());
    let damaged = |source| Error::Picture { path: path.to_owned(), source };
    Ok(picture.map_err(damaged)?.pixels(side as u32, padding).data)
}

/// The real slots of each row: objects, and regions of a grid, which have no score.
fn found(detections: Detections) -> Vec<Vec<Found>> {
    let [rows, slots, width] = detections.features.dims();
    let [_, _, classes] = detections.classes.dims();
    let [_, _, attributes] = detections.attributes.dims();
    let floats = |tensor: Tensor<3>| {
        tensor.into_data().try_to_vec::<f32>().expect("a float tensor on a device of f32 reads back as f32")
    };
    let real: Vec<f32> = floats(detections.real.float().unsqueeze_dim::<3>(2));
    let scores: Vec<f32> = floats(detections.scores.unsqueeze_dim::<3>(2));
    let (boxes, features) = (floats(detections.boxes), floats(detections.features));
    let (class, has) = (floats(detections.classes), floats(detections.attributes));
    let object = |slot: usize| {
        let b = &boxes[slot * 4..slot * 4 + 4];
        let probabilities = &class[slot * classes..(slot + 1) * classes];
        let best = (0..classes).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0);
        let asked = &has[slot * attributes..(slot + 1) * attributes];
        Found {
            bbox: UnitBox { x1: b[0], y1: b[1], x2: b[2], y2: b[3] },
            class: if scores[slot] > 0.0 { best as u16 } else { GRID },
            attributes: asked.iter().map(|&p| p >= ATTRIBUTE_THRESHOLD).collect(),
            feature: features[slot * width..(slot + 1) * width].to_vec(),
        }
    };
    (0..rows)
        .map(|row| (row * slots..(row + 1) * slots).filter(|&slot| real[slot] > 0.5).map(object).collect())
        .collect()
}
