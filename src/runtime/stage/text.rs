//! Tokens to textual states: what the textual semantic encoder makes of a text.

use crate::bundle::names::{graph, tensor};
use crate::input::pad_tokens;
use crate::runtime::batching::Extent;
use crate::runtime::call::{Phase, Timing};
use crate::runtime::executor::Lanes;
use crate::runtime::features::ReadText;
use crate::runtime::graph::{Failed, Graph, Values};
use crate::runtime::graphs::Graphs;
use crate::runtime::job::Lane;

use super::{Model, Stage};

/// Texts that are read for themselves; those of questions are read with the fusion.
pub(in crate::runtime) struct Texts;

impl Stage for Texts {
    const NAME: &'static str = graph::TEXT;
    /// Token ids.
    type Input = Vec<i64>;
    type Output = ReadText;

    fn extent(tokens: &Vec<i64>) -> Extent {
        Extent { objects: 0, tokens: tokens.len() }
    }

    fn lane(lanes: &mut Lanes) -> &mut Lane<Self> {
        &mut lanes.texts
    }

    fn run(
        graphs: &mut Graphs,
        model: &Model,
        inputs: &[&Vec<i64>],
        timing: &Timing,
    ) -> Result<Vec<ReadText>, Failed> {
        let texts: Vec<&[i64]> = inputs.iter().map(|tokens| tokens.as_slice()).collect();
        timing.time(Phase::Text, || read(&mut graphs.text, model, &texts))
    }
}

/// Computes the states of every text, given as token ids.
pub(super) fn read(graph: &mut Graph, model: &Model, texts: &[&[i64]]) -> Result<Vec<ReadText>, Failed> {
    let width = model.manifest.dimensions.width;
    let padded = pad_tokens(texts, model.pad, 1);
    let sizes = [padded.rows, padded.length];
    graph.run(
        &[
            (tensor::TOKENS, &sizes, Values::I64(&padded.ids)),
            (tensor::TOKEN_MASK, &sizes, Values::Bool(&padded.mask)),
        ],
        |outputs| {
            let textual = outputs.rows(tensor::TEXTUAL, padded.rows)?;
            let coarse = outputs.rows(tensor::TEXTUAL_COARSE, padded.rows)?;
            let read = texts.iter().enumerate().map(|(row, tokens)| ReadText {
                textual: textual.row(row)[..tokens.len() * width].to_vec(),
                tokens: tokens.len(),
                coarse: coarse.row(row).to_vec(),
            });
            Ok(read.collect())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::graphs::tests::{BOUND, apart, graphs};

    #[test]
    fn a_text_alone_is_read_as_in_a_padded_batch() {
        let (mut graphs, model) = graphs();
        let texts: Vec<Vec<i64>> = [4, 9, 3, 17, 12, 5, 8, 11]
            .map(|length| (0..length).map(|token| 5 + token % 20).collect())
            .into();
        let texts: Vec<&[i64]> = texts.iter().map(Vec::as_slice).collect();
        let together = read(&mut graphs.text, &model, &texts).unwrap();
        for (text, together) in texts.iter().zip(&together) {
            let alone = read(&mut graphs.text, &model, &[text]).unwrap().remove(0);
            let apart = apart(&alone.textual, &together.textual).max(apart(&alone.coarse, &together.coarse));
            assert!(apart <= BOUND, "{} tokens differ by {apart}", text.len());
        }
    }
}
