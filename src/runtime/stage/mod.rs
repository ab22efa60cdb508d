//! The stages: how jobs become one padded batch, run through their graphs, and come apart again.
//!
//! There are four, and each runs the graphs that always follow one another: a picture its objects and its visual states, a text its
//! textual states, a question the text it still has to read and the fusion, an association its own one graph. A batch then stays
//! together from graph to graph; with a queue in front of every graph it fell apart, because answers wake their callers one by one and
//! the first to come back was taken alone. Beside them a fifth runs one graph on tensors that a caller gives. `cmal bench` prints what
//! the scheduler costs, as processor time per picture against the bare loop.

mod association;
mod fusion;
mod objects;
mod picture;
mod question;
mod raw;
mod text;
mod vision;

pub(super) use association::{Associations, Swap};
pub(super) use fusion::Logits;
pub(super) use objects::Found;
pub(super) use picture::{Pictures, Sight};
pub(super) use question::{Asked, Pair, Questions, Reading};
pub(super) use raw::Raws;
pub(super) use text::Texts;
pub(super) use vision::{VisualStates, see};

use crate::bundle::Manifest;

use super::batching::{Budget, Extent};
use super::call::Timing;
use super::executor::Lanes;
use super::graph::Failed;
use super::graphs::Graphs;
use super::job::{Job, Lane};

/// A stage of the path from a request to its answer.
pub(super) trait Stage: Sized + Send + 'static {
    /// The graph that it is there for; its name in metrics and errors.
    const NAME: &'static str;
    type Input: Send;
    type Output: Send;

    /// Slots that a job takes in a batch.
    fn extent(input: &Self::Input) -> Extent;

    /// Bounds of its batches, where those of batches in general are `batch`.
    fn budget(batch: Budget) -> Budget {
        batch
    }

    /// Where its jobs wait.
    fn lane(lanes: &mut Lanes) -> &mut Lane<Self>;

    /// The question that can be asked now that a job has its output. It goes from executor to executor, so that no caller has to wake in
    /// between, and a batch of pictures becomes one of questions.
    fn follow(_: &Self::Input, _: &Self::Output) -> Option<Job<Questions>> {
        None
    }

    /// Runs a batch, which is not empty; one output per input, in their order. The time of each graph is added to `timing`.
    fn run(
        graphs: &mut Graphs,
        model: &Model,
        inputs: &[&Self::Input],
        timing: &Timing,
    ) -> Result<Vec<Self::Output>, Failed>;
}

/// What stages need to know of the bundle.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub manifest: Manifest,
    /// Token id that fills the slots behind a text.
    pub pad: i64,
}
