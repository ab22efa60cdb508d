//! The ONNX graph under construction: nodes, values and constants; dead parts are dropped and names given at the end.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::literal::{Element, Literal};
use super::model::Port;
use super::proto::{
    AttributeProto, AttributeType, DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::signature::Axis;
use super::weights::{Codes, Stored, Weights};

/// A value of the graph: an input, a constant, or what a node computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Value(usize);

/// Domain of the operators that ONNX Runtime has beside the standard ones.
pub(super) const RUNTIME: &str = "com.microsoft";

/// An attribute of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Text(&'static str),
    Tensor(Literal),
}

/// The content of a constant and the path of the parameter that it holds.
pub(super) type Parameter = (Rc<Literal>, Option<String>);

/// Attributes of a node by name.
pub(super) type Attributes = Vec<(&'static str, Attribute)>;

/// One ONNX operator with its operands; an absent optional operand is `None`.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub op: &'static str,
    /// [`RUNTIME`], or empty for a standard operator.
    pub domain: &'static str,
    pub inputs: Vec<Option<Value>>,
    pub outputs: Vec<Value>,
    pub attributes: Attributes,
    /// Path of the module that the node belongs to.
    pub module: Rc<str>,
}

/// The graph.
#[derive(Default)]
pub(super) struct Graph {
    values: usize,
    nodes: Vec<Node>,
    producers: HashMap<Value, usize>,
    constants: HashMap<Value, Constant>,
    known: HashMap<Rc<Literal>, Value>,
    inputs: Vec<(Value, Port)>,
    outputs: Vec<(Value, Port)>,
}

struct Constant {
    literal: Rc<Literal>,
    /// Module path of the parameter that it holds.
    path: Option<String>,
    /// Whether it is stored as it is, whatever is said of weights.
    exact: bool,
}

impl Node {
    /// An operand; `None` if it is absent.
    pub(super) fn operand(&self, at: usize) -> Option<Value> {
        self.inputs.get(at).copied().flatten()
    }

    /// Whether it has the attribute with this value.
    pub(super) fn has(&self, name: &str, value: &Attribute) -> bool {
        self.attributes.iter().any(|(own, given)| *own == name && given == value)
    }
}

impl Graph {
    /// Adds a graph input.
    pub(super) fn input(&mut self, port: Port) -> Value {
        let value = self.fresh();
        self.inputs.push((value, port));
        value
    }

    /// Declares a value as the next graph output.
    pub(super) fn output(&mut self, value: Value, port: Port) {
        // Each output has a name of its own, which an input, a constant or a second output can't take.
        let value = if self.is_output(value) || !self.producers.contains_key(&value) {
            self.node("Identity", vec![Some(value)], Attributes::new(), &Rc::from(""))
        } else {
            value
        };
        self.outputs.push((value, port));
    }

    /// Adds a constant, or finds the same one. `path` names a parameter.
    pub(super) fn constant(&mut self, literal: Literal, path: Option<&str>) -> Value {
        let literal = Rc::new(literal);
        if let Some(value) = self.known.get(&literal) {
            if let Some(constant) = self.constants.get_mut(value) {
                constant.path = constant.path.take().or(path.map(str::to_owned));
            }
            return *value;
        }
        let value = self.fresh();
        self.known.insert(literal.clone(), value);
        self.constants.insert(value, Constant { literal, path: path.map(str::to_owned), exact: false });
        value
    }

    /// As [`constant`](Self::constant), stored as it is whatever is said of weights.
    pub(super) fn exact(&mut self, literal: Literal, path: Option<&str>) -> Value {
        let value = self.constant(literal, path);
        if let Some(constant) = self.constants.get_mut(&value) {
            constant.exact = true;
        }
        value
    }

    /// The content of a constant and the path of the parameter that it holds; `None` for computed values and inputs.
    pub(super) fn literal(&self, value: Value) -> Option<Parameter> {
        self.constants.get(&value).map(|constant| (constant.literal.clone(), constant.path.clone()))
    }

    /// The node that computes a value.
    pub(super) fn producer(&self, value: Value) -> Option<&Node> {
        self.producers.get(&value).map(|node| &self.nodes[*node])
    }

    /// The node that computes a value, if it is of this operator.
    pub(super) fn made_by(&self, op: &str, value: Value) -> Option<&Node> {
        self.producer(value).filter(|node| node.op == op)
    }

    /// Nodes in the order of computation.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The node that reads a value, if nothing else does.
    pub(super) fn only_reader(&self, value: Value) -> Option<&Node> {
        let mut readers = self.nodes.iter().filter(|node| node.inputs.contains(&Some(value)));
        readers.next().filter(|_| !self.is_output(value) && readers.next().is_none())
    }

    /// Whether it is an output of the graph.
    pub(super) fn is_output(&self, value: Value) -> bool {
        self.outputs.iter().any(|(output, _)| *output == value)
    }

    /// Has other nodes written in the place of every node in which `find` finds something. `write` pushes them, the last of them with
    /// the outputs of the node that it is given; what they read is computed before that place. Nodes that nothing reads any more are
    /// left out of the finished graph.
    pub(super) fn rewrite<F>(
        &mut self,
        find: impl Fn(&Self, &Node) -> Option<F>,
        mut write: impl FnMut(&mut Self, F, Node),
    ) {
        let found = self.nodes.iter().enumerate();
        let found: Vec<(usize, F)> =
            found.filter_map(|(place, node)| Some((place, find(self, node)?))).collect();
        let mut found = found.into_iter().peekable();
        self.producers.clear();
        for (place, node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            match found.next_if(|(next, _)| *next == place) {
                Some((_, found)) => write(self, found, node),
                None => self.push(node),
            }
        }
    }

    /// Adds a node with one output.
    pub(super) fn node(
        &mut self,
        op: &'static str,
        inputs: Vec<Option<Value>>,
        attributes: Attributes,
        module: &Rc<str>,
    ) -> Value {
        self.node_in("", op, inputs, attributes, module)
    }

    /// Adds a node of a domain with one output.
    pub(super) fn node_in(
        &mut self,
        domain: &'static str,
        op: &'static str,
        inputs: Vec<Option<Value>>,
        attributes: Attributes,
        module: &Rc<str>,
    ) -> Value {
        let output = self.fresh();
        self.push(Node { op, domain, inputs, outputs: vec![output], attributes, module: module.clone() });
        output
    }

    /// Adds a node with two outputs.
    pub(super) fn node_pair(
        &mut self,
        op: &'static str,
        inputs: Vec<Option<Value>>,
        attributes: Attributes,
        module: &Rc<str>,
    ) -> [Value; 2] {
        let outputs = [self.fresh(), self.fresh()];
        let module = module.clone();
        self.push(Node { op, domain: "", inputs, outputs: outputs.to_vec(), attributes, module });
        outputs
    }

    /// The graph as it is written: nodes that no output needs are left out, and every value has its final name.
    pub(super) fn finish(mut self, name: &str, weights: Weights) -> GraphProto {
        self.drop_dead();
        let mut names = self.name_values();
        let mut initializer = Vec::new();
        let mut node = Vec::new();
        let mut constants: Vec<(&Value, &Constant)> = self.constants.iter().collect();
        constants.sort_by_key(|(value, _)| value.0);
        for (value, constant) in constants {
            let stored_name = names.get(value).cloned().unwrap_or_default();
            let stored = if constant.exact { Stored::Plain } else { weights.store(&constant.literal) };
            let wide = format!("{stored_name}/f32");
            match stored {
                Stored::Plain => initializer.push(tensor(&constant.literal, &stored_name)),
                Stored::Narrow(narrow) => {
                    initializer.push(tensor(&narrow, &stored_name));
                    node.push(widened(&stored_name, &wide));
                    names.insert(*value, wide);
                }
                Stored::Scaled(Codes { codes, scales }) => {
                    let (whole, scale) = (format!("{stored_name}/whole"), format!("{stored_name}/scale"));
                    initializer.push(tensor(&codes, &stored_name));
                    initializer.push(tensor(&scales, &scale));
                    node.push(widened(&stored_name, &whole));
                    node.push(NodeProto {
                        input: vec![whole, scale],
                        output: vec![wide.clone()],
                        name: Some(format!("{wide}/Mul")),
                        op_type: Some("Mul".into()),
                        ..NodeProto::default()
                    });
                    names.insert(*value, wide);
                }
            }
        }
        let named =
            |value: &Option<Value>| value.and_then(|value| names.get(&value).cloned()).unwrap_or_default();
        node.extend(self.nodes.iter().enumerate().map(|(index, node)| NodeProto {
            input: node.inputs.iter().map(named).collect(),
            output: node.outputs.iter().map(|value| named(&Some(*value))).collect(),
            name: Some(node_name(node, index)),
            op_type: Some(node.op.into()),
            attribute: node.attributes.iter().map(|(name, value)| value.proto(name)).collect(),
            domain: (!node.domain.is_empty()).then(|| node.domain.into()),
        }));
        GraphProto {
            node,
            name: Some(name.into()),
            initializer,
            input: self.inputs.iter().map(|(_, port)| port_proto(port)).collect(),
            output: self.outputs.iter().map(|(_, port)| port_proto(port)).collect(),
        }
    }

    /// A value that no node computes yet.
    pub(super) fn fresh(&mut self) -> Value {
        self.values += 1;
        Value(self.values - 1)
    }

    /// Adds a node whose outputs are given.
    pub(super) fn push(&mut self, node: Node) {
        for output in &node.outputs {
            self.producers.insert(*output, self.nodes.len());
        }
        self.nodes.push(node);
    }

    fn drop_dead(&mut self) {
        let mut live: HashSet<Value> = self.outputs.iter().map(|(value, _)| *value).collect();
        // Nodes stand in the order of computation, so one walk from the end finds everything that is needed.
        let mut kept: Vec<Node> = Vec::with_capacity(self.nodes.len());
        for node in std::mem::take(&mut self.nodes).into_iter().rev() {
            if node.outputs.iter().any(|output| live.contains(output)) {
                live.extend(node.inputs.iter().flatten());
                kept.push(node);
            }
        }
        kept.reverse();
        self.nodes = kept;
        self.constants.retain(|value, _| live.contains(value));
    }

    /// Inputs and outputs have their own names, parameters their module path, everything else its node's name.
    fn name_values(&self) -> HashMap<Value, String> {
        let ports = self.inputs.iter().chain(&self.outputs);
        let mut names: HashMap<Value, String> =
            ports.map(|(value, port)| (*value, port.name.clone())).collect();
        let mut taken: HashSet<String> = names.values().cloned().collect();
        let mut claim = |value: Value, wanted: String, names: &mut HashMap<Value, String>| {
            let candidates = std::iter::once(wanted.clone()).chain((2..).map(|n| format!("{wanted}.{n}")));
            for candidate in candidates {
                if taken.insert(candidate.clone()) {
                    names.insert(value, candidate);
                    break;
                }
            }
        };
        let mut constants: Vec<(&Value, &Constant)> = self.constants.iter().collect();
        constants.sort_by_key(|(value, _)| value.0);
        for (value, constant) in constants {
            let wanted = constant.path.clone().unwrap_or_else(|| format!("constant_{}", value.0));
            claim(*value, wanted, &mut names);
        }
        for (index, node) in self.nodes.iter().enumerate() {
            for output in &node.outputs {
                if !names.contains_key(output) {
                    claim(*output, node_name(node, index), &mut names);
                }
            }
        }
        names
    }
}

impl Attribute {
    fn proto(&self, name: &str) -> AttributeProto {
        match self {
            Attribute::Int(value) => {
                AttributeProto { i: Some(*value), ..attribute(name, AttributeType::Int) }
            }
            Attribute::Ints(values) => {
                AttributeProto { ints: values.clone(), ..attribute(name, AttributeType::Ints) }
            }
            Attribute::Float(value) => {
                AttributeProto { f: Some(*value), ..attribute(name, AttributeType::Float) }
            }
            Attribute::Text(text) => {
                AttributeProto { s: Some(text.as_bytes().to_vec()), ..attribute(name, AttributeType::String) }
            }
            Attribute::Tensor(literal) => {
                AttributeProto { t: Some(tensor(literal, "")), ..attribute(name, AttributeType::Tensor) }
            }
        }
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(kind as i32), ..AttributeProto::default() }
}

/// The `Cast` of a stored tensor to f32.
fn widened(narrow: &str, wide: &str) -> NodeProto {
    let to =
        AttributeProto { i: Some(i64::from(Element::F32 as i32)), ..attribute("to", AttributeType::Int) };
    NodeProto {
        input: vec![narrow.into()],
        output: vec![wide.into()],
        name: Some(format!("{wide}/Cast")),
        op_type: Some("Cast".into()),
        attribute: vec![to],
        domain: None,
    }
}

fn node_name(node: &Node, index: usize) -> String {
    let separator = if node.module.is_empty() { "" } else { "/" };
    format!("{}{separator}{}_{index}", node.module, node.op)
}

fn tensor(literal: &Literal, name: &str) -> TensorProto {
    TensorProto {
        dims: literal.dims.iter().map(|dim| *dim as i64).collect(),
        data_type: Some(literal.element as i32),
        name: (!name.is_empty()).then(|| name.to_owned()),
        raw_data: Some(literal.bytes.clone()),
    }
}

fn port_proto(port: &Port) -> ValueInfoProto {
    let dimension = |axis: &Axis| DimensionProto {
        value: Some(match axis {
            Axis::Fixed(size) => DimensionValue::Size(*size as i64),
            Axis::Named { name, .. } => DimensionValue::Name(name.clone()),
        }),
    };
    let shape = TensorShapeProto { dim: port.axes.iter().map(dimension).collect() };
    let tensor_type = TensorTypeProto { elem_type: Some(port.element as i32), shape: Some(shape) };
    ValueInfoProto {
        name: Some(port.name.clone()),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
    }
}
