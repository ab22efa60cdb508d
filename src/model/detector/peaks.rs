//! From maps to objects: peaks of the heat map, the best of them, and what the maps say there.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::MaxPool2dConfig;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Bool, Int, Tensor};

use super::Maps;

/// Objects of a batch of pictures, by falling score; slots after a picture's last object are zero.
#[derive(Clone, Debug)]
pub struct Detections {
    /// Corners in 0..1 of the square, `[batch, objects, 4]`
    pub boxes: Tensor<3>,
    /// `[batch, objects, features]`
    pub features: Tensor<3>,
    /// Probabilities, `[batch, objects, classes]`
    pub classes: Tensor<3>,
    /// Probabilities, `[batch, objects, attributes]`
    pub attributes: Tensor<3>,
    /// `[batch, objects]`
    pub scores: Tensor<2>,
    /// `[batch, objects]`
    pub real: Tensor<2, Bool>,
}

/// Reads at most `objects` peaks whose heat is at least `threshold`.
pub fn read(maps: Maps, objects: usize, threshold: f64) -> Detections {
    let [_, _, rows, columns] = maps.heat.dims();
    let heat = sigmoid(maps.heat);
    let hottest = heat.clone().max_dim(1);
    let neighbourhood = MaxPool2dConfig::new([3, 3])
        .with_strides([1, 1])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init();
    let pooled = neighbourhood.forward(hottest.clone());
    let valley = hottest.clone().lower(pooled);
    // Below every peak and yet in an order of their own: runtimes break ties differently.
    let peaks = hottest.clone().mask_where(valley, hottest.sub_scalar(1.0));
    let (scores, places) = cells(peaks).squeeze_dim::<2>(2).topk_with_indices(objects, 1);
    let real = scores.clone().greater_equal_scalar(threshold);
    let kept = real.clone().float();
    let kept_rows = kept.clone().unsqueeze_dim::<3>(2);

    let shape = at(maps.shape, &places);
    let row = places.clone().div_scalar(columns as i64);
    let column = places.clone() - row.clone().mul_scalar(columns as i64);
    let corner = Tensor::stack::<3>(vec![column.float(), row.float()], 2);
    let centre = (corner + shape.clone().narrow(2, 2, 2)).div_scalar(rows as f64);
    let half = shape.narrow(2, 0, 2).clamp(-6.0, 0.0).exp().div_scalar(2.0);
    let boxes = Tensor::cat(vec![centre.clone() - half.clone(), centre + half], 2).clamp(0.0, 1.0);

    Detections {
        boxes: boxes * kept_rows.clone(),
        features: at(maps.features, &places) * kept_rows.clone(),
        classes: at(heat, &places) * kept_rows.clone(),
        attributes: sigmoid(at(maps.attributes, &places)) * kept_rows,
        scores: scores * kept,
        real,
    }
}

/// # Shapes
/// - map: `[batch, channels, rows, columns]`
/// - output: `[batch, rows · columns, channels]`
pub fn cells(map: Tensor<4>) -> Tensor<3> {
    map.flatten::<3>(2, 3).swap_dims(1, 2)
}

/// # Shapes
/// - map: `[batch, channels, rows, columns]`
/// - places: `[batch, objects]`, row · columns + column
/// - output: `[batch, objects, channels]`
pub fn at(map: Tensor<4>, places: &Tensor<2, Int>) -> Tensor<3> {
    let [batch, channels, _, _] = map.dims();
    let [_, objects] = places.dims();
    let places = places.clone().reshape([batch, objects, 1]).expand([batch, objects, channels]);
    cells(map).gather(1, places)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData, Tolerance};

    use super::*;

    /// One picture, 2 classes, 3 attributes, 5 features, on 4 by 4 cells, with the given class heats at (row, column).
    fn maps(heats: &[(usize, usize, usize, f32)]) -> Maps {
        let device = Device::flex();
        let mut heat = vec![-9.0f32; 2 * 16];
        for &(class, row, column, logit) in heats {
            heat[class * 16 + row * 4 + column] = logit;
        }
        // Width a quarter of the side, height an eighth; the centre in the middle of its cell.
        let shape: Vec<f32> =
            [(0.25f32).ln(), (0.125f32).ln(), 0.5, 0.5].into_iter().flat_map(|v| [v; 16]).collect();
        let ramp = |channels: usize| (0..channels * 16).map(|v| v as f32).collect::<Vec<_>>();
        Maps {
            features: Tensor::from_data(TensorData::new(ramp(5), [1, 5, 4, 4]), &device),
            heat: Tensor::from_data(TensorData::new(heat, [1, 2, 4, 4]), &device),
            shape: Tensor::from_data(TensorData::new(shape, [1, 4, 4, 4]), &device),
            attributes: Tensor::from_data(TensorData::new(ramp(3), [1, 3, 4, 4]), &device),
        }
    }

    #[test]
    fn peaks_come_by_falling_score_and_neighbours_of_a_peak_are_none() {
        let found = read(maps(&[(0, 0, 0, 1.0), (1, 2, 3, 3.0), (1, 2, 2, 2.0)]), 3, 0.3);
        let real = found.real.into_data().try_to_vec::<bool>().unwrap();
        assert_eq!(real, [true, true, false]);
        let boxes = found.boxes.into_data().try_to_vec::<f32>().unwrap();
        let expected = [0.75, 0.5625, 1.0, 0.6875, 0.0, 0.0625, 0.25, 0.1875];
        let close = boxes.iter().zip(expected).all(|(found, wanted)| (found - wanted).abs() < 1e-5);
        assert!(close, "{boxes:?}");
    }

    #[test]
    fn features_are_those_of_the_peak_cell() {
        let found = read(maps(&[(0, 1, 2, 4.0)]), 1, 0.3);
        let expected = TensorData::new((0..5).map(|f| (f * 16 + 6) as f32).collect::<Vec<_>>(), [1, 1, 5]);
        found.features.into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
        let classes = found.classes.into_data().try_to_vec::<f32>().unwrap();
        assert!(classes[0] > 0.9 && classes[1] < 0.1);
    }
}
