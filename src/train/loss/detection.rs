//! The detector's loss: penalty-reduced focal loss on the heat map, L1 on shapes, binary cross-entropy on attributes, the latter two at
//! the centres of labelled objects (Zhou et al., arXiv 1904.07850).

use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Int, Tensor};

use super::yes_no;
use crate::model::{Maps, at};
use crate::train::run::Loss;

const SHAPE_WEIGHT: f64 = 1.0;
const ATTRIBUTE_WEIGHT: f64 = 2.0;

/// What the maps of a batch should say. N is the most objects a picture has.
#[derive(Clone, Debug)]
pub struct Targets {
    /// One at centres, falling off around them: `[batch, classes, cells, cells]`
    pub heat: Tensor<4>,
    /// Cell of each object, row by row: `[batch, N]`
    pub places: Tensor<2, Int>,
    /// Log width, log height, offset x, offset y: `[batch, N, 4]`
    pub shape: Tensor<3>,
    /// `[batch, N, attributes]`
    pub attributes: Tensor<3>,
    /// One where there is an object, zero in padding: `[batch, N]`
    pub weight: Tensor<2>,
    /// Objects of the batch.
    pub count: usize,
}

/// Weighted sum of the three parts.
pub fn detection(maps: &Maps, targets: &Targets) -> Loss {
    let count = targets.count.max(1) as f64;
    let weight = targets.weight.clone().unsqueeze_dim::<3>(2);
    let shape = (at(maps.shape.clone(), &targets.places) - targets.shape.clone()).abs() * weight;
    let attributes = at(maps.attributes.clone(), &targets.places);
    let [_, _, questions] = attributes.dims();
    let real = targets.weight.clone().reshape([-1, 1]);
    // Padding says an even chance to a logit of zero: a constant, which the share of padding takes out again.
    let logits = attributes.reshape([-1, questions as i64]) * real.clone();
    let asked = targets.attributes.clone().reshape([-1, questions as i64]) * real.clone()
        + real.clone().neg().add_scalar(1.0).mul_scalar(0.5);
    let rows = real.dims()[0] as f64;
    let padding = std::f64::consts::LN_2 * (rows - count) / rows;
    let attributes = yes_no(logits, asked).sub_scalar(padding).mul_scalar(rows / count);
    Loss::sum(vec![
        ("heat", 1.0, focal(maps.heat.clone(), targets.heat.clone()).div_scalar(count)),
        ("shape", SHAPE_WEIGHT, shape.sum().div_scalar(count)),
        ("attributes", ATTRIBUTE_WEIGHT, attributes),
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
        let maps = Maps {
            features: random([1, 5, 4, 4]),
            heat: random([1, 2, 4, 4]),
            shape: random([1, 4, 4, 4]),
            attributes: random([1, 3, 4, 4]),
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
                attributes: floats(fill(3, 1.0), [1, slots, 3], &device),
                weight: floats(weight, [1, slots], &device),
                count: 1,
            }
        };
        let alone = detection(&maps, &targets(0)).total.into_scalar::<f32>();
        let padded = detection(&maps, &targets(4)).total.into_scalar::<f32>();
        assert!((alone - padded).abs() < 1e-4, "{alone} {padded}");
    }
}
