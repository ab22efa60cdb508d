//! Rows of a batch as tensors: built on the host, each uploaded once.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use super::masking::Plan;
use crate::data::ObjectStore;
use crate::input::{pad_rows, pad_tokens};
use crate::model::{Cmal, Filling, Fills, Read, Seen};

/// Pictures of a batch. B pictures, R objects of the richest.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// `[batch, objects, features]`
    pub features: Tensor<3>,
    /// `[batch, objects, 4]`
    pub boxes: Tensor<3>,
    /// `[batch, objects]`
    pub real: Tensor<2, Bool>,
    /// R.
    pub objects: usize,
}

impl Pictures {
    /// Gathers pictures of the store.
    pub fn gather(store: &ObjectStore, pictures: &[usize], device: &Device) -> Self {
        let width = store.width();
        let mut features = Vec::with_capacity(pictures.len());
        let mut boxes = Vec::with_capacity(pictures.len());
        for &picture in pictures {
            let mut rows = Vec::with_capacity(store.count(picture) * width);
            store.copy_features(picture, &mut rows);
            features.push(rows);
            let corners = |object| {
                let bbox = store.bbox(picture, object);
                [bbox.x1, bbox.y1, bbox.x2, bbox.y2]
            };
            boxes.push((0..store.count(picture)).flat_map(corners).collect::<Vec<f32>>());
        }
        let features = pad_rows(&features.iter().map(Vec::as_slice).collect::<Vec<_>>(), width, 1);
        let boxes = pad_rows(&boxes.iter().map(Vec::as_slice).collect::<Vec<_>>(), 4, 1);
        let (rows, objects) = (features.rows, features.length);
        Self {
            features: floats(features.values, [rows, objects, width], device),
            boxes: floats(boxes.values, [rows, objects, 4], device),
            real: bools(features.mask, [rows, objects], device),
            objects,
        }
    }

    /// Through the visual semantic encoder.
    pub fn see(&self, model: &Cmal, masked: Option<Tensor<2, Bool>>) -> Seen {
        model.see(self.features.clone(), self.boxes.clone(), self.real.clone(), masked)
    }
}

/// Texts of a batch. B texts, T tokens of the longest.
#[derive(Clone, Debug)]
pub struct Texts {
    /// `[batch, tokens]`
    pub tokens: Tensor<2, Int>,
    /// `[batch, tokens]`
    pub real: Tensor<2, Bool>,
    /// T.
    pub length: usize,
}

impl Texts {
    /// Pads token rows.
    pub fn gather(rows: &[&[i64]], pad: i64, device: &Device) -> Self {
        let padded = pad_tokens(rows, pad, 1);
        let shape = [padded.rows, padded.length];
        Self {
            tokens: ints(padded.ids, shape, device),
            real: bools(padded.mask, shape, device),
            length: padded.length,
        }
    }

    /// Through the textual semantic encoder.
    pub fn read(&self, model: &Cmal) -> Read {
        model.read(self.tokens.clone(), self.real.clone())
    }
}

/// The plans of a batch as masks and indices. `tokens` and `objects` are T and R.
pub fn fills(plans: &[Plan], tokens: usize, objects: usize, device: &Device) -> Fills {
    let rows = plans.len();
    let mut text = Slots::new(rows, tokens);
    let mut object = Slots::new(rows, objects);
    for (row, plan) in plans.iter().enumerate() {
        for fill in &plan.text {
            text.fill(row, fill.slot, fill.source);
            object.mask(row, fill.source);
        }
        for fill in &plan.objects {
            object.fill(row, fill.slot, fill.source);
            text.mask(row, fill.source);
        }
    }
    Fills { text: text.upload(device), objects: object.upload(device) }
}

/// True at the objects hidden from the visual encoder.
pub fn hidden_objects(plans: &[Plan], objects: usize, device: &Device) -> Tensor<2, Bool> {
    let mut hidden = vec![false; plans.len() * objects];
    for (row, plan) in plans.iter().enumerate() {
        for object in plan.hidden_objects() {
            hidden[row * objects + object] = true;
        }
    }
    bools(hidden, [plans.len(), objects], device)
}

struct Slots {
    shape: [usize; 2],
    source: Vec<i64>,
    filled: Vec<bool>,
    masked: Vec<bool>,
}

impl Slots {
    fn new(rows: usize, slots: usize) -> Self {
        let all = rows * slots;
        Self {
            shape: [rows, slots],
            source: vec![0; all],
            filled: vec![false; all],
            masked: vec![false; all],
        }
    }

    fn fill(&mut self, row: usize, slot: usize, source: usize) {
        self.source[row * self.shape[1] + slot] = source as i64;
        self.filled[row * self.shape[1] + slot] = true;
    }

    fn mask(&mut self, row: usize, slot: usize) {
        self.masked[row * self.shape[1] + slot] = true;
    }

    fn upload(self, device: &Device) -> Filling {
        Filling {
            source: ints(self.source, self.shape, device),
            filled: bools(self.filled, self.shape, device),
            masked: bools(self.masked, self.shape, device),
        }
    }
}

pub fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub fn ints<const D: usize>(values: Vec<i64>, shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub fn bools<const D: usize>(values: Vec<bool>, shape: [usize; D], device: &Device) -> Tensor<D, Bool> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A list of row numbers.
pub fn indices(rows: impl IntoIterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.into_iter().map(|row| row as i64).collect();
    let count = rows.len();
    ints(rows, [count], device)
}
