//! First stage: the detector learns boxes, classes and attributes from labelled pictures.

use std::path::PathBuf;

use burn::tensor::{Bool, Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::features::{PADDING, detect_rows, pixels, square};
use crate::data::{Dataset, Found, GRID, LabelledObject};
use crate::model::{self, Detector, Dims, STRIDE};
use crate::score;
use crate::train::batch::{bools, floats, ints};
use crate::train::dice::{Rounds, dice};
use crate::train::error::Error;
use crate::train::lexicon::Lexicon;
use crate::train::loss::{Targets, detection};
use crate::train::run::{Figures, Loss, Stage};
use crate::train::schedule::Schedule;
use crate::types::{Frame, Split, UnitBox};

/// Pictures that a validation looks at, at most.
const VALIDATED: usize = 500;
/// Standard deviation of a heat map's bump, as a share of the object's extent.
const SPREAD: f32 = 1.0 / 8.0;

/// A picture with what is to be found in it.
#[derive(Clone, Debug)]
pub struct Labelled {
    pub path: PathBuf,
    pub frame: Frame,
    pub objects: Vec<Label>,
}

/// An object in the numbers of the detector.
#[derive(Clone, Debug)]
pub struct Label {
    pub bbox: UnitBox,
    pub class: usize,
    pub attributes: Vec<bool>,
}

impl Labelled {
    /// The labelled pictures of a part; labels outside the lexicon are left out.
    pub fn collect(dataset: &Dataset, split: Split, lexicon: &Lexicon) -> Vec<Self> {
        let words = &lexicon.words;
        let label = |frame: &Frame, object: &LabelledObject| {
            Some(Label {
                bbox: frame.to_unit(&object.bbox),
                class: words.classes.iter().position(|class| *class == object.tags.class)?,
                attributes: words
                    .attributes
                    .iter()
                    .map(|word| object.tags.attributes.contains(word))
                    .collect(),
            })
        };
        let labelled = |entry| {
            let entry: &crate::data::Entry = entry;
            let frame = Frame::new(entry.size);
            let objects = entry.objects.as_ref()?.iter().filter_map(|object| label(&frame, object)).collect();
            Some(Self { path: dataset.path(entry), frame, objects })
        };
        dataset.split(split).filter_map(labelled).collect()
    }

    /// The boxes of its objects, after the content was mirrored if asked.
    fn boxes(&self, side: usize, mirrored: bool) -> Vec<UnitBox> {
        let width = self.frame.content(side as u32).width as f32 / side as f32;
        let place = |object: &Label| {
            let bbox = object.bbox;
            if mirrored { UnitBox { x1: width - bbox.x2, x2: width - bbox.x1, ..bbox } } else { bbox }
        };
        self.objects.iter().map(place).collect()
    }
}

/// Training of the detector.
pub struct DetectorStage<'a> {
    pub schedule: Schedule,
    pub seed: u64,
    pub dims: &'a Dims,
    pub lexicon: &'a Lexicon,
    pub train: &'a [Labelled],
    pub val: &'a [Labelled],
    /// Without gradients.
    pub device: Device,
}

impl Stage for DetectorStage<'_> {
    type Model = Detector;

    fn name(&self) -> &'static str {
        "detector"
    }

    fn schedule(&self) -> Schedule {
        self.schedule
    }

    fn loss(&self, model: &Detector, shard: usize) -> Result<Loss, Error> {
        let device = self.device.clone().autodiff();
        let size = self.schedule.shard();
        let rounds = Rounds::new(self.seed, self.name(), self.train.len());
        let chosen: Vec<&Labelled> =
            rounds.take(shard * size, size).into_iter().map(|index| &self.train[index]).collect();
        let mut rng = dice(self.seed, "mirror", shard as u64);
        let mirrored: Vec<bool> = chosen.iter().map(|_| rng.random_bool(0.5)).collect();
        let side = self.dims.side;
        let rows = chosen
            .par_iter()
            .zip(&mirrored)
            .map(|(picture, &mirrored)| turned(picture, side, mirrored))
            .collect::<Result<Vec<_>, Error>>()?;
        let boxes: Vec<Vec<UnitBox>> =
            chosen.iter().zip(&mirrored).map(|(picture, &mirrored)| picture.boxes(side, mirrored)).collect();
        let maps = model.maps(pixels(rows.concat(), chosen.len(), side, &device));
        let targets = self.targets(&chosen, &boxes, &device);
        // Half of the objects are read in the detector's own boxes, as all will be; early on these tell little, so half in the labelled.
        let labelled = corners(&boxes, &device);
        let found = model::boxes(&maps, &targets.places).detach();
        let own = found.mask_where(coins(labelled.dims(), &mut rng, &device), labelled);
        let contents = model.contents(&maps, own);
        Ok(detection(&maps, &contents, &targets))
    }

    fn validate(&self, model: &Detector) -> Result<Figures, Error> {
        let mut tally = score::Detection::default();
        let val = &self.val[..self.val.len().min(VALIDATED)];
        for chunk in val.chunks(self.schedule.batch) {
            let rows = chunk
                .par_iter()
                .map(|picture| square(&picture.path, self.dims.side, PADDING))
                .collect::<Result<Vec<_>, Error>>()?;
            let found = detect_rows(model, rows.concat(), chunk.len(), self.dims.side, &self.device);
            for (picture, found) in chunk.iter().zip(found) {
                let objects = found.iter().filter(|region| region.class != GRID);
                tally.add(
                    &objects.map(predicted).collect::<Vec<_>>(),
                    &picture.objects.iter().map(truth).collect::<Vec<_>>(),
                );
            }
        }
        let figures = tally.score();
        let (recall, class, attributes) =
            (figures.recall.value, figures.class.value, figures.attribute.value);
        Ok(Figures {
            score: recall * class * attributes,
            named: vec![
                ("recall", recall),
                ("precision", figures.precision.value),
                ("class", class),
                ("attributes", attributes),
            ],
        })
    }
}

impl DetectorStage<'_> {
    fn targets(&self, pictures: &[&Labelled], boxes: &[Vec<UnitBox>], device: &Device) -> Targets {
        let (classes, attributes) = (self.lexicon.words.classes.len(), self.lexicon.words.attributes.len());
        let cells = self.dims.side / STRIDE;
        let slots = slots(boxes);
        let rows = pictures.len();
        let mut heat = vec![0.0f32; rows * classes * cells * cells];
        let mut places = vec![0i64; rows * slots];
        let mut shape = vec![0.0f32; rows * slots * 4];
        let mut class = vec![0.0f32; rows * slots * classes];
        let mut has = vec![0.0f32; rows * slots * attributes];
        let mut weight = vec![0.0f32; rows * slots];
        for (row, (picture, boxes)) in pictures.iter().zip(boxes).enumerate() {
            for (slot, (object, bbox)) in picture.objects.iter().zip(boxes).enumerate() {
                let spot = Spot::of(bbox, cells);
                let map = (row * classes + object.class) * cells * cells;
                spot.raise(&mut heat[map..map + cells * cells]);
                let at = row * slots + slot;
                places[at] = (spot.row * cells + spot.column) as i64;
                shape[at * 4..at * 4 + 4].copy_from_slice(&spot.shape);
                class[at * classes + object.class] = 1.0;
                for (to, &from) in has[at * attributes..].iter_mut().zip(&object.attributes) {
                    *to = f32::from(u8::from(from));
                }
                weight[at] = 1.0;
            }
        }
        Targets {
            heat: floats(heat, [rows, classes, cells, cells], device),
            places: ints(places, [rows, slots], device),
            shape: floats(shape, [rows, slots, 4], device),
            class: floats(class, [rows, slots, classes], device),
            attributes: floats(has, [rows, slots, attributes], device),
            count: weight.iter().filter(|&&weight| weight > 0.0).count(),
            weight: floats(weight, [rows, slots], device),
        }
    }
}

/// Where an object's centre falls on the maps, and what they should say there.
struct Spot {
    row: usize,
    column: usize,
    cells: usize,
    /// Log width, log height, offset x, offset y.
    shape: [f32; 4],
    /// Width and height of the bump, cells.
    spread: (f32, f32),
}

impl Spot {
    fn of(bbox: &UnitBox, cells: usize) -> Self {
        let (x, y) = bbox.centre();
        let (x, y) = (x * cells as f32, y * cells as f32);
        let cell = |v: f32| (v as usize).min(cells - 1);
        let (column, row) = (cell(x), cell(y));
        let log = |extent: f32| extent.max(1e-3).ln();
        let spread = |extent: f32| (extent * cells as f32 * SPREAD).max(0.4);
        Self {
            row,
            column,
            cells,
            shape: [log(bbox.width()), log(bbox.height()), x - column as f32, y - row as f32],
            spread: (spread(bbox.width()), spread(bbox.height())),
        }
    }

    /// Raises a map to this spot's bump where it is higher.
    fn raise(&self, map: &mut [f32]) {
        for (cell, heat) in map.iter_mut().enumerate() {
            let dx = (cell % self.cells) as f32 - self.column as f32;
            let dy = (cell / self.cells) as f32 - self.row as f32;
            let distance = (dx / self.spread.0).powi(2) + (dy / self.spread.1).powi(2);
            *heat = heat.max((-distance / 2.0).exp());
        }
    }
}

/// A picture in the model's square, mirrored left to right if asked.
fn turned(picture: &Labelled, side: usize, mirrored: bool) -> Result<Vec<u8>, Error> {
    let mut data = square(&picture.path, side, PADDING)?;
    if mirrored {
        let width = picture.frame.content(side as u32).width as usize;
        for row in data.chunks_exact_mut(side * 3) {
            let content = &mut row[..width * 3];
            content.reverse();
            content.chunks_exact_mut(3).for_each(<[u8]>::reverse);
        }
    }
    Ok(data)
}

/// A coin for each box, the same for its corners.
fn coins(shape: [usize; 3], rng: &mut ChaCha8Rng, device: &Device) -> Tensor<3, Bool> {
    let coins = (0..shape[0] * shape[1]).flat_map(|_| [rng.random_bool(0.5); 4]).collect();
    bools(coins, shape, device)
}

/// Slots of the picture with the most boxes, one at least.
fn slots(boxes: &[Vec<UnitBox>]) -> usize {
    boxes.iter().map(Vec::len).max().unwrap_or(0).max(1)
}

/// `[pictures, slots, 4]`, zero in padding.
fn corners(boxes: &[Vec<UnitBox>], device: &Device) -> Tensor<3> {
    let slots = slots(boxes);
    let mut corners = vec![0.0; boxes.len() * slots * 4];
    for (row, boxes) in corners.chunks_exact_mut(slots * 4).zip(boxes) {
        for (corners, bbox) in row.chunks_exact_mut(4).zip(boxes) {
            corners.copy_from_slice(&[bbox.x1, bbox.y1, bbox.x2, bbox.y2]);
        }
    }
    floats(corners, [boxes.len(), slots, 4], device)
}

fn predicted(found: &Found) -> score::Detected<usize> {
    score::Detected {
        bbox: found.bbox,
        class: usize::from(found.class),
        attributes: those_set(&found.attributes),
    }
}

fn truth(label: &Label) -> score::Detected<usize> {
    score::Detected { bbox: label.bbox, class: label.class, attributes: those_set(&label.attributes) }
}

fn those_set(attributes: &[bool]) -> Vec<usize> {
    attributes.iter().enumerate().filter_map(|(n, &set)| set.then_some(n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_one_at_its_centre_and_falls_off() {
        let spot = Spot::of(&UnitBox { x1: 0.25, y1: 0.5, x2: 0.75, y2: 1.0 }, 8);
        assert_eq!((spot.row, spot.column), (6, 4));
        assert_eq!(spot.shape[2..], [0.0, 0.0]);
        let mut map = vec![0.0; 64];
        spot.raise(&mut map);
        assert_eq!(map[6 * 8 + 4], 1.0);
        assert!(map[6 * 8 + 5] < 0.5 && map[6 * 8 + 5] > map[6 * 8 + 6]);
    }
}
