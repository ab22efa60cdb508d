//! An object and a word: the probability that the two belong together.

use std::sync::Arc;

use crate::bundle::names::{graph, tensor};
use crate::input::pad_rows;
use crate::runtime::batching::Extent;
use crate::runtime::call::{Phase, Timing};
use crate::runtime::executor::Lanes;
use crate::runtime::features::{ReadText, Seen};
use crate::runtime::graph::{Failed, Graph, Values};
use crate::runtime::graphs::Graphs;
use crate::runtime::job::Lane;

use super::{Model, Stage};

/// Pairs of an object and a word are scheduled singly, so those of all requests share batches.
pub(in crate::runtime) struct Associations;

/// An object in the place of a word.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct Swap {
    pub picture: Arc<Seen>,
    pub text: Arc<ReadText>,
    /// Index of the object in its picture.
    pub object: usize,
    /// Index of the token in its text.
    pub token: usize,
}

impl Stage for Associations {
    const NAME: &'static str = graph::ASSOCIATION;
    type Input = Swap;
    /// The probability, 0..1.
    type Output = f32;

    fn extent(swap: &Swap) -> Extent {
        Extent { objects: swap.picture.regions(), tokens: swap.text.tokens() }
    }

    fn lane(lanes: &mut Lanes) -> &mut Lane<Self> {
        &mut lanes.associations
    }

    fn run(
        graphs: &mut Graphs,
        model: &Model,
        inputs: &[&Swap],
        timing: &Timing,
    ) -> Result<Vec<f32>, Failed> {
        timing.time(Phase::Association, || associate(&mut graphs.association, model, inputs))
    }
}

/// Computes the probability of every swap.
fn associate(graph: &mut Graph, model: &Model, swaps: &[&Swap]) -> Result<Vec<f32>, Failed> {
    let width = model.manifest.dimensions.width;
    let visual: Vec<_> = swaps.iter().map(|swap| swap.picture.visual()).collect();
    let textual: Vec<_> = swaps.iter().map(|swap| swap.text.textual.as_slice()).collect();
    let visual = pad_rows(&visual, width, 1);
    let textual = pad_rows(&textual, width, 1);
    let objects = one_in_each(swaps.iter().map(|swap| swap.object), visual.length);
    let tokens = one_in_each(swaps.iter().map(|swap| swap.token), textual.length);
    let rows = swaps.len();
    graph.run(
        &[
            (tensor::VISUAL, &[rows, visual.length, width], Values::F32(&visual.values)),
            (tensor::OBJECT_MASK, &[rows, visual.length], Values::Bool(&visual.mask)),
            (tensor::TEXTUAL, &[rows, textual.length, width], Values::F32(&textual.values)),
            (tensor::TOKEN_MASK, &[rows, textual.length], Values::Bool(&textual.mask)),
            (tensor::FILLED_OBJECTS, &[rows, visual.length], Values::Bool(&objects)),
            (tensor::FILLED_TOKENS, &[rows, textual.length], Values::Bool(&tokens)),
        ],
        |outputs| {
            let probabilities = outputs.rows(tensor::ASSOCIATION, rows)?;
            Ok((0..rows).map(|row| probabilities.row(row)[0]).collect())
        },
    )
}

/// Rows of `length` slots, row-major, each true at its chosen one.
fn one_in_each(chosen: impl Iterator<Item = usize>, length: usize) -> Vec<bool> {
    chosen.flat_map(|chosen| (0..length).map(move |slot| slot == chosen)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::VisualStates;
    use super::*;
    use crate::runtime::graphs::tests::{BOUND, apart, graphs, numbers};
    use crate::types::{Frame, Size};

    #[test]
    fn a_pair_alone_is_associated_as_in_a_padded_batch() {
        let (mut graphs, model) = graphs();
        let width = model.manifest.dimensions.width;
        let mut seed = 3;
        let swaps: Vec<Swap> = [(3, 4), (1, 9), (8, 17), (5, 12), (2, 5)]
            .map(|(regions, tokens)| {
                let visual = numbers(regions * width, &mut seed);
                let states = VisualStates { visual, coarse: Vec::new(), regions };
                let frame = Frame::new(Size { width: 9, height: 9 });
                let textual = numbers(tokens * width, &mut seed);
                Swap {
                    picture: Arc::new(Seen::new(frame, Vec::new(), states)),
                    text: Arc::new(ReadText { textual, tokens, coarse: Vec::new() }),
                    object: regions - 1,
                    token: tokens - 2,
                }
            })
            .into();
        let swaps: Vec<&Swap> = swaps.iter().collect();
        let together = associate(&mut graphs.association, &model, &swaps).unwrap();
        for (swap, together) in swaps.iter().zip(&together) {
            let alone = associate(&mut graphs.association, &model, &[swap]).unwrap();
            let apart = apart(&alone, &[*together]);
            assert!(apart <= BOUND, "{} tokens differ by {apart}", swap.text.tokens());
        }
        assert!(together.iter().all(|probability| (0.0..=1.0).contains(probability)));
        let other = Swap { object: 0, ..swaps[2].clone() };
        let other = associate(&mut graphs.association, &model, &[&other]).unwrap();
        assert!((other[0] - together[2]).abs() > BOUND, "the object makes no difference");
    }
}
