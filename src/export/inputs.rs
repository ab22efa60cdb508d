//! Random inputs of a graph at given sizes, the same for a seed: for the parity check, and as the golden inputs of a bundle.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bundle::names::{axis, tensor};
use crate::bundle::{GoldenTensor, Values};
use crate::onnx::{Axis, Kind, Signature};

/// Sizes of the dynamic axes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub batch: usize,
    pub objects: usize,
    pub tokens: usize,
    /// Token ids are below this.
    pub vocabulary: usize,
}

/// One value per input of a graph. Masks have their real slots in front; every second row is shorter, one picture has no objects, and a row
/// of a filled-slot mask has one true slot.
pub fn random(signature: &Signature, sizes: &Sizes, seed: u64) -> Vec<(String, GoldenTensor)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    signature
        .inputs
        .iter()
        .map(|input| {
            let shape: Vec<usize> = input.axes.iter().map(|axis| size(axis, sizes)).collect();
            let count: usize = shape.iter().product();
            let values = match input.kind {
                Kind::U8 => Values::U8(pictures(&shape, &mut rng)),
                Kind::I64 | Kind::I32 => {
                    Values::I64((0..count).map(|_| rng.random_range(0..sizes.vocabulary as i64)).collect())
                }
                Kind::Bool => Values::Bool(mask(&input.name, shape[1], count)),
                Kind::F32 if input.name == tensor::BOXES => Values::F32(boxes(count / 4, &mut rng)),
                Kind::F32 => Values::F32((0..count).map(|_| rng.random_range(-1.0..1.0)).collect()),
            };
            let value = GoldenTensor::new(shape, values).expect("as many values as the shape says");
            (input.name.clone(), value)
        })
        .collect()
}

fn size(axis: &Axis, sizes: &Sizes) -> usize {
    match axis {
        Axis::Fixed(size) => *size,
        Axis::Named { name, .. } if name == axis::BATCH => sizes.batch,
        Axis::Named { name, .. } if name == axis::OBJECTS => sizes.objects,
        Axis::Named { .. } => sizes.tokens,
    }
}

/// Row of the picture without objects.
const EMPTY: usize = 2;

fn mask(name: &str, slots: usize, count: usize) -> Vec<bool> {
    let filled = name == tensor::FILLED_OBJECTS || name == tensor::FILLED_TOKENS;
    (0..count)
        .map(|at| {
            let (row, slot) = (at / slots, at % slots);
            let real = if row % 2 == 0 { slots } else { slots.div_ceil(2) };
            let none = name == tensor::OBJECT_MASK && row == EMPTY;
            if filled { slot == row % real } else { slot < real && !none }
        })
        .collect()
}

/// Grey squares with patches of colour on them, something that a detector may see objects in, and one without: `[batch, side, side, 3]`.
fn pictures(shape: &[usize], rng: &mut ChaCha8Rng) -> Vec<u8> {
    const PATCHES: usize = 5;
    let side = shape[1];
    let mut bytes = vec![160; shape.iter().product()];
    for (row, picture) in bytes.chunks_exact_mut(side * side * 3).enumerate() {
        for _ in 0..if row == EMPTY { 0 } else { PATCHES } {
            let extent = rng.random_range(side / 8..side / 3);
            let (x, y) = (rng.random_range(0..side - extent), rng.random_range(0..side - extent));
            let colour: [u8; 3] = rng.random();
            for row in picture.chunks_exact_mut(side * 3).skip(y).take(extent) {
                row.as_chunks_mut::<3>().0[x..x + extent].fill(colour);
            }
        }
    }
    bytes
}

fn boxes(count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut corners = Vec::with_capacity(count * 4);
    for _ in 0..count {
        let (x, y) = (rng.random_range(0.0..0.7), rng.random_range(0.0..0.7));
        corners.extend([x, y, x + rng.random_range(0.05..0.3), y + rng.random_range(0.05..0.3)]);
    }
    corners
}
