//! The converted model.

use prost::Message;

use super::graph::RUNTIME;
use super::literal::Element;
use super::proto::{GraphProto, ModelProto, OperatorSetIdProto};
use super::signature::{Axis, Kind};

/// Version of the ONNX operators that are written, and of the file format that belongs to it.
const OPSET: i64 = 20;
const IR_VERSION: i64 = 9;
/// Version of ONNX Runtime's own operators.
const RUNTIME_OPSET: i64 = 1;

/// An ONNX model, ready to be written.
#[derive(Clone, Debug)]
pub struct Model {
    proto: ModelProto,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// Fixed and named dimensions.
    pub axes: Vec<Axis>,
    pub(super) element: Element,
}

impl Model {
    pub(super) fn new(graph: GraphProto, inputs: Vec<Port>, outputs: Vec<Port>) -> Self {
        let opset = |domain: &str, version| OperatorSetIdProto {
            domain: Some(domain.to_owned()),
            version: Some(version),
        };
        let mut opset_import = vec![opset("", OPSET)];
        if graph.node.iter().any(|node| node.domain.is_some()) {
            opset_import.push(opset(RUNTIME, RUNTIME_OPSET));
        }
        let proto = ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some("cmal".into()),
            producer_version: Some(env!("CARGO_PKG_VERSION").into()),
            graph: Some(graph),
            opset_import,
        };
        Self { proto, inputs, outputs }
    }

    /// The content of the `.onnx` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }

    /// Inputs in the order of the graph.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// Outputs in the order of the graph.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Names of the stored tensors; a parameter is called by its path in the module.
    pub fn initializers(&self) -> impl Iterator<Item = &str> {
        let graph = self.proto.graph.iter();
        graph.flat_map(|graph| &graph.initializer).filter_map(|tensor| tensor.name.as_deref())
    }

    /// Operators in the order of computation.
    pub fn operators(&self) -> impl Iterator<Item = &str> {
        self.proto.graph.iter().flat_map(|graph| &graph.node).filter_map(|node| node.op_type.as_deref())
    }
}

impl Port {
    /// Element type; `None` if it is not one that a signature can name.
    pub fn kind(&self) -> Option<Kind> {
        match self.element {
            Element::F32 => Some(Kind::F32),
            Element::I64 => Some(Kind::I64),
            Element::I32 => Some(Kind::I32),
            Element::U8 => Some(Kind::U8),
            Element::Bool => Some(Kind::Bool),
            _ => None,
        }
    }
}
