//! Referring expressions: a choice among "nothing" and the objects of a picture.

use burn::tensor::Tensor;

use crate::model::{Cmal, Fused};
use crate::train::batch::{bools, floats};
use crate::train::loss::{one_hot, soft_cross_entropy};
use crate::train::material::Material;
use crate::train::samples::{Referent, Sample};

/// Logit of a slot that cannot be chosen.
const NEVER: f32 = -1e4;

/// Logits of "nothing", then of the objects, `[rows, 1 + slots]`. A region of a grid is context and never an answer, as in a server.
pub fn chosen(model: &Cmal, material: &Material, fused: &Fused, samples: &[&Sample<Referent>]) -> Tensor<2> {
    let (scores, absent) = model.tasks().grounding(fused);
    let [rows, slots] = scores.dims();
    let store = &material.store;
    let context =
        |picture: usize, slot: usize| slot < store.count(picture) && !store.is_object(picture, slot);
    let never = samples.iter().flat_map(|sample| (0..slots).map(move |slot| context(sample.picture, slot)));
    let never = bools(never.collect(), [rows, slots], &scores.device());
    Tensor::cat(vec![absent, scores.mask_fill(never, NEVER)], 1)
}

/// Soft cross-entropy over "nothing" and the objects, alike over all that overlap the referent enough.
pub fn loss(model: &Cmal, material: &Material, fused: &Fused, samples: &[&Sample<Referent>]) -> Tensor<1> {
    let logits = chosen(model, material, fused, samples);
    let [rows, slots] = logits.dims();
    let targets: Vec<Vec<(usize, f32)>> = samples
        .iter()
        .map(|sample| match &sample.target {
            Referent::Nothing => vec![(0, 1.0)],
            Referent::Objects(objects) => {
                objects.iter().map(|object| (object + 1, 1.0 / objects.len() as f32)).collect()
            }
        })
        .collect();
    let target = floats(one_hot(targets.iter().map(Vec::as_slice), slots), [rows, slots], &logits.device());
    soft_cross_entropy(logits, target)
}

#[cfg(test)]
mod tests {
    use burn::module::Module;

    use super::*;
    use crate::data::{Found, GRID, ObjectStore};
    use crate::train::material::rows;
    use crate::train::stage::association::best;
    use crate::train::stage::testing::{fresh, material};
    use crate::types::UnitBox;

    /// A picture of three regions, of which the second is an object.
    fn regions(width: usize) -> ObjectStore {
        let region = |index: u16| Found {
            bbox: UnitBox { x1: 0.1 * f32::from(index), y1: 0.0, x2: 0.5, y2: 0.5 },
            class: if index == 1 { 0 } else { GRID },
            attributes: Vec::new(),
            feature: vec![0.3 * f32::from(index); width],
        };
        let mut store = ObjectStore::new("test", width, 0);
        store.push("0.png", &[0, 1, 2].map(region));
        store
    }

    #[test]
    fn regions_of_a_grid_are_never_chosen() {
        let mut material = material(8, 0);
        material.store = regions(material.store.width());
        let target = Referent::Objects(vec![1]);
        let texts = material.train.captions.iter().map(|caption| caption.tokens.clone());
        let samples: Vec<_> =
            texts.map(|tokens| Sample { picture: 0, tokens, target: target.clone() }).collect();
        let samples: Vec<&Sample<Referent>> = samples.iter().collect();
        let model = fresh(&material).valid();
        let (pictures, texts): (Vec<_>, Vec<_>) = rows(&samples).unzip();
        let fused = model.fuse(&material.encode(&model, &pictures, &texts, &material.device));
        let objects = chosen(&model, &material, &fused, &samples).narrow(1, 1, 3);
        assert_eq!(best(objects), vec![1; samples.len()]);
    }
}
