//! A picture and a text together: the logits of every head.

use crate::bundle::names::tensor;
use crate::input::pad_rows;
use crate::runtime::features::{ReadText, Seen};
use crate::runtime::graph::{Failed, Graph, Values};

use super::Model;

/// What every head says about a pair.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::runtime) struct Logits {
    /// One per answer of the bundle.
    pub vqa: Vec<f32>,
    /// In the order of `types::Entailment::ALL`.
    pub entailment: [f32; 3],
    /// One per object of the picture: a region of a grid is nothing that a text can refer to.
    pub grounding: Vec<f32>,
    /// That the text refers to nothing in the picture.
    pub absent: f32,
    /// That the text describes the picture.
    pub matching: f32,
}

/// Fuses every pair.
pub(super) fn fuse(
    graph: &mut Graph,
    model: &Model,
    pairs: &[(&Seen, &ReadText)],
) -> Result<Vec<Logits>, Failed> {
    let width = model.manifest.dimensions.width;
    let visual: Vec<_> = pairs.iter().map(|(picture, _)| picture.visual()).collect();
    let textual: Vec<_> = pairs.iter().map(|(_, text)| text.textual.as_slice()).collect();
    let visual = pad_rows(&visual, width, 1);
    let textual = pad_rows(&textual, width, 1);
    let rows = pairs.len();
    graph.run(
        &[
            (tensor::VISUAL, &[rows, visual.length, width], Values::F32(&visual.values)),
            (tensor::OBJECT_MASK, &[rows, visual.length], Values::Bool(&visual.mask)),
            (tensor::TEXTUAL, &[rows, textual.length, width], Values::F32(&textual.values)),
            (tensor::TOKEN_MASK, &[rows, textual.length], Values::Bool(&textual.mask)),
        ],
        |outputs| {
            let vqa = outputs.rows(tensor::VQA, rows)?;
            let entailment = outputs.rows(tensor::ENTAILMENT, rows)?;
            let grounding = outputs.rows(tensor::GROUNDING, rows)?;
            let absent = outputs.rows(tensor::ABSENT, rows)?;
            let matching = outputs.rows(tensor::MATCH, rows)?;
            let logits = pairs.iter().enumerate().map(|(row, (picture, _))| Logits {
                vqa: vqa.row(row).to_vec(),
                entailment: std::array::from_fn(|label| entailment.row(row)[label]),
                grounding: grounding.row(row)[..picture.objects().len()].to_vec(),
                absent: absent.row(row)[0],
                matching: matching.row(row)[0],
            });
            Ok(logits.collect())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::VisualStates;
    use super::*;
    use crate::runtime::graphs::tests::{BOUND, apart, graphs, numbers};
    use crate::types::{Frame, Object, Size, Tags, UnitBox};

    #[test]
    fn a_pair_alone_is_fused_as_in_a_padded_batch() {
        let (mut graphs, model) = graphs();
        let width = model.manifest.dimensions.width;
        let mut seed = 2;
        let frame = Frame::new(Size { width: 100, height: 100 });
        let bbox = UnitBox { x1: 0.1, y1: 0.1, x2: 0.4, y2: 0.6 };
        let pairs: Vec<(Seen, ReadText)> =
            [(3, 4), (1, 9), (0, 3), (8, 17), (5, 12), (2, 5), (7, 8), (4, 11)]
                .map(|(count, tokens)| {
                    let states = VisualStates {
                        visual: numbers(count * width, &mut seed),
                        coarse: Vec::new(),
                        regions: count,
                    };
                    let objects = vec![Object { bbox, tags: Tags::default(), score: 0.5 }; count];
                    let textual = numbers(tokens * width, &mut seed);
                    (Seen::new(frame, objects, states), ReadText { textual, tokens, coarse: Vec::new() })
                })
                .into();
        let pairs: Vec<(&Seen, &ReadText)> = pairs.iter().map(|(picture, text)| (picture, text)).collect();
        let values = |logits: &Logits| {
            let single = [logits.absent, logits.matching];
            [logits.vqa.as_slice(), &logits.entailment, &logits.grounding, &single].concat()
        };
        let together = fuse(&mut graphs.fusion, &model, &pairs).unwrap();
        for (pair, together) in pairs.iter().zip(&together) {
            let alone = fuse(&mut graphs.fusion, &model, &[*pair]).unwrap().remove(0);
            let apart = apart(&values(&alone), &values(together));
            assert!(apart <= BOUND, "{} objects differ by {apart}", pair.0.objects().len());
        }
    }
}
