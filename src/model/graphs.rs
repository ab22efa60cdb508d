//! The five served forward passes, with the names of their inputs, outputs and axes. The exporter records these very functions.

use burn::tensor::Tensor;

use super::cmal::Cmal;
use super::detector::Detector;
use super::dims::{Dims, Vocabulary};
use super::states::{Paired, Read, Seen};
use crate::bundle::names::{axis, graph, tensor};
use crate::onnx::{Axis, Error, Kind, Signature, Values};

/// A forward pass of module `M` under the names of its graph.
pub struct Graph<M> {
    pub signature: Signature,
    pub forward: fn(&M, &Values) -> Result<Values, Error>,
}

/// Pixels to objects.
pub fn objects(dims: &Dims, vocabulary: &Vocabulary) -> Graph<Detector> {
    let slots = Axis::fixed(dims.objects);
    let of_objects = |last: usize| [batch(), slots.clone(), Axis::fixed(last)];
    let side = Axis::fixed(dims.side);
    Graph {
        signature: Signature::new(graph::OBJECTS)
            .input(tensor::PIXELS, Kind::U8, [batch(), side.clone(), side, Axis::fixed(3)])
            .output(tensor::BOXES, of_objects(4))
            .output(tensor::FEATURES, of_objects(dims.features))
            .output(tensor::CLASSES, of_objects(vocabulary.classes))
            .output(tensor::ATTRIBUTES, of_objects(vocabulary.attributes))
            .output(tensor::SCORES, [batch(), slots.clone()])
            .output(tensor::OBJECT_MASK, [batch(), slots.clone()]),
        forward: |detector, values| {
            let found = detector.detect(values.int::<4>(tensor::PIXELS)?);
            let mut out = Values::new();
            out.insert_float(tensor::BOXES, found.boxes);
            out.insert_float(tensor::FEATURES, found.features);
            out.insert_float(tensor::CLASSES, found.classes);
            out.insert_float(tensor::ATTRIBUTES, found.attributes);
            out.insert_float(tensor::SCORES, found.scores);
            out.insert_bool(tensor::OBJECT_MASK, found.real);
            Ok(out)
        },
    }
}

/// Objects to visual states.
pub fn vision(dims: &Dims) -> Graph<Cmal> {
    Graph {
        signature: Signature::new(graph::VISION)
            .input(tensor::FEATURES, Kind::F32, [batch(), objects_axis(), Axis::fixed(dims.features)])
            .input(tensor::BOXES, Kind::F32, [batch(), objects_axis(), Axis::fixed(4)])
            .input(tensor::OBJECT_MASK, Kind::Bool, [batch(), objects_axis()])
            .output(tensor::VISUAL, [batch(), objects_axis(), Axis::fixed(dims.width)])
            .output(tensor::VISUAL_COARSE, [batch(), Axis::fixed(dims.coarse)]),
        forward: |cmal, values| {
            let features = values.float::<3>(tensor::FEATURES)?;
            let boxes = values.float::<3>(tensor::BOXES)?;
            let seen = cmal.see(features, boxes, values.bool::<2>(tensor::OBJECT_MASK)?, None);
            let mut out = Values::new();
            out.insert_float(tensor::VISUAL_COARSE, cmal.visual_coarse(&seen));
            out.insert_float(tensor::VISUAL, seen.states);
            Ok(out)
        },
    }
}

/// Tokens to textual states.
pub fn text(dims: &Dims) -> Graph<Cmal> {
    let tokens = || Axis::up_to(axis::TOKENS, dims.max_tokens);
    Graph {
        signature: Signature::new(graph::TEXT)
            .input(tensor::TOKENS, Kind::I64, [batch(), tokens()])
            .input(tensor::TOKEN_MASK, Kind::Bool, [batch(), tokens()])
            .output(tensor::TEXTUAL, [batch(), tokens(), Axis::fixed(dims.width)])
            .output(tensor::TEXTUAL_COARSE, [batch(), Axis::fixed(dims.coarse)]),
        forward: |cmal, values| {
            let read = cmal.read(values.int::<2>(tensor::TOKENS)?, values.bool::<2>(tensor::TOKEN_MASK)?);
            let mut out = Values::new();
            out.insert_float(tensor::TEXTUAL_COARSE, cmal.textual_coarse(&read));
            out.insert_float(tensor::TEXTUAL, read.states);
            Ok(out)
        },
    }
}

/// Visual and textual states to the logits of every task.
pub fn fusion(dims: &Dims, vocabulary: &Vocabulary) -> Graph<Cmal> {
    Graph {
        signature: states(graph::FUSION, dims)
            .output(tensor::VQA, [batch(), Axis::fixed(vocabulary.answers)])
            .output(tensor::ENTAILMENT, [batch(), Axis::fixed(crate::types::Entailment::ALL.len())])
            .output(tensor::GROUNDING, [batch(), objects_axis()])
            .output(tensor::ABSENT, [batch(), Axis::fixed(1)])
            .output(tensor::MATCH, [batch(), Axis::fixed(1)]),
        forward: |cmal, values| {
            let logits = cmal.tasks().forward(&cmal.fuse(&paired(values)?));
            let mut out = Values::new();
            out.insert_float(tensor::VQA, logits.vqa);
            out.insert_float(tensor::ENTAILMENT, logits.entailment);
            out.insert_float(tensor::GROUNDING, logits.grounding);
            out.insert_float(tensor::ABSENT, logits.absent);
            out.insert_float(tensor::MATCH, logits.matching);
            Ok(out)
        },
    }
}

/// Visual and textual states, an object and a word in each row, to the probability that the two belong together.
pub fn association(dims: &Dims) -> Graph<Cmal> {
    Graph {
        signature: states(graph::ASSOCIATION, dims)
            .input(tensor::FILLED_OBJECTS, Kind::Bool, [batch(), objects_axis()])
            .input(tensor::FILLED_TOKENS, Kind::Bool, [batch(), Axis::named(axis::TOKENS)])
            .output(tensor::ASSOCIATION, [batch(), Axis::fixed(1)]),
        forward: |cmal, values| {
            let objects = values.bool::<2>(tensor::FILLED_OBJECTS)?;
            let tokens = values.bool::<2>(tensor::FILLED_TOKENS)?;
            let probability: Tensor<2> = cmal.associate(&paired(values)?, objects, tokens);
            let mut out = Values::new();
            out.insert_float(tensor::ASSOCIATION, probability);
            Ok(out)
        },
    }
}

fn batch() -> Axis {
    Axis::named(axis::BATCH)
}

fn objects_axis() -> Axis {
    Axis::named(axis::OBJECTS)
}

/// The inputs that fusion and association share.
fn states(name: &str, dims: &Dims) -> Signature {
    let tokens = || Axis::named(axis::TOKENS);
    Signature::new(name)
        .input(tensor::VISUAL, Kind::F32, [batch(), objects_axis(), Axis::fixed(dims.width)])
        .input(tensor::OBJECT_MASK, Kind::Bool, [batch(), objects_axis()])
        .input(tensor::TEXTUAL, Kind::F32, [batch(), tokens(), Axis::fixed(dims.width)])
        .input(tensor::TOKEN_MASK, Kind::Bool, [batch(), tokens()])
}

fn paired(values: &Values) -> Result<Paired, Error> {
    Ok(Paired {
        seen: Seen {
            states: values.float::<3>(tensor::VISUAL)?,
            real: values.bool::<2>(tensor::OBJECT_MASK)?,
        },
        read: Read {
            states: values.float::<3>(tensor::TEXTUAL)?,
            real: values.bool::<2>(tensor::TOKEN_MASK)?,
        },
    })
}
