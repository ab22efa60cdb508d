//! Where few objects are found, or none: regions of a regular grid in the slots behind them, so that the association model has something to
//! look at in pictures that the detector was not made for.

use burn::tensor::activation::relu;
use burn::tensor::{Bool, Device, Tensor, TensorData};

use super::peaks::Peaks;

/// Cells of the grid each way; before them comes the whole square.
const CELLS: usize = 3;

/// Where a picture is looked at: its objects, then the regions of the grid if there are any.
#[derive(Clone, Debug)]
pub struct Places {
    /// Corners in 0..1 of the square, `[batch, objects, 4]`
    pub boxes: Tensor<3>,
    /// `[batch, objects]`
    pub real: Tensor<2, Bool>,
}

/// The objects alone in pictures that have `below` of them or more, and in the others the grid as well, as far as there are slots.
pub fn behind(peaks: &Peaks, below: usize) -> Places {
    let (boxes, found) = (peaks.boxes.clone(), peaks.real.clone());
    if below == 0 {
        return Places { boxes, real: found };
    }
    let [batch, slots] = found.dims();
    let device = found.device();
    let corners = corners();
    let regions = corners.len();
    let kept = found.float();
    let objects = kept.clone().sum_dim(1);
    let few = objects.clone().lower_scalar(below as f64).float().reshape([batch, 1, 1]);
    let slot = ramp(slots, &device).reshape([1, slots, 1]);
    let region = ramp(regions, &device).reshape([1, 1, regions]);
    // One where a slot is as many places behind the last object as the region is in the list, else zero or less.
    let distance = (slot - objects.reshape([batch, 1, 1]) - region).abs();
    let chosen = relu(distance.neg().add_scalar(1.0)) * few;
    let corners = Tensor::<2>::from_data(TensorData::new(corners.concat(), [regions, 4]), &device);
    let grid = chosen.clone().reshape([batch * slots, regions]).matmul(corners).reshape([batch, slots, 4]);
    let real = kept + chosen.sum_dim(2).squeeze_dim::<2>(2);
    Places { boxes: boxes + grid, real: real.greater_scalar(0.5) }
}

/// Corners of the regions, the whole square first.
fn corners() -> Vec<[f32; 4]> {
    let edge = |cell: usize| cell as f32 / CELLS as f32;
    let cells = (0..CELLS * CELLS).map(|cell| (cell % CELLS, cell / CELLS));
    let cells = cells.map(|(x, y)| [edge(x), edge(y), edge(x + 1), edge(y + 1)]);
    [[0.0, 0.0, 1.0, 1.0]].into_iter().chain(cells).collect()
}

fn ramp(length: usize, device: &Device) -> Tensor<1> {
    let values: Vec<f32> = (0..length).map(|value| value as f32).collect();
    Tensor::from_floats(values.as_slice(), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTS: usize = 12;

    /// Pictures with so many objects each, whose boxes are all the same.
    fn peaks(objects: &[usize]) -> Peaks {
        let device = Device::flex();
        let real: Vec<bool> =
            objects.iter().flat_map(|&count| (0..SLOTS).map(move |slot| slot < count)).collect();
        let boxes = real.iter().flat_map(|&real| if real { [0.1, 0.2, 0.3, 0.5] } else { [0.0; 4] });
        let shape = [objects.len(), SLOTS];
        let boxes = TensorData::new(boxes.collect::<Vec<f32>>(), [objects.len(), SLOTS, 4]);
        let real: Tensor<2, Bool> = Tensor::from_data(TensorData::new(real, shape), &device);
        Peaks { boxes: Tensor::from_data(boxes, &device), scores: real.clone().float(), real }
    }

    /// Real slots of each picture, and the corners of all.
    fn looked_at(objects: &[usize], below: usize) -> (Vec<usize>, Vec<[f32; 4]>) {
        let places = behind(&peaks(objects), below);
        let real = places.real.into_data().try_to_vec::<bool>().unwrap();
        let counts = real.chunks(SLOTS).map(|slots| slots.iter().filter(|&&real| real).count()).collect();
        let boxes = places.boxes.into_data().try_to_vec::<f32>().unwrap();
        (counts, boxes.as_chunks::<4>().0.to_vec())
    }

    #[test]
    fn a_picture_without_objects_is_looked_at_as_a_whole_and_by_its_cells() {
        let (counts, boxes) = looked_at(&[0, 2], 1);
        assert_eq!(counts, [10, 2]);
        assert_eq!(boxes[0], [0.0, 0.0, 1.0, 1.0]);
        let close = |found: [f32; 4], wanted: [f32; 4]| {
            found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-6)
        };
        let third = 1.0 / 3.0;
        assert!(close(boxes[1], [0.0, 0.0, third, third]), "{:?}", boxes[1]);
        assert!(close(boxes[6], [2.0 * third, third, 1.0, 2.0 * third]), "{:?}", boxes[6]);
        assert_eq!(boxes[10], [0.0; 4]);
        assert_eq!(boxes[SLOTS..], looked_at(&[2], 0).1, "one with objects stays as it is");
    }

    #[test]
    fn the_grid_comes_behind_the_objects_and_ends_with_the_slots() {
        let (counts, boxes) = looked_at(&[3, 4, 1], 4);
        assert_eq!(counts, [12, 4, 11]);
        assert_eq!(boxes[2], [0.1, 0.2, 0.3, 0.5]);
        assert_eq!(boxes[3], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(boxes[2 * SLOTS + 1], [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn without_a_grid_an_empty_picture_stays_empty() {
        assert_eq!(looked_at(&[0], 0), (vec![0], vec![[0.0; 4]; SLOTS]));
    }
}
