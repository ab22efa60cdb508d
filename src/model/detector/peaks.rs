//! From maps to boxes: peaks of the heat map, the best of them, and the shapes that are read there.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::MaxPool2dConfig;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Bool, Int, Tensor};

use super::Maps;

/// Boxes of a batch of pictures, by falling score; slots after a picture's last object are zero.
#[derive(Clone, Debug)]
pub struct Peaks {
    /// Corners in 0..1 of the square, `[batch, objects, 4]`
    pub boxes: Tensor<3>,
    /// `[batch, objects]`
    pub scores: Tensor<2>,
    /// `[batch, objects]`
    pub real: Tensor<2, Bool>,
}

/// Finds at most `objects` peaks whose heat is at least `threshold`.
pub fn find(maps: &Maps, objects: usize, threshold: f64) -> Peaks {
    let hottest = sigmoid(maps.heat.clone().max_dim(1));
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

    let boxes = boxes(maps, &places);
    Peaks { boxes: boxes * kept.clone().unsqueeze_dim::<3>(2), scores: scores * kept, real }
}

/// The boxes of objects with their centres in these cells.
///
/// # Shapes
/// - places: `[batch, objects]`, row · columns + column
/// - output: `[batch, objects, 4]`, corners in 0..1
pub fn boxes(maps: &Maps, places: &Tensor<2, Int>) -> Tensor<3> {
    let [_, _, rows, columns] = maps.shape.dims();
    let shape = at(maps.shape.clone(), places);
    let row = places.clone().div_scalar(columns as i64);
    let column = places.clone() - row.clone().mul_scalar(columns as i64);
    let corner = Tensor::stack::<3>(vec![column.float(), row.float()], 2);
    let centre = (corner + shape.clone().narrow(2, 2, 2)).div_scalar(rows as f64);
    let half = shape.narrow(2, 0, 2).clamp(-6.0, 0.0).exp().div_scalar(2.0);
    Tensor::cat(vec![centre.clone() - half.clone(), centre + half], 2).clamp(0.0, 1.0)
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
    use burn::tensor::{Device, TensorData};

    use super::*;

    /// One picture and 2 classes on 4 by 4 cells, with the given class heats at (row, column).
    fn maps(heats: &[(usize, usize, usize, f32)]) -> Maps {
        let device = Device::flex();
        let mut heat = vec![-9.0f32; 2 * 16];
        for &(class, row, column, logit) in heats {
            heat[class * 16 + row * 4 + column] = logit;
        }
        // Width a quarter of the side, height an eighth; the centre in the middle of its cell.
        let shape: Vec<f32> =
            [(0.25f32).ln(), (0.125f32).ln(), 0.5, 0.5].into_iter().flat_map(|v| [v; 16]).collect();
        Maps {
            map: Tensor::zeros([1, 5, 4, 4], &device),
            heat: Tensor::from_data(TensorData::new(heat, [1, 2, 4, 4]), &device),
            shape: Tensor::from_data(TensorData::new(shape, [1, 4, 4, 4]), &device),
        }
    }

    #[test]
    fn peaks_come_by_falling_score_and_neighbours_of_a_peak_are_none() {
        let found = find(&maps(&[(0, 0, 0, 1.0), (1, 2, 3, 3.0), (1, 2, 2, 2.0)]), 3, 0.3);
        let real = found.real.into_data().try_to_vec::<bool>().unwrap();
        assert_eq!(real, [true, true, false]);
        let boxes = found.boxes.into_data().try_to_vec::<f32>().unwrap();
        let expected = [0.75, 0.5625, 1.0, 0.6875, 0.0, 0.0625, 0.25, 0.1875];
        let close = boxes.iter().zip(expected).all(|(found, wanted)| (found - wanted).abs() < 1e-5);
        assert!(close, "{boxes:?}");
    }

    #[test]
    fn values_are_read_at_their_cells() {
        let ramp: Vec<f32> = (0..32).map(|value| value as f32).collect();
        let map = Tensor::<4>::from_data(TensorData::new(ramp, [1, 2, 4, 4]), &Device::flex());
        let places = Tensor::<2, Int>::from_data([[6, 15, 0]], &Device::flex());
        let read = at(map, &places).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(read, [6.0, 22.0, 15.0, 31.0, 0.0, 16.0]);
    }
}
