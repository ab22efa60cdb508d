//! The detector's loss: penalty-reduced focal loss on the heat map and L1 on shapes (Zhou et al., arXiv 1904.07850), and in the boxes of
//! labelled objects cross-entropy over classes and binary cross-entropy over attributes.

use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid};
use burn::tensor::{Int, Tensor};

use super::binary_cross_entropy;
use crate::model::{Contents, Maps, at};
use crate::train::run::Loss;

const CLASS_WEIGHT: f64 = 1.0;
const SHAPE_WEIGHT: f64 = 1.0;
/// Of the sum over attributes: a mean would leave each the smaller a share the more there are.
const ATTRIBUTE_WEIGHT: f64 = 1.0;

/// What the maps of a batch should say, and the boxes. N is the most objects a picture has.
#[derive(Clone, Debug)]
pub struct Targets {
    /// One at centres, falling off around them: `[batch, classes, cells, cells]`
    pub heat: Tensor<4>,
    /// Cell of each object, row by row: `[batch, N]`
    pub places: Tensor<2, Int>,
    /// Log width, log height, offset x, offset y: `[batch, N, 4]`
    pub shape: Tensor<3>,
    /// One at each object's class: `[batch, N, classes]`
    pub class: Tensor<3>,
    /// `[batch, N, attributes]`
    pub attributes: Tensor<3>,
    /// One where there is an object, zero in padding: `[batch, N]`
    pub weight: Tensor<2>,
    /// Objects of the batch.
    pub count: usize,
}

/// Weighted sum of the parts. `contents` is of the labelled objects' boxes.
pub fn detection(maps: &Maps, contents: &Contents, targets: &Targets) -> Loss {
    let count = targets.count.max(1) as f64;
    let weight = targets.weight.clone().unsqueeze_dim::<3>(2);
    let per_object = |loss: Tensor<3>| (loss * weight.clone()).sum().div_scalar(count);
    let shape = (at(maps.shape.clone(), &targets.places) - targets.shape.clone()).abs();
    let class = log_softmax(contents.classes.clone(), 2) * targets.class.clone();
    let attributes = binary_cross_entropy(contents.attributes.clone(), targets.attributes.clone());
    Loss::sum(vec![
        ("heat", 1.0, focal(maps.heat.clone(), targets.heat.clone()).div_scalar(count)),
        ("class", CLASS_WEIGHT, per_object(class.neg())),
        ("shape", SHAPE_WEIGHT, per_object(shape)),
        ("attributes", ATTRIBUTE_WEIGHT, per_object(attributes)),
    ])
}

/// Sum over cells; cells near a centre count less as background.
fn focal(logits: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let p = sigmoid(logits.clone());
    let centre = target.clone().greater_equal_scalar(1.0).float();
    let missed = p.clone().neg().add_scalar(1.0);
    let hit = missed.clone() * missed * log_sigmoid(logits.clone()) * centre.clone();
    let away = target.neg().add_scalar(1.0);
    let away = away.clone() * away;
    let background = away.clone() * away * p.clone() * p * log_sigmoid(logits.neg());
    (hit + background * centre.neg().add_scalar(1.0)).sum().neg()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::train::batch::floats;

    #[test]
    fn focal_loss_of_one_missed_centre_and_one_false_alarm_is_the_hand_computed_one() {
        let device = Device::flex();
        let logits = floats(vec![-1.0, 1.0, -30.0], [1, 1, 1, 3], &device);
        let target = floats(vec![1.0, 0.0, 0.5], [1, 1, 1, 3], &device);
        let p = 1.0 / (1.0 + 1f64.exp());
        let by_hand = -(1.0 - p).powi(2) * p.ln() - (1.0 - p).powi(2) * p.ln();
        assert!((f64::from(focal(logits, target).into_scalar::<f32>()) - by_hand).abs() < 1e-5);
    }

    #[test]
    fn padding_adds_nothing() {
        let device = Device::flex();
        let random =
            |shape: [usize; 4]| Tensor::<4>::random(shape, burn::tensor::Distribution::Default, &device);
        let maps =
            Maps { map: random([1, 5, 4, 4]), heat: random([1, 2, 4, 4]), shape: random([1, 4, 4, 4]) };
        let contents = |slots: usize| {
            let said = |width: usize| {
                let mut row: Vec<f32> = (0..width).map(|value| value as f32).collect();
                row.resize(slots * width, 4.0);
                floats(row, [1, slots, width], &device)
            };
            Contents { features: said(5), classes: said(2), attributes: said(3) }
        };
        let targets = |padding: usize| {
            let slots = 1 + padding;
            let fill = |width: usize, value: f32| {
                let mut row = vec![value; width];
                row.resize(slots * width, 9.0);
                row
            };
            let mut places = vec![6];
            places.resize(slots, 3);
            let mut weight = vec![1.0];
            weight.resize(slots, 0.0);
            Targets {
                heat: floats(vec![0.0; 32], [1, 2, 4, 4], &device),
                places: crate::train::batch::ints(places, [1, slots], &device),
                shape: floats(fill(4, 0.3), [1, slots, 4], &device),
                class: floats(fill(2, 1.0), [1, slots, 2], &device),
                attributes: floats(fill(3, 1.0), [1, slots, 3], &device),
                weight: floats(weight, [1, slots], &device),
                count: 1,
            }
        };
        let alone = detection(&maps, &contents(1), &targets(0)).total.into_scalar::<f32>();
        let padded = detection(&maps, &contents(5), &targets(4)).total.into_scalar::<f32>();
        assert!((alone - padded).abs() < 1e-4, "{alone} {padded}");
    }
}
