//! Products with weights, computed in 8-bit integers.
//!
//! A weight is quantised ahead, each column by its largest value. What it is multiplied with is quantised when it is there, **each row
//! by its own largest value**: one scale for a whole tensor would make the answer to a row depend on what else is in its batch. What is
//! left of that is rounding: where other sizes of a batch make a sum's last bit differ, a code may change.
//!
//! ```text
//! x ─ Abs ─ ReduceMax ─ Max ──┬───────────────────────────────────────────────┐
//! └──────────────────────── Div ─ QuantizeLinear ─ MatMulIntegerToFloat ──── Mul ─ x·W
//! ```

use std::collections::HashMap;
use std::rc::Rc;

use super::graph::{Attribute, Attributes, Graph, Node, RUNTIME, Value};
use super::literal::{Element, Literal};
use super::weights::{Codes, SMALLEST_MATRIX, quantised_columns};

/// The largest code of a row. Seven bits: where a processor has no instruction for the whole product, the runtime adds two products of
/// an 8-bit weight and an unsigned code in 16 bits, which 2 · 127 · 127 still fits.
const LARGEST: u8 = 127;
/// The code of zero in rows with negative values.
const MIDDLE: u8 = 64;

/// Writes products with constant matrices as products of integers.
pub(super) fn quantise(graph: &mut Graph) {
    let mut rows = HashMap::new();
    graph.rewrite(Product::found, |graph, product, node| product.write(graph, node, &mut rows));
}

/// A product with a constant matrix.
struct Product {
    input: Value,
    weight: Codes,
    path: Option<String>,
}

/// Rows as integers, and what they have to be multiplied with afterwards.
#[derive(Clone, Copy)]
struct Rows {
    codes: Value,
    scale: Value,
    zero: Value,
    largest: Value,
}

impl Product {
    fn found(graph: &Graph, node: &Node) -> Option<Self> {
        if node.op != "MatMul" {
            return None;
        }
        let (weight, path) = graph.literal(node.operand(1)?)?;
        let [_, _] = weight.dims[..] else { return None };
        if weight.len() < SMALLEST_MATRIX {
            return None;
        }
        Some(Self { input: node.operand(0)?, weight: quantised_columns(&weight)?, path })
    }

    fn write(self, graph: &mut Graph, node: Node, known: &mut HashMap<Value, Rows>) {
        let rows = *known.entry(self.input).or_insert_with(|| Rows::of(self.input, graph, &node.module));
        let weight = graph.exact(self.weight.codes, self.path.as_deref());
        let scales = self.weight.scales.len();
        let scales = graph.exact(self.weight.scales.reshaped(vec![scales]), None);
        let inputs = [rows.codes, weight, rows.scale, scales, rows.zero].map(Some).to_vec();
        let product = graph.node_in(RUNTIME, "MatMulIntegerToFloat", inputs, Attributes::new(), &node.module);
        let inputs = vec![Some(product), Some(rows.largest)];
        graph.push(Node { op: "Mul", inputs, attributes: Attributes::new(), ..node });
    }
}

impl Rows {
    fn of(input: Value, graph: &mut Graph, module: &Rc<str>) -> Self {
        let positive = graph.made_by("Relu", input).is_some();
        let mut node = |op, inputs: &[Value], attributes| {
            graph.node(op, inputs.iter().copied().map(Some).collect(), attributes, module)
        };
        let size = if positive { input } else { node("Abs", &[input], Attributes::new()) };
        let last = graph.constant(Literal::ints(&[-1]), None);
        // A row of zeros is divided by this instead.
        let least = graph.exact(Literal::floats(&[f32::MIN_POSITIVE], Vec::new()), None);
        let (zero, steps) = if positive { (0, LARGEST) } else { (MIDDLE, LARGEST - MIDDLE) };
        let scale = graph.exact(Literal::floats(&[1.0 / f32::from(steps)], Vec::new()), None);
        let zero = Literal { element: Element::U8, dims: Vec::new(), bytes: vec![zero] };
        let zero = graph.constant(zero, None);
        let mut node = |op, inputs: [Value; 2], attributes| {
            graph.node(op, inputs.map(Some).to_vec(), attributes, module)
        };
        let largest = node("ReduceMax", [size, last], vec![("keepdims", Attribute::Int(1))]);
        let largest = node("Max", [largest, least], Attributes::new());
        let shares = node("Div", [input, largest], Attributes::new());
        let inputs = [shares, scale, zero].map(Some).to_vec();
        let codes = graph.node("QuantizeLinear", inputs, Attributes::new(), module);
        Self { codes, scale, zero, largest }
    }
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use std::collections::BTreeMap;

    use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
    use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
    use burn::tensor::activation::relu;
    use burn::tensor::{Bool, Device, Tensor};

    use super::super::convert::{Options, convert};
    use super::super::error::Error;
    use super::super::model::Model;
    use super::super::signature::{Axis, Kind, Signature};
    use super::super::testing::{Found, check_as, check_module, check_narrow, floats, inputs, run, session};
    use super::super::values::Values;
    use super::super::weights::Weights;

    const INT8: Options = Options { weights: Weights::Int8, plain: false };

    fn sequence(width: usize) -> Signature {
        let axes = [Axis::named("batch"), Axis::named("tokens"), Axis::fixed(width)];
        Signature::new("sequence").input("x", Kind::F32, axes)
    }

    fn products(model: &Model) -> usize {
        model.operators().filter(|op| *op == "MatMulIntegerToFloat").count()
    }

    #[test]
    fn a_quantised_layer_is_close_and_a_quarter_of_the_size() {
        let module = LinearConfig::new(96, 80).init(&Device::default());
        let forward = |m: &Linear, v: &Values| floats([("y", m.forward(v.float::<3>("x")?))]);
        let wide = check_module(sequence(96), &module, forward).to_bytes().len();
        let narrow = check_narrow(sequence(96), &module, forward).to_bytes().len();
        let model = check_as(INT8, 2e-2, sequence(96), &module, forward);
        assert_eq!(products(&model), 1);
        let bytes = model.to_bytes().len();
        assert!(bytes < narrow * 7 / 10 && bytes < wide * 4 / 10, "{bytes} against {narrow} and {wide}");
    }

    #[test]
    fn rows_of_zeros_and_of_any_size_keep_their_own_precision() {
        let module = LinearConfig::new(40, 30).with_bias(false).init(&Device::default());
        let signature =
            sequence(40).output("y", [Axis::named("batch"), Axis::named("tokens"), Axis::fixed(30)]);
        // Row 0 is zero, each later one a hundred times the one before; `relu` makes the other kind of code.
        let forward = |m: &Linear, v: &Values| -> Result<Values, Error> {
            let x = v.float::<3>("x")?;
            floats([("y", m.forward(x.clone()) + m.forward(relu(x)))])
        };
        let model = convert(&signature, &module, INT8, forward).unwrap();
        assert_eq!(products(&model), 2);
        let mut values = Values::new();
        let rows: Vec<f32> =
            (0..4 * 40).map(|at| ((at % 40) as f32 * 0.7).sin() * [0.0, 1e-3, 0.1, 10.0][at / 40]).collect();
        let data = burn::tensor::TensorData::new(rows, [1, 4, 40]);
        values.insert_data("x", data, &Device::default()).unwrap();
        let expected: Vec<f64> =
            forward(&module, &values).unwrap().data("y").unwrap().iter::<f64>().collect();
        let found = run(&mut session(&model), &signature, &values);
        let rows = expected.chunks(30).zip(found["y"].values.chunks(30)).zip([0.0, 1e-3, 0.1, 10.0]);
        for ((expected, found), scale) in rows {
            let apart = expected.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart <= 0.1 * scale, "a row of size {scale} differs by {apart}");
        }
    }

    #[test]
    fn a_row_is_answered_alike_whatever_else_is_in_its_batch() {
        let module =
            TransformerEncoderConfig::new(48, 96, 4, 2).with_norm_first(true).init(&Device::default());
        let (slots, width) = ([Axis::named("batch"), Axis::named("tokens")], Axis::fixed(48));
        let signature = sequence(48)
            .input("padding", Kind::Bool, slots.clone())
            .output("y", [&slots[..], &[width]].concat());
        let forward = |m: &TransformerEncoder, v: &Values| {
            let input = TransformerEncoderInput::new(v.float("x")?).mask_pad(v.bool("padding")?);
            floats([("y", m.forward(input))])
        };
        let model = convert(&signature, &module, INT8, forward).unwrap();
        assert_eq!(products(&model), 12);
        let mut session = session(&model);
        let sizes =
            |batch, tokens| BTreeMap::from([("batch".to_owned(), batch), ("tokens".to_owned(), tokens)]);
        let alone = inputs(&signature, &sizes(1, 5), 3);
        let x = alone.float::<3>("x").unwrap();
        // Among rows a thousand times as large, and padded.
        let others = inputs(&signature, &sizes(7, 9), 4).float::<3>("x").unwrap().mul_scalar(1000.0);
        let padded = Tensor::cat(vec![x.clone(), others.clone().narrow(0, 0, 1).narrow(1, 5, 4)], 1);
        let mut values = Values::new();
        values.insert_float("x", Tensor::cat(vec![padded, others.narrow(0, 1, 6)], 0));
        let mut alone = Values::new();
        alone.insert_float("x", x);
        let device = Device::default();
        alone.insert_bool("padding", Tensor::<2>::zeros([1, 5], &device).greater_elem(0.5));
        let padding: Tensor<2, Bool> =
            Tensor::<2>::from_data([[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]], &device)
                .repeat_dim(0, 7)
                .greater_elem(0.5);
        values.insert_bool("padding", padding);
        let whole = |found: BTreeMap<String, Found>| found["y"].values[..5 * 48].to_vec();
        let one = whole(run(&mut session, &signature, &alone));
        let among = whole(run(&mut session, &signature, &values));
        let apart = one.iter().zip(&among).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart <= 1e-4, "{apart}");
    }

    #[test]
    fn a_table_is_stored_by_rows_and_widened() {
        let module = EmbeddingConfig::new(64, 32).init(&Device::default());
        let signature =
            Signature::new("table").input("x", Kind::I64, [Axis::named("batch"), Axis::named("tokens")]);
        let forward = |m: &Embedding, v: &Values| floats([("y", m.forward(v.int::<2>("x")?))]);
        let model = check_as(INT8, 3e-2, signature.clone(), &module, forward);
        let narrow = check_narrow(signature, &module, forward);
        assert_eq!(products(&model), 0);
        assert!(model.to_bytes().len() + 1000 < narrow.to_bytes().len());
    }
}
