//! What is in a box: the map cut out and brought to one size, a region feature, and the tags that are read from it.
//!
//! The cut is RoIAlign (He et al., "Mask R-CNN", arXiv 1703.06870, section 3) written as two matrix products, one along each axis:
//! bilinear weights inside a box depend on row and column apart. At one cell alone, the centre's, the whole of an object would have to
//! be known already.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::model::dims::{Dims, Vocabulary};

/// Samples of a box each way.
const SAMPLES: usize = 7;
/// Brings the extent of a box to the scale of the map's values.
const EXTENT: f64 = 8.0;

/// What is read of each box. N boxes a picture.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Region features, never negative: `[batch, N, features]`
    pub features: Tensor<3>,
    /// Logits, `[batch, N, classes]`
    pub classes: Tensor<3>,
    /// Logits, `[batch, N, attributes]`
    pub attributes: Tensor<3>,
}

/// Reads boxes of the map. The readings of classes and attributes are linear: what they tell is in the feature too.
#[derive(Module, Debug)]
pub struct Regions {
    hidden: Linear,
    feature: Linear,
    classes: Linear,
    attributes: Linear,
}

impl Regions {
    pub fn new(channels: usize, dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        let width = 2 * dims.features;
        Self {
            hidden: LinearConfig::new(SAMPLES * SAMPLES * channels + 2, width).init(device),
            feature: LinearConfig::new(width, dims.features).init(device),
            classes: LinearConfig::new(dims.features, vocabulary.classes).init(device),
            attributes: LinearConfig::new(dims.features, vocabulary.attributes).init(device),
        }
    }

    /// # Shapes
    /// - map: `[batch, channels, rows, columns]`
    /// - boxes: `[batch, N, 4]`, corners in 0..1
    pub fn forward(&self, map: Tensor<4>, boxes: Tensor<3>) -> Contents {
        let extent = boxes.clone().narrow(2, 2, 2) - boxes.clone().narrow(2, 0, 2);
        let seen = Tensor::cat(vec![cut(map, boxes), extent.mul_scalar(EXTENT)], 2);
        let features = relu(self.feature.forward(relu(self.hidden.forward(seen))));
        Contents {
            classes: self.classes.forward(features.clone()),
            attributes: self.attributes.forward(features.clone()),
            features,
        }
    }
}

/// # Shapes
/// - map: `[batch, channels, rows, columns]`
/// - boxes: `[batch, N, 4]`
/// - output: `[batch, N, SAMPLES · SAMPLES · channels]`
fn cut(map: Tensor<4>, boxes: Tensor<3>) -> Tensor<3> {
    let [batch, channels, rows, columns] = map.dims();
    let [_, count, _] = boxes.dims();
    let edge = |corner: usize| boxes.clone().narrow(2, corner, 1);
    let down = weights(edge(1), edge(3), rows).reshape([batch, count * SAMPLES, rows]);
    let across = weights(edge(0), edge(2), columns);
    let map = map.permute([0, 2, 3, 1]).reshape([batch, rows, columns * channels]);
    let bands = down
        .matmul(map)
        .reshape([batch, count, SAMPLES, columns, channels])
        .swap_dims(2, 3)
        .reshape([batch, count, columns, SAMPLES * channels]);
    across.matmul(bands).reshape([batch, count, SAMPLES * SAMPLES * channels])
}

/// How much each cell of one axis weighs in each sample between two edges: a tent around the sample, as wide as the samples are
/// apart, but reaching the neighbouring cells at least. The weights of a sample sum to one.
///
/// # Shapes
/// - from, to: `[batch, N, 1]`, 0..1
/// - output: `[batch, N, SAMPLES, cells]`
fn weights(from: Tensor<3>, to: Tensor<3>, cells: usize) -> Tensor<4> {
    let device = from.device();
    let places: Vec<f32> = (0..SAMPLES).map(|sample| (sample as f32 + 0.5) / SAMPLES as f32).collect();
    let places = Tensor::<1>::from_floats(places.as_slice(), &device).reshape([1, 1, SAMPLES]);
    let centres: Vec<f32> = (0..cells).map(|cell| cell as f32 + 0.5).collect();
    let centres = Tensor::<1>::from_floats(centres.as_slice(), &device).reshape([1, 1, 1, cells]);
    let extent = (to - from.clone()).mul_scalar(cells as f64);
    let reach = extent.clone().div_scalar(SAMPLES as f64).clamp_min(1.0).unsqueeze_dim::<4>(3);
    let samples = (from.mul_scalar(cells as f64) + extent * places).unsqueeze_dim::<4>(3);
    let tents = relu(((samples - centres).abs() / reach).neg().add_scalar(1.0));
    let sum = tents.clone().sum_dim(3).add_scalar(1e-6);
    tents / sum
}

#[cfg(test)]
mod tests {
    use burn::tensor::{TensorData, Tolerance};

    use super::*;

    fn corners(boxes: &[[f32; 4]]) -> Tensor<3> {
        Tensor::from_data(TensorData::new(boxes.concat(), [1, boxes.len(), 4]), &Device::flex())
    }

    /// Two channels on 6 rows and 8 columns: the row of the cell's centre, and its column, each as a share of the whole.
    fn places() -> Tensor<4> {
        let rows = (0..48).map(|cell| ((cell / 8) as f32 + 0.5) / 6.0);
        let columns = (0..48).map(|cell| ((cell % 8) as f32 + 0.5) / 8.0);
        let values: Vec<f32> = rows.chain(columns).collect();
        Tensor::from_data(TensorData::new(values, [1, 2, 6, 8]), &Device::flex())
    }

    #[test]
    fn samples_lie_evenly_in_the_box_whatever_its_size() {
        let boxes = [[0.25, 0.25, 0.75, 0.75], [0.4, 0.3, 0.5, 0.5]];
        let found = cut(places(), corners(&boxes)).into_data().try_to_vec::<f32>().unwrap();
        let wanted: Vec<f32> = boxes
            .iter()
            .flat_map(|&[x1, y1, x2, y2]| {
                let place = |sample: usize| (sample as f32 + 0.5) / SAMPLES as f32;
                (0..SAMPLES * SAMPLES).flat_map(move |at| {
                    let (column, row) = (at / SAMPLES, at % SAMPLES);
                    [y1 + place(row) * (y2 - y1), x1 + place(column) * (x2 - x1)]
                })
            })
            .collect();
        let close = found.iter().zip(&wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-4);
        assert!(close, "{found:?} {wanted:?}");
    }

    #[test]
    fn an_even_map_is_cut_evenly_up_to_its_borders_and_from_an_empty_box() {
        let map = Tensor::<4>::full([1, 3, 5, 5], 2.5, &Device::flex());
        let found = cut(map, corners(&[[0.0, 0.0, 1.0, 1.0], [0.9, 0.0, 1.0, 0.05], [0.0; 4]]));
        let wanted = Tensor::<3>::full(found.dims(), 2.5, &Device::flex()).into_data();
        found.into_data().assert_approx_eq::<f32>(&wanted, Tolerance::absolute(1e-4));
    }
}
