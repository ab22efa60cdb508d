//! Proof at load: sessions serve only after they have run at full size and have given the values that the exporter recorded.

use std::sync::Arc;

use crate::bundle::{self, Bundle, GoldenGraph, GoldenTensor};
use crate::input::Pixels;
use crate::types::{Frame, Object, Size, Tags, UnitBox};

use super::batching::Budget;
use super::call::Timing;
use super::error::StartError;
use super::features::{ReadText, Seen};
use super::graph::{Graph, Input, Values};
use super::graphs::Graphs;
use super::stage::{
    self, Associations, Found, Model, Pair, Pictures, Questions, Reading, Sight, Stage, Swap, Texts,
    VisualStates,
};

/// Runs every stage on the largest batch it may get, then on a single row, so that no request pays for the first allocation. The
/// largest comes first because the runtime's arena then holds room for all others.
pub(super) fn warm_up(graphs: &mut Graphs, model: &Model, batch: Budget) -> Result<(), StartError> {
    let manifest = &model.manifest;
    let sizes = manifest.dimensions;
    let side = manifest.preprocessing.side;
    let object =
        Object { bbox: UnitBox { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 }, tags: Tags::default(), score: 1.0 };
    let objects = vec![object; sizes.objects];
    let frame = Frame::new(Size { width: side, height: side });
    let pixels = Pixels { side, data: vec![0; side as usize * side as usize * 3] };
    let sight = Sight { frame, pixels, awaited: None };
    let found = Found {
        features: vec![0.0; sizes.objects * sizes.features],
        boxes: vec![0.0; sizes.objects * 4],
        objects: objects.clone(),
    };
    let tokens = vec![model.pad; manifest.tokenizer.max_tokens];
    let states = VisualStates {
        visual: vec![0.0; sizes.objects * sizes.width],
        coarse: vec![0.0; sizes.coarse],
        regions: sizes.objects,
    };
    let text = ReadText {
        textual: vec![0.0; tokens.len() * sizes.width],
        tokens: tokens.len(),
        coarse: vec![0.0; sizes.coarse],
    };
    let seen = Arc::new(Seen::new(frame, objects, states));
    let text = Arc::new(text);
    let swap = Swap { picture: Arc::clone(&seen), text: Arc::clone(&text), object: 0, token: 0 };
    let pair = Pair { picture: seen, text: Reading::Read(text) };
    warm::<Pictures>(graphs, model, batch, &sight)?;
    // The blank pictures have few objects or none, the worst of real ones have all that fit.
    for rows in [batch.rows.get(), 1] {
        stage::see(&mut graphs.vision, model, &vec![found.clone(); rows])?;
    }
    warm::<Texts>(graphs, model, batch, &tokens)?;
    warm::<Questions>(graphs, model, batch, &pair)?;
    warm::<Associations>(graphs, model, batch, &swap)
}

fn warm<S: Stage>(
    graphs: &mut Graphs,
    model: &Model,
    batch: Budget,
    largest: &S::Input,
) -> Result<(), StartError> {
    let rows = (batch.slots.get() / S::extent(largest).slots()).clamp(1, batch.rows.get());
    for rows in [rows, 1] {
        S::run(graphs, model, &vec![largest; rows], &Timing::default())?;
    }
    Ok(())
}

/// Runs every graph on the golden inputs and holds its outputs against the golden ones.
pub(super) fn prove(graphs: &mut Graphs, bundle: &Bundle) -> Result<(), StartError> {
    let golden = bundle.golden()?;
    for graph in graphs.all() {
        let name = graph.name();
        let golden = golden.graphs.get(name).ok_or(StartError::NoGolden { graph: name })?;
        prove_one(graph, golden, bundle.manifest().tolerance(name))?;
    }
    Ok(())
}

fn prove_one(graph: &mut Graph, golden: &GoldenGraph, bound: f32) -> Result<(), StartError> {
    let name = graph.name();
    let inputs: Vec<Input<'_>> = golden
        .inputs
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.shape(), Values::from(tensor.values())))
        .collect();
    let found: Vec<Vec<f32>> = graph
        .run(&inputs, |outputs| golden.outputs.keys().map(|tensor| outputs.numbers(tensor)).collect())?;
    for ((tensor, golden), found) in golden.outputs.iter().zip(found) {
        let difference = difference(&numbers(golden), &found);
        if difference.is_nan() || difference > bound {
            return Err(StartError::Golden { graph: name, tensor: tensor.clone(), difference, bound });
        }
    }
    Ok(())
}

/// The largest difference, as a share of 1 + |golden value|; not a number if the lengths differ or a value is not one.
fn difference(golden: &[f32], found: &[f32]) -> f32 {
    if golden.len() != found.len() {
        return f32::NAN;
    }
    let apart = golden.iter().zip(found).map(|(golden, found)| (golden - found).abs() / (1.0 + golden.abs()));
    apart.fold(0.0, |most, next| if next.is_nan() || next > most { next } else { most })
}

fn numbers(tensor: &GoldenTensor) -> Vec<f32> {
    match tensor.values() {
        bundle::Values::F32(values) => values.clone(),
        bundle::Values::I64(values) => values.iter().map(|value| *value as f32).collect(),
        bundle::Values::U8(values) => values.iter().map(|value| f32::from(*value)).collect(),
        bundle::Values::Bool(values) => values.iter().map(|value| f32::from(u8::from(*value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_count_in_proportion_and_what_is_no_number_never_passes() {
        assert!((difference(&[0.0, 99.0], &[0.1, 100.0]) - 0.1).abs() < 1e-6);
        assert!(difference(&[1.0, 1.0], &[f32::NAN, 1.0]).is_nan());
        assert!(difference(&[1.0], &[1.0, 1.0]).is_nan());
    }
}
