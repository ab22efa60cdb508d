//! What each graph takes and gives: the names of `names`, with their types and ranks, as a table.

use super::manifest::{DType, Graph, TensorEntry};
use super::names::{graph, tensor};

/// A tensor that a graph must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub name: &'static str,
    pub dtype: DType,
    /// Number of axes.
    pub rank: usize,
}

/// The tensors of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    pub inputs: &'static [Slot],
    pub outputs: &'static [Slot],
}

const fn slot(name: &'static str, dtype: DType, rank: usize) -> Slot {
    Slot { name, dtype, rank }
}

const OBJECT_MASK: Slot = slot(tensor::OBJECT_MASK, DType::Bool, 2);
const FEATURES: Slot = slot(tensor::FEATURES, DType::F32, 3);
const BOXES: Slot = slot(tensor::BOXES, DType::F32, 3);
const VISUAL: Slot = slot(tensor::VISUAL, DType::F32, 3);
const TEXTUAL: Slot = slot(tensor::TEXTUAL, DType::F32, 3);
const TOKEN_MASK: Slot = slot(tensor::TOKEN_MASK, DType::Bool, 2);

const OBJECTS: Signature = Signature {
    inputs: &[slot(tensor::PIXELS, DType::U8, 4)],
    outputs: &[
        BOXES,
        FEATURES,
        slot(tensor::CLASSES, DType::F32, 3),
        slot(tensor::ATTRIBUTES, DType::F32, 3),
        slot(tensor::SCORES, DType::F32, 2),
        OBJECT_MASK,
    ],
};

const VISION: Signature = Signature {
    inputs: &[FEATURES, BOXES, OBJECT_MASK],
    outputs: &[VISUAL, slot(tensor::VISUAL_COARSE, DType::F32, 2)],
};

const TEXT: Signature = Signature {
    inputs: &[slot(tensor::TOKENS, DType::I64, 2), TOKEN_MASK],
    outputs: &[TEXTUAL, slot(tensor::TEXTUAL_COARSE, DType::F32, 2)],
};

const FUSION: Signature = Signature {
    inputs: &[VISUAL, OBJECT_MASK, TEXTUAL, TOKEN_MASK],
    outputs: &[
        slot(tensor::VQA, DType::F32, 2),
        slot(tensor::ENTAILMENT, DType::F32, 2),
        slot(tensor::GROUNDING, DType::F32, 2),
        slot(tensor::ABSENT, DType::F32, 2),
        slot(tensor::MATCH, DType::F32, 2),
    ],
};

const ASSOCIATION: Signature = Signature {
    inputs: &[
        VISUAL,
        OBJECT_MASK,
        TEXTUAL,
        TOKEN_MASK,
        slot(tensor::FILLED_OBJECTS, DType::Bool, 2),
        slot(tensor::FILLED_TOKENS, DType::Bool, 2),
    ],
    outputs: &[slot(tensor::ASSOCIATION, DType::F32, 2)],
};

/// What a graph takes and gives; none for a name that is not in [`graph::ALL`].
pub fn signature(name: &str) -> Option<Signature> {
    match name {
        graph::OBJECTS => Some(OBJECTS),
        graph::VISION => Some(VISION),
        graph::TEXT => Some(TEXT),
        graph::FUSION => Some(FUSION),
        graph::ASSOCIATION => Some(ASSOCIATION),
        _ => None,
    }
}

impl Signature {
    /// Holds what a manifest says of a graph against the table; the order of tensors does not matter.
    pub(super) fn check(&self, graph: &Graph) -> Result<(), String> {
        hold("input", self.inputs, &graph.inputs)?;
        hold("output", self.outputs, &graph.outputs)
    }
}

fn hold(kind: &str, slots: &[Slot], entries: &[TensorEntry]) -> Result<(), String> {
    for slot in slots {
        let Some(entry) = entries.iter().find(|entry| entry.name == slot.name) else {
            return Err(format!("it has no {kind} `{}`", slot.name));
        };
        if (entry.dtype, entry.axes.len()) != (slot.dtype, slot.rank) {
            return Err(format!(
                "its {kind} `{}` is {} with {} axes instead of {} with {}",
                slot.name,
                entry.dtype,
                entry.axes.len(),
                slot.dtype,
                slot.rank
            ));
        }
    }
    let known = |entry: &&TensorEntry| slots.iter().any(|slot| slot.name == entry.name);
    match entries.iter().find(|entry| !known(entry)) {
        Some(entry) => Err(format!("its {kind} `{}` is unknown", entry.name)),
        None if entries.len() > slots.len() => Err(format!("it lists an {kind} twice")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_graph_has_a_signature() {
        assert!(graph::ALL.iter().all(|name| signature(name).is_some()));
        assert!(signature("other").is_none());
    }
}
