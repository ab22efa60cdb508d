//! Objects to visual states: what the visual semantic encoder makes of a picture.

use crate::bundle::names::tensor;
use crate::input::pad_rows;
use crate::runtime::graph::{Failed, Graph, Values};

use super::{Found, Model};

/// The visual states of a picture.
#[derive(Debug)]
pub(in crate::runtime) struct VisualStates {
    /// H_v: one row of width D per region.
    pub visual: Vec<f32>,
    /// Unit length.
    pub coarse: Vec<f32>,
    pub regions: usize,
}

/// Computes the states of every picture.
pub(in crate::runtime) fn see(
    graph: &mut Graph,
    model: &Model,
    pictures: &[Found],
) -> Result<Vec<VisualStates>, Failed> {
    let width = model.manifest.dimensions.width;
    let features: Vec<_> = pictures.iter().map(|found| found.features.as_slice()).collect();
    let boxes: Vec<_> = pictures.iter().map(|found| found.boxes.as_slice()).collect();
    // A picture without regions keeps one slot that is not real: the graphs know no axis of length zero.
    let features = pad_rows(&features, model.manifest.dimensions.features, 1);
    let boxes = pad_rows(&boxes, 4, 1);
    let (rows, slots) = (features.rows, features.length);
    graph.run(
        &[
            (tensor::FEATURES, &[rows, slots, features.width], Values::F32(&features.values)),
            (tensor::BOXES, &[rows, slots, 4], Values::F32(&boxes.values)),
            (tensor::OBJECT_MASK, &[rows, slots], Values::Bool(&features.mask)),
        ],
        |outputs| {
            let visual = outputs.rows(tensor::VISUAL, rows)?;
            let coarse = outputs.rows(tensor::VISUAL_COARSE, rows)?;
            let states = pictures.iter().enumerate().map(|(row, found)| {
                let regions = found.regions();
                VisualStates {
                    visual: visual.row(row)[..regions * width].to_vec(),
                    coarse: coarse.row(row).to_vec(),
                    regions,
                }
            });
            Ok(states.collect())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::graphs::tests::{BOUND, apart, graphs, numbers};
    use crate::types::{Object, Tags, UnitBox};

    #[test]
    fn a_picture_alone_is_seen_as_in_a_padded_batch() {
        let (mut graphs, model) = graphs();
        let mut seed = 1;
        let bbox = UnitBox { x1: 0.1, y1: 0.1, x2: 0.4, y2: 0.6 };
        let pictures: Vec<Found> = [3, 1, 0, 8, 5, 2, 7, 4]
            .map(|count| Found {
                objects: vec![Object { bbox, tags: Tags::default(), score: 0.5 }; count],
                features: numbers(count * model.manifest.dimensions.features, &mut seed),
                boxes: [0.1, 0.1, 0.4, 0.6].repeat(count),
            })
            .into();
        let together = see(&mut graphs.vision, &model, &pictures).unwrap();
        for (picture, together) in pictures.iter().zip(&together) {
            let alone = see(&mut graphs.vision, &model, std::slice::from_ref(picture)).unwrap().remove(0);
            let apart = apart(&alone.visual, &together.visual).max(apart(&alone.coarse, &together.coarse));
            assert!(apart <= BOUND, "{} objects differ by {apart}", picture.objects.len());
        }
    }
}
