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
//! Sums of integers are exact. What is left of a batch's influence is the rounding of floats in between, where a last bit may change a
//! code.

use std::collections::HashMap;
use std::rc::Rc;

use super::error::Error;
use super::graph::{Attribute, Attributes, Graph, Node, Value};
use super::literal::{Element, Literal};
use super::model::Port;
use super::signature::Axis;
use super::weights::quantised_filters;

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

/// Names of the outputs that an observed model has beside its own.
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
pub(super) fn observe(graph: &mut Graph, name: &str) -> Result<Vec<Port>, Error> {
    let values = to_round(graph);
    if values.is_empty() {
        let reason = "it has no convolution that would be computed in integers".to_owned();
        return Err(Error::Signature { graph: name.to_owned(), reason });
    }
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
    Ok(ports.collect())
}

/// Writes the convolutions as those of integers.
pub(super) fn quantise(graph: &mut Graph, name: &str, ranges: &[Range]) -> Result<(), Error> {
    let values = to_round(graph);
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
fn to_round(graph: &Graph) -> Vec<Value> {
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
    filters: Floats,
    bias: Option<Floats>,
}

/// A parameter of finite floats.
struct Floats {
    dims: Vec<usize>,
    values: Vec<f32>,
    path: Option<String>,
}

impl Floats {
    fn found(graph: &Graph, value: Value) -> Option<Self> {
        let (literal, path) = graph.literal(value)?;
        Some(Self { dims: literal.dims.clone(), values: literal.as_finite()?, path })
    }
}

impl Convolution {
    fn found(graph: &Graph, node: &Node) -> Option<Self> {
        if node.op != "Conv" {
            return None;
        }
        let input = node.operand(0)?;
        // What the caller gives has no node after which it could be rounded.
        graph.producer(input)?;
        let filters = Floats::found(graph, node.operand(1)?)?;
        let [_, channels, height, width] = filters.dims[..] else { return None };
        if channels < FEWEST_CHANNELS || height * width == 1 {
            return None;
        }
        let bias = match node.operand(2) {
            Some(bias) => Some(Floats::found(graph, bias)?),
            None => None,
        };
        let sum = *node.outputs.first()?;
        let activation = graph.only_reader(sum).filter(|reader| reader.op == "Relu");
        let output = activation.map_or(sum, |relu| relu.outputs[0]);
        // An output is given as it is.
        (!graph.is_output(output)).then_some(Self { input, output, filters, bias })
    }

    /// Has `node` read codes of its filters and its bias.
    fn write(self, graph: &mut Graph, node: &mut Node, input: Steps) {
        let Floats { dims, values, path } = self.filters;
        let count = dims[0];
        // Next to a large bias, small filters take larger steps: both are added up in the same.
        let least = match &self.bias {
            Some(Floats { values, .. }) => {
                values.iter().map(|bias| bias.abs() / (LARGEST_BIAS * input.scale)).collect()
            }
            None => vec![0.0; count],
        };
        let (codes, scales) = quantised_filters(&values, least);
        let mut widened = |codes: Literal, scales: &[f32], path: Option<String>| {
            let zeros = vec![0; count * codes.element.width()];
            let zeros = Literal { element: codes.element, dims: vec![count], bytes: zeros };
            let inputs = [(codes, path), (Literal::floats(scales, vec![count]), None), (zeros, None)];
            let inputs = inputs.map(|(literal, path)| Some(graph.exact(literal, path.as_deref()))).to_vec();
            let attributes = vec![("axis", Attribute::Int(0))];
            Some(graph.node("DequantizeLinear", inputs, attributes, &node.module))
        };
        node.inputs[1] = widened(Literal { element: Element::I8, dims, bytes: codes }, &scales, path);
        if let Some(Floats { values, path, .. }) = self.bias {
            let steps: Vec<f32> = scales.iter().map(|scale| scale * input.scale).collect();
            let codes = values
                .iter()
                .zip(&steps)
                .map(|(bias, step)| if *step > 0.0 { (bias / step).round() as i32 } else { 0 });
            let bytes = codes.flat_map(i32::to_le_bytes).collect();
            let codes = Literal { element: Element::I32, dims: vec![count], bytes };
            node.inputs[2] = widened(codes, &steps, path);
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
    use super::*;

    #[test]
    fn zero_has_a_code_of_its_own_and_the_ends_have_the_first_and_the_last() {
        for (least, largest) in [(0.0, 6.0), (-2.0, 1.0), (0.5, 3.0), (-3.0, -1.0)] {
            let Steps { scale, zero } = Steps::of(Range { least, largest });
            let code = |value: f32| (value / scale).round() + f32::from(zero);
            let (least, largest) = (least.min(0.0), largest.max(0.0));
            assert_eq!([least, 0.0, largest].map(code), [0.0, f32::from(zero), 255.0], "{least}..{largest}");
        }
        let Steps { scale, zero } = Steps::of(Range { least: 0.0, largest: 0.0 });
        assert!(scale > 0.0 && zero == 0);
    }

    #[test]
    fn a_range_takes_in_others() {
        let mut range = Range { least: -1.0, largest: 2.0 };
        range.widen(Range { least: -0.5, largest: 3.0 });
        range.widen(Range { least: -4.0, largest: 1.0 });
        assert_eq!(range, Range { least: -4.0, largest: 3.0 });
    }

    #[test]
    fn each_filter_has_a_scale_that_leaves_room_for_its_bias() {
        let (codes, scales) = quantised_filters(&[1.0, -2.0, 0.01, 0.0, 0.0, 0.0], vec![0.0, 0.5, 0.0]);
        assert_eq!(scales, [2.0 / 64.0, 0.5, 0.0]);
        let codes: Vec<i8> = codes.iter().map(|code| i8::from_le_bytes([*code])).collect();
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
        assert!(apart < 0.01 * size, "{apart} of {size}");
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
    fn what_has_no_wide_convolution_cannot_be_observed() {
        let device = Device::default();
        let narrow: Conv2d = Conv2dConfig::new([4, 3], [1, 1]).init(&device);
        let forward =
            |narrow: &Conv2d, values: &Values| floats([("y", narrow.forward(values.float::<4>("x")?))]);
        let options = Options::default();
        let error =
            convert_with(&signature(), &narrow, options, Convolutions::Observed, forward).unwrap_err();
        let told = "graph `image`: it has no convolution that would be computed in integers";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn ranges_of_another_model_are_refused() {
        let ranges = [Range { least: 0.0, largest: 1.0 }; 2];
        let error = converted(&Block::new(), Convolutions::Int8(&ranges)).unwrap_err();
        assert_eq!(error.to_string(), "graph `image`: 2 ranges were given for its 3 values");
    }
}
