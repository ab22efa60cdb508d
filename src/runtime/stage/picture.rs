//! Pixels to what the model makes of a picture: its objects, then its visual states.

use crate::bundle::names::graph;
use crate::input::Pixels;
use crate::runtime::batching::Extent;
use crate::runtime::call::{Phase, Timing};
use crate::runtime::executor::Lanes;
use crate::runtime::graph::Failed;
use crate::runtime::graphs::Graphs;
use crate::runtime::job::Lane;
use crate::types::Object;

use super::{Model, Stage, VisualStates, objects, vision};

pub(in crate::runtime) struct Pictures;

impl Stage for Pictures {
    const NAME: &'static str = graph::OBJECTS;
    type Input = Pixels;
    /// The objects of a picture, and the states of its regions.
    type Output = (Vec<Object>, VisualStates);

    /// All pictures have the same size.
    fn extent(_: &Pixels) -> Extent {
        Extent::default()
    }

    fn lane(lanes: &mut Lanes) -> &mut Lane<Self> {
        &mut lanes.pictures
    }

    fn run(
        graphs: &mut Graphs,
        model: &Model,
        inputs: &[&Pixels],
        timing: &Timing,
    ) -> Result<Vec<Self::Output>, Failed> {
        let found = timing.time(Phase::Objects, || objects::find(&mut graphs.objects, model, inputs))?;
        let states = timing.time(Phase::Vision, || vision::see(&mut graphs.vision, model, &found))?;
        Ok(found.into_iter().map(|found| found.objects).zip(states).collect())
    }
}
