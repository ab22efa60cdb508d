//! What translations work with: the values made so far, the nodes they add, and the sizes they ask for.

use std::collections::HashMap;
use std::rc::Rc;

use burn::tensor::{DType, TensorData};
use burn_ir::{ScalarIr, TensorIr};

use super::super::align::{Aligned, Constant, Operation, Traced};
use super::super::convert::Options;
use super::super::convolution::{self, Convolutions};
use super::super::error::Error;
use super::super::fuse::fuse;
use super::super::graph::{Attribute, Attributes, Graph, Parameter, Value};
use super::super::literal::{Element, Literal};
use super::super::model::Port;
use super::super::proto::GraphProto;
use super::super::quantise::quantise;
use super::super::signature::Signature;
use super::super::size::{Seen, Size, Symbols};
use super::super::weights::Weights;
use super::table;

/// A graph being translated.
pub(crate) struct Lowering<'a> {
    graph: Graph,
    aligned: &'a Aligned,
    /// ONNX value of each tensor that has one yet.
    values: Vec<Option<Value>>,
    symbols: Symbols,
    /// Value and axis at which each symbol can be read.
    sources: Vec<(Value, usize)>,
    /// Sizes that were computed, each as a vector of one integer.
    sizes: HashMap<Seen, Value>,
    inputs: Vec<Port>,
    /// Name and module of the operation being translated.
    operation: String,
    module: Rc<str>,
}

impl<'a> Lowering<'a> {
    /// A graph with the inputs of the signature.
    pub(crate) fn new(signature: &Signature, aligned: &'a Aligned) -> Result<Self, Error> {
        let mut lowering = Self {
            graph: Graph::default(),
            aligned,
            values: vec![None; aligned.tensors.len()],
            symbols: Symbols::default(),
            sources: Vec::new(),
            sizes: HashMap::new(),
            inputs: Vec::new(),
            operation: "Input".into(),
            module: Rc::from(""),
        };
        for (input, tensor) in signature.inputs.iter().zip(&aligned.inputs) {
            let element = lowering.element(input.kind.dtype())?;
            let port = Port { name: input.name.clone(), axes: input.axes.clone(), element };
            lowering.inputs.push(port.clone());
            let value = lowering.graph.input(port);
            lowering.values[*tensor] = Some(value);
        }
        // All axes are learned before any of their products can be.
        for tensor in &aligned.inputs {
            lowering.learn(*tensor);
        }
        Ok(lowering)
    }

    /// Translates one operation.
    pub(crate) fn lower(&mut self, operation: &Operation) -> Result<(), Error> {
        self.operation.clone_from(&operation.name);
        if *self.module != *operation.module {
            self.module = Rc::from(operation.module.as_str());
        }
        table::lower(operation, self)
    }

    /// The finished graph with its inputs and outputs.
    pub(crate) fn finish(
        mut self,
        signature: &Signature,
        options: Options,
        convolutions: Convolutions,
    ) -> Result<(GraphProto, Vec<Port>, Vec<Port>), Error> {
        let mut outputs = Vec::new();
        self.operation = "Output".into();
        for (output, tensor) in signature.outputs.iter().zip(&self.aligned.outputs) {
            let value = self.value(*tensor)?;
            let element = self.element(self.aligned.tensors[*tensor].dtype)?;
            let port = Port { name: output.name.clone(), axes: output.axes.clone(), element };
            outputs.push(port.clone());
            self.graph.output(value, port);
        }
        match options.weights {
            Weights::Int8 => quantise(&mut self.graph),
            Weights::F32 | Weights::F16 if options.plain => {}
            Weights::F32 | Weights::F16 => fuse(&mut self.graph),
        }
        match convolutions {
            Convolutions::Float => {}
            Convolutions::Observed => outputs.extend(convolution::observe(&mut self.graph, &signature.name)?),
            Convolutions::Int8(ranges) => convolution::quantise(&mut self.graph, &signature.name, ranges)?,
        }
        Ok((self.graph.finish(&signature.name, options.weights), self.inputs, outputs))
    }

    /// The value of an operand.
    pub(super) fn get(&mut self, tensor: &TensorIr) -> Result<Value, Error> {
        self.value(number(tensor))
    }

    /// Makes `value` the result that later operations find under `tensor`.
    pub(super) fn bind(&mut self, tensor: &TensorIr, value: Value) -> Result<(), Error> {
        self.values[number(tensor)] = Some(value);
        self.learn(number(tensor));
        Ok(())
    }

    /// Sizes of a tensor in both recordings.
    pub(super) fn shape(&self, tensor: &TensorIr) -> Vec<Seen> {
        self.aligned.tensors[number(tensor)].shape.clone()
    }

    /// Adds a node and returns its output.
    pub(super) fn node<const N: usize>(&mut self, op: &'static str, inputs: [Value; N]) -> Value {
        self.node_with(op, inputs, Attributes::new())
    }

    /// Adds a node with attributes and returns its output.
    pub(super) fn node_with<const N: usize>(
        &mut self,
        op: &'static str,
        inputs: [Value; N],
        attributes: Attributes,
    ) -> Value {
        self.graph.node(op, inputs.into_iter().map(Some).collect(), attributes, &self.module)
    }

    /// Adds a node with any number of operands, some of them absent, and returns its output.
    pub(super) fn node_of(
        &mut self,
        op: &'static str,
        inputs: Vec<Option<Value>>,
        attributes: Attributes,
    ) -> Value {
        self.graph.node(op, inputs, attributes, &self.module)
    }

    /// Adds a node with two outputs.
    pub(super) fn node_pair<const N: usize>(
        &mut self,
        op: &'static str,
        inputs: [Value; N],
        attributes: Attributes,
    ) -> [Value; 2] {
        self.graph.node_pair(op, inputs.into_iter().map(Some).collect(), attributes, &self.module)
    }

    /// A constant vector of integers.
    pub(super) fn ints(&mut self, values: &[i64]) -> Value {
        self.graph.constant(Literal::ints(values), None)
    }

    /// A constant number of the given type, without dimensions.
    pub(super) fn scalar(&mut self, value: ScalarIr, dtype: DType) -> Result<Value, Error> {
        let literal = Literal::scalar(value, self.element(dtype)?);
        Ok(self.graph.constant(literal, None))
    }

    /// A constant float of the given type, without dimensions.
    pub(super) fn float(&mut self, value: f64, dtype: DType) -> Result<Value, Error> {
        self.scalar(ScalarIr::Float(value), dtype)
    }

    /// A constant that is stored as it is, whatever is said of weights.
    pub(super) fn exact(&mut self, literal: Literal) -> Value {
        self.graph.exact(literal, None)
    }

    /// A constant like another one, still named after the same parameter.
    pub(super) fn derived(&mut self, literal: Literal, path: Option<String>) -> Value {
        self.graph.constant(literal, path.as_deref())
    }

    /// The content of a value, if it is constant.
    pub(super) fn literal(&self, value: Value) -> Option<Parameter> {
        self.graph.literal(value)
    }

    /// Operator, first operand and attributes of the node that computes a value.
    pub(super) fn producer(&self, value: Value) -> Option<(&'static str, Option<Value>, Attributes)> {
        let node = self.graph.producer(value)?;
        Some((node.op, node.inputs.first().copied().flatten(), node.attributes.clone()))
    }

    /// The value in another element type.
    pub(super) fn cast(&mut self, value: Value, from: DType, to: DType) -> Result<Value, Error> {
        let (from, to) = (self.element(from)?, self.element(to)?);
        if from == to {
            return Ok(value);
        }
        Ok(self.node_with("Cast", [value], vec![("to", Attribute::Int(i64::from(to as i32)))]))
    }

    /// The ONNX type of a burn type.
    pub(super) fn element(&self, dtype: DType) -> Result<Element, Error> {
        Element::of(dtype).ok_or_else(|| self.unsupported("quantised tensors are not translated"))
    }

    /// A size as a vector of one integer, computed at run time if it is dynamic.
    pub(super) fn size(&mut self, seen: Seen) -> Result<Value, Error> {
        if let Some(value) = self.sizes.get(&seen) {
            return Ok(*value);
        }
        let unknown = || Error::UnknownSize {
            op: self.operation.clone(),
            module: self.module.to_string(),
            first: seen.first,
            second: seen.second,
        };
        let value = match self.symbols.solve(seen).ok_or_else(unknown)? {
            Size::Fixed(size) => self.ints(&[size]),
            Size::Product { factor, of } => self.combine("Mul", &of, (factor != 1).then_some(factor)),
            Size::Sum { of, offset } => self.combine("Add", &of, (offset != 0).then_some(offset)),
        };
        self.sizes.insert(seen, value);
        Ok(value)
    }

    /// Several sizes as one vector.
    pub(super) fn sizes(&mut self, seen: &[Seen]) -> Result<Value, Error> {
        if let Some(fixed) = seen.iter().map(|size| size.fixed()).collect::<Option<Vec<i64>>>() {
            return Ok(self.ints(&fixed));
        }
        let parts = seen.iter().map(|size| self.size(*size).map(Some)).collect::<Result<Vec<_>, _>>()?;
        if let [Some(only)] = parts[..] {
            return Ok(only);
        }
        Ok(self.node_of("Concat", parts, vec![("axis", Attribute::Int(0))]))
    }

    /// Whether a size can be computed at run time.
    pub(super) fn knows(&self, seen: Seen) -> bool {
        self.symbols.solve(seen).is_some()
    }

    /// A value as a number without dimensions; it must hold one element.
    pub(super) fn squeeze(&mut self, value: Value) -> Value {
        let axis = self.ints(&[0]);
        self.node("Squeeze", [value, axis])
    }

    /// The integers from 0 to `length - 1`.
    pub(super) fn range(&mut self, length: Seen) -> Result<Value, Error> {
        let length = self.size(length)?;
        let limit = self.squeeze(length);
        let (start, step) =
            (self.scalar(ScalarIr::Int(0), DType::I64)?, self.scalar(ScalarIr::Int(1), DType::I64)?);
        Ok(self.node("Range", [start, limit, step]))
    }

    /// A tensor of one repeated value.
    pub(super) fn filled(&mut self, value: ScalarIr, shape: &[Seen], dtype: DType) -> Result<Value, Error> {
        let literal = Literal::scalar(value, self.element(dtype)?).reshaped(vec![1]);
        let shape = self.sizes(shape)?;
        Ok(self.node_with("ConstantOfShape", [shape], vec![("value", Attribute::Tensor(literal))]))
    }

    /// The error for an operation without a translation.
    pub(super) fn unknown(&self) -> Error {
        Error::UnknownOperation { op: self.operation.clone(), module: self.module.to_string() }
    }

    /// The error for arguments without a translation.
    pub(super) fn unsupported(&self, reason: &str) -> Error {
        Error::Unsupported {
            op: self.operation.clone(),
            module: self.module.to_string(),
            reason: reason.into(),
        }
    }

    fn combine(&mut self, op: &'static str, of: &[usize], constant: Option<i64>) -> Value {
        let mut parts: Vec<Value> = of.iter().map(|symbol| self.symbol(*symbol)).collect();
        if let Some(constant) = constant {
            parts.push(self.ints(&[constant]));
        }
        let first = parts.remove(0);
        parts.into_iter().fold(first, |total, part| self.node(op, [total, part]))
    }

    fn symbol(&mut self, symbol: usize) -> Value {
        let (source, axis) = self.sources[symbol];
        let axis = axis as i64;
        self.node_with(
            "Shape",
            [source],
            vec![("start", Attribute::Int(axis)), ("end", Attribute::Int(axis + 1))],
        )
    }

    /// Remembers the sizes of a tensor that has a value.
    fn learn(&mut self, tensor: usize) {
        let Some(value) = self.values[tensor] else { return };
        for (axis, seen) in self.aligned.tensors[tensor].shape.iter().enumerate() {
            if self.symbols.learn(*seen).is_some() {
                self.sources.push((value, axis));
            }
        }
    }

    fn value(&mut self, tensor: usize) -> Result<Value, Error> {
        if let Some(value) = self.values[tensor] {
            return Ok(value);
        }
        let aligned = self.aligned;
        let traced = &aligned.tensors[tensor];
        let Some(constant) = &traced.constant else {
            return Err(self.unsupported("an operand was not computed before it is used"));
        };
        let value = self.constant(traced, constant)?;
        self.values[tensor] = Some(value);
        self.learn(tensor);
        Ok(value)
    }

    fn constant(&mut self, traced: &Traced, constant: &Constant) -> Result<Value, Error> {
        let [first, second] = &constant.values;
        if first == second {
            let literal =
                Literal::of(first).ok_or_else(|| self.unsupported("quantised tensors are not translated"))?;
            return Ok(self.graph.constant(literal, constant.path.as_deref()));
        }
        if let Some(value) = uniform(first).filter(|value| uniform(second) == Some(*value)) {
            return self.filled(value, &traced.shape, traced.dtype);
        }
        match (progression(first), progression(second), &traced.shape[..]) {
            (Some(a), Some(b), [length]) if a == b => {
                let (start, step) = a;
                let mut value = self.range(*length)?;
                if step != 1 {
                    let step = self.scalar(ScalarIr::Int(step), DType::I64)?;
                    value = self.node("Mul", [value, step]);
                }
                if start != 0 {
                    let start = self.scalar(ScalarIr::Int(start), DType::I64)?;
                    value = self.node("Add", [value, start]);
                }
                self.cast(value, DType::I64, traced.dtype)
            }
            _ => Err(Error::DynamicConstant {
                op: self.operation.clone(),
                module: self.module.to_string(),
                first: first.shape().to_vec(),
                second: second.shape().to_vec(),
            }),
        }
    }
}

fn number(tensor: &TensorIr) -> usize {
    // Aligned operations carry the tensor's index as its id.
    tensor.id.value() as usize
}

/// The one value that all elements have.
fn uniform(data: &TensorData) -> Option<ScalarIr> {
    let values: Vec<f64> = data.iter::<f64>().collect();
    let first = *values.first()?;
    if values.iter().any(|value| *value != first) {
        return None;
    }
    Some(if data.dtype().is_bool() {
        ScalarIr::Bool(first != 0.0)
    } else if data.dtype().is_float() {
        ScalarIr::Float(first)
    } else {
        ScalarIr::Int(data.iter::<i64>().next()?)
    })
}

/// First element and step of an evenly spaced vector of integers.
fn progression(data: &TensorData) -> Option<(i64, i64)> {
    if data.rank() != 1 || !(data.dtype().is_int() || data.dtype().is_uint()) {
        return None;
    }
    let values: Vec<i64> = data.iter::<i64>().collect();
    let [start, second, ..] = values[..] else { return None };
    let step = second - start;
    let even = values.windows(2).all(|pair| pair[1] - pair[0] == step);
    even.then_some((start, step))
}
