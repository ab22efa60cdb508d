//! Pixels to what the model makes of a picture: its objects, then its visual states.

use std::sync::Arc;

use crate::bundle::names::graph;
use crate::input::Pixels;
use crate::runtime::batching::Extent;
use crate::runtime::call::{Phase, Timing};
use crate::runtime::executor::Lanes;
use crate::runtime::features::Seen;
use crate::runtime::graph::Failed;
use crate::runtime::graphs::Graphs;
use crate::runtime::job::{Job, Lane};
use crate::runtime::meeting::Meeting;
use crate::types::Frame;

use super::{Model, Questions, Stage, objects, vision};

pub(in crate::runtime) struct Pictures;

/// A decoded picture.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct Sight {
    pub frame: Frame,
    pub pixels: Pixels,
    /// Where a question waits for it.
    pub awaited: Option<Arc<Meeting>>,
}

impl Stage for Pictures {
    const NAME: &'static str = graph::OBJECTS;
    type Input = Sight;
    type Output = Arc<Seen>;

    /// All pictures have the same size.
    fn extent(_: &Sight) -> Extent {
        Extent::default()
    }

    fn lane(lanes: &mut Lanes) -> &mut Lane<Self> {
        &mut lanes.pictures
    }

    fn follow(sight: &Sight, seen: &Arc<Seen>) -> Option<Job<Questions>> {
        sight.awaited.as_ref()?.see(seen)
    }

    fn run(
        graphs: &mut Graphs,
        model: &Model,
        inputs: &[&Sight],
        timing: &Timing,
    ) -> Result<Vec<Arc<Seen>>, Failed> {
        let pixels: Vec<&Pixels> = inputs.iter().map(|sight| &sight.pixels).collect();
        let found = timing.time(Phase::Objects, || objects::find(&mut graphs.objects, model, &pixels))?;
        let states = timing.time(Phase::Vision, || vision::see(&mut graphs.vision, model, &found))?;
        let seen = inputs.iter().zip(found).zip(states);
        Ok(seen
            .map(|((sight, found), states)| Arc::new(Seen::new(sight.frame, found.objects, states)))
            .collect())
    }
}
