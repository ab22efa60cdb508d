//! One graph on tensors that a caller gives: a job of its own, whatever the graph.

use std::num::NonZeroUsize;

use crate::bundle::GoldenTensor;
use crate::runtime::batching::{Budget, Extent};
use crate::runtime::call::{Phase, Timing};
use crate::runtime::executor::Lanes;
use crate::runtime::graph::{Failed, Input};
use crate::runtime::graphs::Graphs;
use crate::runtime::job::Lane;
use crate::runtime::raw::RawRun;

use super::{Model, Stage};

pub(in crate::runtime) struct Raws;

impl Stage for Raws {
    const NAME: &'static str = "raw";
    type Input = RawRun;
    /// In the order in which the run names them.
    type Output = Vec<GoldenTensor>;

    /// A run is never padded.
    fn extent(_: &RawRun) -> Extent {
        Extent::default()
    }

    /// One: a caller's tensors are a batch already, and runs of different graphs have nothing to share.
    fn budget(batch: Budget) -> Budget {
        batch.at_most(NonZeroUsize::MIN)
    }

    fn lane(lanes: &mut Lanes) -> &mut Lane<Self> {
        &mut lanes.raws
    }

    fn run(
        graphs: &mut Graphs,
        _: &Model,
        inputs: &[&RawRun],
        timing: &Timing,
    ) -> Result<Vec<Self::Output>, Failed> {
        timing.time(Phase::Raw, || inputs.iter().map(|run| one(graphs, run)).collect())
    }
}

fn one(graphs: &mut Graphs, run: &RawRun) -> Result<Vec<GoldenTensor>, Failed> {
    let name = run.graph();
    let graph = graphs.all().into_iter().find(|graph| graph.name() == name);
    let graph =
        graph.ok_or_else(|| Failed { graph: name, source: ort::Error::new("no session has this graph") })?;
    let inputs: Vec<Input<'_>> = run
        .inputs()
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.shape(), tensor.values().into()))
        .collect();
    graph.run(&inputs, |outputs| run.outputs().iter().map(|entry| outputs.tensor(entry)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Values;
    use crate::bundle::names::graph;
    use crate::runtime::graphs::tests::{apart, graphs, shapes};
    use crate::runtime::raw::tests::golden_run;

    #[test]
    fn every_graph_gives_its_golden_values() {
        let (mut graphs, model) = graphs();
        let bundle = shapes();
        let golden = bundle.golden().unwrap();
        for name in graph::ALL {
            let run = golden_run(&bundle, name);
            let outputs = Raws::run(&mut graphs, &model, &[&run], &Timing::default()).unwrap().remove(0);
            assert_eq!(outputs.len(), golden.graphs[name].outputs.len());
            for (entry, output) in run.outputs().iter().zip(&outputs) {
                let expected = &golden.graphs[name].outputs[&entry.name];
                assert_eq!((output.shape(), output.values().dtype()), (expected.shape(), entry.dtype));
                match (output.values(), expected.values()) {
                    (Values::F32(found), Values::F32(expected)) => assert!(apart(found, expected) < 5e-2),
                    (found, expected) => assert_eq!(found, expected),
                }
            }
        }
    }
}
