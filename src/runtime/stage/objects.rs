//! Pixels to objects: boxes, tags and features of what a picture shows.

use crate::bundle::Manifest;
use crate::bundle::names::tensor;
use crate::input::Pixels;
use crate::runtime::graph::{Failed, Graph, Values};
use crate::types::{Object, Tags, UnitBox};

use super::Model;

/// The objects of a picture, by falling score, and the regions that it is looked at by: the objects, and behind them those of a grid if
/// there are few objects or none.
#[derive(Clone, Debug, Default)]
pub(in crate::runtime) struct Found {
    pub objects: Vec<Object>,
    /// One row of width F per region.
    pub features: Vec<f32>,
    /// Corners of each region, 0..1 of the square.
    pub boxes: Vec<f32>,
}

impl Found {
    /// Regions, objects counted.
    pub fn regions(&self) -> usize {
        self.boxes.len() / 4
    }
}

/// Finds the objects of every picture.
pub(super) fn find(graph: &mut Graph, model: &Model, pictures: &[&Pixels]) -> Result<Vec<Found>, Failed> {
    let rows = pictures.len();
    let side = model.manifest.preprocessing.side as usize;
    let joined: Vec<u8>;
    let pixels = match pictures {
        [one] => &one.data,
        many => {
            joined = many.iter().map(|pixels| pixels.data.as_slice()).collect::<Vec<_>>().concat();
            &joined
        }
    };
    graph.run(&[(tensor::PIXELS, &[rows, side, side, 3], Values::U8(pixels))], |outputs| {
        let mask = outputs.masks(tensor::OBJECT_MASK, rows)?;
        let boxes = outputs.rows(tensor::BOXES, rows)?;
        let features = outputs.rows(tensor::FEATURES, rows)?;
        let classes = outputs.rows(tensor::CLASSES, rows)?;
        let attributes = outputs.rows(tensor::ATTRIBUTES, rows)?;
        let scores = outputs.rows(tensor::SCORES, rows)?;
        let found = (0..rows).map(|row| {
            let slots = Slots {
                boxes: boxes.row(row),
                features: features.row(row),
                classes: classes.row(row),
                attributes: attributes.row(row),
                scores: scores.row(row),
            };
            slots.found(mask.row(row), &model.manifest)
        });
        Ok(found.collect())
    })
}

/// The detector's slots of one picture, each kind row-major.
struct Slots<'a> {
    boxes: &'a [f32],
    features: &'a [f32],
    classes: &'a [f32],
    attributes: &'a [f32],
    scores: &'a [f32],
}

impl Slots<'_> {
    /// The slots that hold an object or a region of a grid, which has no score.
    fn found(&self, mask: &[bool], manifest: &Manifest) -> Found {
        let mut found = Found::default();
        for slot in mask.iter().enumerate().filter_map(|(slot, real)| real.then_some(slot)) {
            let corners = part(self.boxes, slot, 4);
            let &[x1, y1, x2, y2] = corners else { continue };
            let score = self.scores.get(slot).copied().unwrap_or_default();
            if score > 0.0 {
                found.objects.push(Object {
                    bbox: UnitBox { x1, y1, x2, y2 },
                    tags: tags(
                        part(self.classes, slot, manifest.classes.len()),
                        part(self.attributes, slot, manifest.attributes.len()),
                        manifest,
                    ),
                    score,
                });
            }
            found.features.extend_from_slice(part(self.features, slot, manifest.dimensions.features));
            found.boxes.extend_from_slice(corners);
        }
        found
    }
}

/// The values of one slot; empty if the graph gave fewer.
fn part(values: &[f32], slot: usize, width: usize) -> &[f32] {
    values.get(slot * width..(slot + 1) * width).unwrap_or_default()
}

/// The most probable class, and every attribute from the threshold on.
fn tags(classes: &[f32], attributes: &[f32], manifest: &Manifest) -> Tags {
    let best = classes.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(best, _)| best);
    let chosen = manifest
        .attributes
        .iter()
        .zip(attributes)
        .filter(|(_, probability)| **probability >= manifest.attribute_threshold)
        .map(|(attribute, _)| attribute.clone());
    Tags { class: manifest.classes.get(best).cloned().unwrap_or_default(), attributes: chosen.collect() }
}
