//! The sessions that one thread owns: one of every graph of the bundle, loaded, warmed and proven together.

use crate::bundle::Bundle;
use crate::bundle::names::graph;

use super::batching::Budget;
use super::error::StartError;
use super::graph::{Graph, Maker};
use super::proof;
use super::stage::Model;

pub(super) struct Graphs {
    pub objects: Graph,
    pub vision: Graph,
    pub text: Graph,
    pub fusion: Graph,
    /// Few requests need it, but a session more takes little, and every request finds it proven.
    pub association: Graph,
}

impl Graphs {
    /// Loads, warms and proves the graphs of an opened bundle, which has all of them.
    pub fn load(bundle: &Bundle, model: &Model, maker: &Maker, batch: Budget) -> Result<Self, StartError> {
        let load = |name| Graph::load(name, &bundle.graph_path(name), &model.manifest.graphs[name], maker);
        let mut graphs = Self {
            objects: load(graph::OBJECTS)?,
            vision: load(graph::VISION)?,
            text: load(graph::TEXT)?,
            fusion: load(graph::FUSION)?,
            association: load(graph::ASSOCIATION)?,
        };
        proof::warm_up(&mut graphs, model, batch)?;
        proof::prove(&mut graphs, bundle)?;
        Ok(graphs)
    }

    pub fn all(&mut self) -> [&mut Graph; 5] {
        let Self { objects, vision, text, fusion, association } = self;
        [objects, vision, text, fusion, association]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroUsize;
    use std::path::Path;

    use super::super::library;
    use super::super::provider::Attempt;
    use super::*;

    /// Difference that batching may make.
    pub const BOUND: f32 = 1e-4;

    /// The bundle that comes with the sources.
    pub fn shapes() -> Bundle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/shapes");
        Bundle::open(&folder).unwrap_or_else(|error| {
            panic!("this test needs the bundle models/shapes that comes with the sources: {error}")
        })
    }

    /// Its sessions on the CPU.
    pub fn graphs() -> (Graphs, Model) {
        let bundle = shapes();
        let maker = Maker {
            environment: library::load(None).unwrap(),
            provider: Attempt::Cpu,
            intra_threads: NonZeroUsize::MIN,
        };
        let model = Model { manifest: bundle.manifest().clone(), pad: 0 };
        (Graphs::load(&bundle, &model, &maker, Budget::default()).unwrap(), model)
    }

    /// Numbers in -1..1 that differ from call to call.
    pub fn numbers(count: usize, seed: &mut u32) -> Vec<f32> {
        let mut next = || {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    pub fn apart(one: &[f32], other: &[f32]) -> f32 {
        assert_eq!(one.len(), other.len());
        one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
    }
}
