//! Convolutions, computed in 8-bit integers.
//!
//! What goes into a convolution and what comes out of it is quantised by one range for all pictures, found beforehand on some of them; a
//! filter by its own largest weight. They are written in ONNX's standard form, of which ONNX Runtime makes a convolution of integers:
//!
//! ```text
//! x ─ QuantizeLinear ─ DequantizeLinear ─┐
//!       filters i8 ─── DequantizeLinear ─ Conv ─ Relu ─ QuantizeLinear ─ DequantizeLinear ─ y
//!         bias i32 ─── DequantizeLinear ─┘
//! ```
//!
//! Sums of integers are exact, so an answer is the same whatever else is in its batch.

use std::collections::HashMap;
use std::rc::Rc;

use super::error::Error;
use super::graph::{Attribute, Attributes, Graph, Node, Value};
use super::literal::{Element, Literal};
use super::model::Port;
use super::signature::Axis;
use super::weights::{Codes, quantised_filters};

/// Filters that read fewer channels gain nothing, nor do those of one pixel.
const FEWEST_CHANNELS: usize = 16;
/// The largest code of a value, the least being 0.
const LARGEST: f32 = 255.0;
/// The largest code of a bias, which leaves room for the products that are added to it.
const LARGEST_BIAS: f32 = 1e9;

/// How convolutions are computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Convolutions<'a> {
    Float,
    /// In floats, by a model with two outputs more: [`RANGES`] tells what was the least and the largest of every value that
    /// [`Int8`](Self::Int8) quantises, f32 `[values, 1, 1, 1]` each.
    Observed,
    /// In 8-bit integers where filters are wider than a pixel and read 16 channels or more, with the ranges that an observed model told,
    /// in its order.
    Int8(&'a [Range]),
}

/// Names of an observed model's further outputs.
pub const RANGES: [&str; 2] = ["least", "largest"];

/// What a value of the graph lies between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub least: f32,
    pub largest: f32,
}

impl Range {
    /// Takes in another range.
    pub fn widen(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.largest = self.largest.max(other.largest);
    }
}

/// Adds the outputs that tell ranges.
pub(super) fn observe(graph: &mut Graph) -> Vec<Port> {
    let values = quantised(graph);
    let module = Rc::from("");
    let ports = RANGES.iter().zip(["ReduceMin", "ReduceMax"]).map(|(name, op)| {
        let each: Vec<_> = values
            .iter()
            .map(|value| Some(graph.node(op, vec![Some(*value)], Attributes::new(), &module)))
            .collect();
        let all = graph.node("Concat", each, vec![("axis", Attribute::Int(0))], &module);
        let axes = [values.len(), 1, 1, 1].map(Axis::fixed).to_vec();
        let port = Port { name: (*name).to_owned(), axes, element: Element::F32 };
        graph.output(all, port.clone());
        port
    });
    ports.collect()
}

/// Writes the convolutions as those of integers.
pub(super) fn quantise(graph: &mut Graph, name: &str, ranges: &[Range]) -> Result<(), Error> {
    let values = quantised(graph);
    if values.len() != ranges.len() {
        let reason = format!("{} ranges were given for its {} values", ranges.len(), values.len());
        return Err(Error::Signature { graph: name.to_owned(), reason });
    }
    let steps: HashMap<Value, Steps> =
        values.into_iter().zip(ranges.iter().map(|range| Steps::of(*range))).collect();
    graph.rewrite(
        |graph, node| {
            let convolution = Convolution::found(graph, node);
            let result = node.outputs.first().and_then(|value| steps.get(value)).copied();
            (convolution.is_some() || result.is_some()).then_some((convolution, result))
        },
        |graph, (convolution, result), mut node| {
            if let Some(convolution) = convolution {
                let input = steps[&convolution.input];
                convolution.write(graph, &mut node, input);
            }
            match result {
                Some(result) => result.round(graph, node),
                None => graph.push(node),
            }
        },
    );
    Ok(())
}

/// What convolutions read and give, each value once.
fn quantised(graph: &Graph) -> Vec<Value> {
    let mut values = Vec::new();
    for convolution in graph.nodes().filter_map(|node| Convolution::found(graph, node)) {
        for value in [convolution.input, convolution.output] {
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    values
}

/// A convolution that integers gain by.
struct Convolution {
    input: Value,
    /// What it gives, after its activation.
    output: Value,
    filters: Parameter,
    bias: Option<Parameter>,
}

/// A constant and the path of the parameter that it holds.
type Parameter = (Rc<Literal>, Option<String>);

impl Convolution {
    fn found(graph: &Graph, node: &Node) -> Option<Self> {
        if node.op != "Conv" {
            return None;
        }
        let input = node.operand(0)?;
        // What the caller gives has no node after which it could be rounded.
        graph.producer(input)?;
        let filters = graph.literal(node.operand(1)?)?;
        let [_, channels, height, width] = filters.0.dims[..] else { return None };
        let finite = |literal: &Literal| {
            literal.as_floats().is_some_and(|values| values.iter().all(|v| v.is_finite()))
        };
        if channels < FEWEST_CHANNELS || height * width == 1 || !finite(&filters.0) {
            return None;
        }
        let bias = match node.operand(2) {
            Some(bias) => Some(graph.literal(bias).filter(|(literal, _)| finite(literal))?),
            None => None,
        };
        let sum = *node.outputs.first()?;
        let output =
            graph.only_reader(sum).filter(|reader| reader.op == "Relu").map_or(sum, |relu| relu.outputs[0]);
        Some(Self { input, output, filters, bias })
    }

    /// Has `node` read codes of its filters and its bias.
    fn write(self, graph: &mut Graph, node: &mut Node, input: Steps) {
        let (filters, path) = self.filters;
        let bias = self.bias.map(|(literal, path)| (literal.as_floats().unwrap_or_default(), path));
        // Next to a large bias, small filters take larger steps: both are added up in the same.
        let least = match &bias {
            Some((bias, _)) => bias.iter().map(|bias| bias.abs() / (LARGEST_BIAS * input.scale)).collect(),
            None => vec![0.0; filters.dims[0]],
        };
        let Codes { codes, scales } = quantised_filters(&filters, least);
        let steps = scales.as_floats().unwrap_or_default();
        let mut widened = |codes: Literal, scales: Literal, path: Option<String>| {
            let zeros = Literal {
                bytes: vec![0; scales.len() * codes.element.width()],
                dims: scales.dims.clone(),
                element: codes.element,
            };
            let inputs = [(codes, path), (scales, None), (zeros, None)];
            let inputs = inputs.map(|(literal, path)| Some(graph.exact(literal, path.as_deref()))).to_vec();
            Some(graph.node("DequantizeLinear", inputs, vec![("axis", Attribute::Int(0))], &node.module))
        };
        node.inputs[1] = widened(codes, scales, path);
        if let Some((bias, path)) = bias {
            let steps: Vec<f32> = steps.iter().map(|step| step * input.scale).collect();
            let codes = bias
                .iter()
                .zip(&steps)
                .map(|(bias, step)| if *step > 0.0 { (bias / step).round() as i32 } else { 0 });
            let dims = vec![steps.len()];
            let codes = Literal {
                element: Element::I32,
                dims: dims.clone(),
                bytes: codes.flat_map(i32::to_le_bytes).collect(),
            };
            node.inputs[2] = widened(codes, Literal::floats(&steps, dims), path);
        }
    }
}

/// How a value is rounded: to `scale · (code − zero)`.
#[derive(Clone, Copy)]
struct Steps {
    scale: f32,
    zero: u8,
}

impl Steps {
    /// Steps over the range and zero, which has a code of its own: padding and what an activation leaves are exact.
    fn of(Range { least, largest }: Range) -> Self {
        let (least, largest) = (least.min(0.0), largest.max(0.0));
        let scale = ((largest - least) / LARGEST).max(f32::MIN_POSITIVE);
        Self { scale, zero: (-least / scale).round() as u8 }
    }

    /// Adds a node whose result is rounded for everyone who reads it.
    fn round(self, graph: &mut Graph, mut node: Node) {
        let module = node.module.clone();
        let exact = graph.fresh();
        let rounded = std::mem::replace(&mut node.outputs[0], exact);
        graph.push(node);
        let scale = graph.exact(Literal::floats(&[self.scale], Vec::new()), None);
        let zero = Literal { element: Element::U8, dims: Vec::new(), bytes: vec![self.zero] };
        let zero = graph.constant(zero, None);
        let with = |value| [value, scale, zero].map(Some).to_vec();
        let codes = graph.node("QuantizeLinear", with(exact), Attributes::new(), &module);
        let (op, inputs, outputs) = ("DequantizeLinear", with(codes), vec![rounded]);
        graph.push(Node { op, domain: "", inputs, outputs, attributes: Attributes::new(), module });
    }
}

#[cfg(test)]
mod tests {
    use super::super::weights::quantised_filters;
    use super::*;

    #[test]
    fn zero_has_a_code_of_its_own_and_the_ends_are_reached() {
        for (least, largest) in [(0.0, 6.0), (-2.0, 1.0), (0.5, 3.0), (-3.0, -1.0), (0.0, 0.0)] {
            let Steps { scale, zero } = Steps::of(Range { least, largest });
            let code = |value: f32| (value / scale).round() + f32::from(zero);
            assert_eq!(code(0.0), f32::from(zero));
            for value in [least, largest] {
                assert!((0.0..=255.0).contains(&code(value)), "{value} of {least}..{largest}");
            }
        }
    }

    #[test]
    fn each_filter_has_a_scale_that_leaves_room_for_its_bias() {
        let filters = Literal::floats(&[1.0, -2.0, 0.01, 0.0, 0.0, 0.0], vec![3, 2, 1, 1]);
        let Codes { codes, scales } = quantised_filters(&filters, vec![0.0, 0.5, 0.0]);
        assert_eq!(scales.as_floats().unwrap(), [2.0 / 64.0, 0.5, 0.0]);
        let codes: Vec<i8> = codes.bytes.iter().map(|code| i8::from_le_bytes([*code])).collect();
        assert_eq!(codes, [32, -64, 0, 0, 0, 0]);
    }
}

#[cfg(all(test, feature = "serve"))]
mod runtime_tests {
    use std::collections::BTreeMap;

    use burn::module::Module;
    use burn::nn::PaddingConfig2d;
    use burn::nn::conv::{Conv2d, Conv2dConfig};
    use burn::tensor::activation::relu;
    use burn::tensor::{Device, Tensor};

    use super::super::convert::{Options, convert_with};
    use super::super::model::Model;
    use super::super::signature::Signature;
    use super::super::testing::{floats, image, inputs, run, session};
    use super::super::values::Values;
    use super::*;

    /// A first convolution that stays in floats, two in integers beside a shortcut, and one of a pixel, which stays.
    #[derive(Module, Debug)]
    struct Block {
        first: Conv2d,
        wide: Conv2d,
        second: Conv2d,
        narrow: Conv2d,
    }

    impl Block {
        fn new() -> Self {
            let device = Device::default();
            let wide = |from, to| {
                Conv2dConfig::new([from, to], [3, 3])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .init(&device)
            };
            let narrow = Conv2dConfig::new([24, 3], [1, 1]).init(&device);
            Self { first: wide(4, 24), wide: wide(24, 24), second: wide(24, 24), narrow }
        }

        fn forward(&self, values: &Values) -> Result<Values, Error> {
            let x = relu(self.first.forward(values.float::<4>("x")?));
            let inner = self.second.forward(relu(self.wide.forward(x.clone())));
            floats([("y", self.narrow.forward(relu(x + inner)))])
        }
    }

    fn signature() -> Signature {
        let axes = [Axis::named("batch"), Axis::fixed(3), Axis::fixed(12), Axis::fixed(8)];
        image().output("y", axes)
    }

    fn converted(block: &Block, convolutions: Convolutions) -> Result<Model, Error> {
        convert_with(&signature(), block, Options::default(), convolutions, Block::forward)
    }

    fn pictures(batch: usize, seed: u64) -> Values {
        inputs(&image(), &BTreeMap::from([("batch".to_owned(), batch)]), seed)
    }

    /// The ranges of a block on sixteen pictures.
    fn observed(block: &Block) -> Vec<Range> {
        let model = converted(block, Convolutions::Observed).unwrap();
        let values: Vec<_> = [3, 1, 1, 1].map(Axis::fixed).to_vec();
        let told = RANGES.iter().fold(signature(), |told, name| told.output(*name, values.clone()));
        let found = run(&mut session(&model), &told, &pictures(16, 1));
        let [least, largest] = RANGES.map(|name| &found[name].values);
        let ranges = least.iter().zip(largest);
        ranges.map(|(least, largest)| Range { least: *least as f32, largest: *largest as f32 }).collect()
    }

    #[test]
    fn wide_convolutions_in_integers_are_close_to_those_in_floats() {
        let block = Block::new();
        let ranges = observed(&block);
        // What the first gives, what each of the two wide ones gives; the shortcut's sum is read by a narrow one only.
        assert_eq!(ranges.len(), 3, "{ranges:?}");
        assert!(ranges[..2].iter().all(|range| range.least == 0.0 && range.largest > 0.0), "{ranges:?}");
        assert!(ranges[2].least < 0.0, "{ranges:?}");
        let model = converted(&block, Convolutions::Int8(&ranges)).unwrap();
        let count = |wanted| model.operators().filter(|op| *op == wanted).count();
        assert_eq!((count("Conv"), count("QuantizeLinear"), count("DequantizeLinear")), (4, 3, 3 + 2 * 2));
        let x = pictures(5, 2);
        let expected: Vec<f32> = block.forward(&x).unwrap().data("y").unwrap().iter::<f32>().collect();
        let found = run(&mut session(&model), &signature(), &x);
        let size = expected.iter().fold(0.0f32, |size, value| size.max(value.abs()));
        let apart = expected.iter().zip(&found["y"].values).map(|(a, b)| (a - *b as f32).abs());
        let apart = apart.sum::<f32>() / expected.len() as f32;
        assert!(apart > 0.0 && apart < 0.015 * size, "{apart} of {size}");
    }

    #[test]
    fn a_picture_is_answered_the_same_whatever_else_is_in_its_batch() {
        let block = Block::new();
        let ranges = observed(&block);
        let mut session = session(&converted(&block, Convolutions::Int8(&ranges)).unwrap());
        let one = pictures(1, 3).float::<4>("x").unwrap();
        let others = pictures(6, 4).float::<4>("x").unwrap().mul_scalar(1000.0);
        let mut answer = |x: Tensor<4>| {
            let mut values = Values::new();
            values.insert_float("x", x);
            run(&mut session, &signature(), &values)["y"].values[..3 * 12 * 8].to_vec()
        };
        assert_eq!(answer(one.clone()), answer(Tensor::cat(vec![one, others], 0)));
    }

    #[test]
    fn ranges_of_another_model_are_refused() {
        let ranges = [Range { least: 0.0, largest: 1.0 }; 2];
        let error = converted(&Block::new(), Convolutions::Int8(&ranges)).unwrap_err();
        assert_eq!(error.to_string(), "graph `image`: 2 ranges were given for its 3 values");
    }
}
