//! A picture that was seen and a text, read before or not, to the logits of every head.

use std::sync::Arc;

use crate::bundle::names::graph;
use crate::runtime::batching::Extent;
use crate::runtime::call::{Phase, Timing};
use crate::runtime::executor::Lanes;
use crate::runtime::features::{ReadText, Seen};
use crate::runtime::graph::Failed;
use crate::runtime::graphs::Graphs;
use crate::runtime::job::Lane;

use super::{Logits, Model, Stage, fusion, text};

/// Questions of all tasks share one batch: one fusion graph has all heads.
pub(in crate::runtime) struct Questions;

/// What is fused.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct Pair {
    pub picture: Arc<Seen>,
    pub text: Reading,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct Asked {
    pub logits: Logits,
    /// Its text, read for it or before.
    pub text: Arc<ReadText>,
}

/// A text on its way through the text graph.
#[derive(Clone, Debug)]
pub(in crate::runtime) enum Reading {
    Read(Arc<ReadText>),
    /// Token ids, still to be read.
    Tokens(Vec<i64>),
}

impl Stage for Questions {
    const NAME: &'static str = graph::FUSION;
    type Input = Pair;
    type Output = Asked;

    fn extent(pair: &Pair) -> Extent {
        let tokens = match &pair.text {
            Reading::Read(text) => text.tokens(),
            Reading::Tokens(tokens) => tokens.len(),
        };
        Extent { objects: pair.picture.regions(), tokens }
    }

    fn lane(lanes: &mut Lanes) -> &mut Lane<Self> {
        &mut lanes.questions
    }

    fn run(
        graphs: &mut Graphs,
        model: &Model,
        inputs: &[&Pair],
        timing: &Timing,
    ) -> Result<Vec<Asked>, Failed> {
        let unread: Vec<&[i64]> = inputs
            .iter()
            .filter_map(|pair| match &pair.text {
                Reading::Read(_) => None,
                Reading::Tokens(tokens) => Some(tokens.as_slice()),
            })
            .collect();
        let mut read = match unread.as_slice() {
            [] => Vec::new(),
            unread => timing.time(Phase::Text, || text::read(&mut graphs.text, model, unread))?,
        }
        .into_iter();
        let texts: Vec<Arc<ReadText>> = inputs
            .iter()
            .filter_map(|pair| match &pair.text {
                Reading::Read(text) => Some(Arc::clone(text)),
                Reading::Tokens(_) => read.next().map(Arc::new),
            })
            .collect();
        let pairs: Vec<(&Seen, &ReadText)> =
            inputs.iter().zip(&texts).map(|(pair, text)| (pair.picture.as_ref(), text.as_ref())).collect();
        let logits = timing.time(Phase::Fusion, || fusion::fuse(&mut graphs.fusion, model, &pairs))?;
        Ok(logits.into_iter().zip(texts).map(|(logits, text)| Asked { logits, text }).collect())
    }
}
