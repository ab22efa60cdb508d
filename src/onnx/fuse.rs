//! Patterns that ONNX Runtime has an operator of its own for, where that operator measured faster than the parts.
//!
//! There is one: self-attention. `Attention` computes queries, keys and values as one product and keeps no copy of the heads turned
//! around. Its skip-layer-norm measured slower than `Add` and `LayerNormalization`, and a linear layer as `Gemm` no faster.

use std::collections::HashMap;
use std::rc::Rc;

use super::graph::{Attribute, Attributes, Graph, Node, Parameter, RUNTIME, Value};
use super::literal::{Element, Literal};

/// What stands for a masked score has to be at most this, so that no share of the attention is left to it.
const MASKED: f32 = -1e4;
/// Axes of `[batch, slots, heads, width]` as heads are computed: `[batch, heads, slots, width]`.
const BY_HEAD: [i64; 4] = [0, 2, 1, 3];
/// The same with keys turned around for the product: `[batch, heads, width, slots]`.
const BY_HEAD_TURNED: [i64; 4] = [0, 2, 3, 1];

/// Writes every pattern that is found as its operator.
pub(super) fn fuse(graph: &mut Graph) {
    let mut masks = HashMap::new();
    graph.rewrite(Attention::found, |graph, attention, last| attention.write(graph, &last, &mut masks));
}

/// softmax(Q·Kᵀ / divisor, masked) · V, with Q, K and V linear in the same input.
struct Attention {
    input: Value,
    weight: (Literal, Option<String>),
    bias: (Literal, Option<String>),
    heads: i64,
    divisor: f32,
    /// True at slots that nothing attends to: `[batch, slots]`.
    padding: Option<Value>,
}

impl Attention {
    /// The attention that ends in this node.
    fn found(graph: &Graph, last: &Node) -> Option<Self> {
        if last.op != "Reshape" {
            return None;
        }
        let turned = graph.made_by("Transpose", last.operand(0)?)?;
        if !turned.has("perm", &Attribute::Ints(BY_HEAD.to_vec())) {
            return None;
        }
        let mixed = graph.made_by("MatMul", turned.operand(0)?)?;
        let shares = graph.made_by("Softmax", mixed.operand(0)?)?;
        if !shares.has("axis", &Attribute::Int(3)) {
            return None;
        }
        let (scores, padding) = without_mask(graph, shares.operand(0)?)?;
        let scaled = graph.made_by("Div", scores)?;
        let products = graph.made_by("MatMul", scaled.operand(0)?)?;
        let query = Heads::found(graph, products.operand(0)?, &BY_HEAD)?;
        let key = Heads::found(graph, products.operand(1)?, &BY_HEAD_TURNED)?;
        let value = Heads::found(graph, mixed.operand(1)?, &BY_HEAD)?;
        let alike = |other: &Heads| {
            (other.input, other.count, other.width) == (query.input, query.count, query.width)
        };
        let whole = ints(graph, last.operand(1)?)? == [0, 0, query.count * query.width];
        if !(alike(&key) && alike(&value) && whole) {
            return None;
        }
        Some(Self {
            input: query.input,
            weight: joined([&query.weight, &key.weight, &value.weight])?,
            bias: joined([&query.bias, &key.bias, &value.bias])?,
            heads: query.count,
            divisor: number(graph, scaled.operand(1)?)?,
            padding,
        })
    }

    fn write(self, graph: &mut Graph, last: &Node, masks: &mut HashMap<Value, Value>) {
        let [weight, bias] =
            [self.weight, self.bias].map(|(literal, path)| graph.constant(literal, path.as_deref()));
        let mut inputs = vec![Some(self.input), Some(weight), Some(bias)];
        inputs.extend(self.padding.map(|padding| {
            Some(*masks.entry(padding).or_insert_with(|| real_slots(graph, padding, &last.module)))
        }));
        let attributes = vec![
            ("num_heads", Attribute::Int(self.heads)),
            ("scale", Attribute::Float(1.0 / self.divisor)),
            // Added to the scores of masked slots. It leaves nothing of them, so that a row of masked slots only attends to all of
            // them alike, as it does with a score put in their place.
            ("mask_filter_value", Attribute::Float(f32::MIN)),
        ];
        let (outputs, module) = (last.outputs.clone(), last.module.clone());
        graph.push(Node { op: "Attention", domain: RUNTIME, inputs, outputs, attributes, module });
    }
}

/// A linear projection cut into heads.
struct Heads {
    input: Value,
    weight: Parameter,
    bias: Parameter,
    count: i64,
    width: i64,
}

impl Heads {
    fn found(graph: &Graph, value: Value, axes: &[i64]) -> Option<Self> {
        let turned = graph.made_by("Transpose", value)?;
        if !turned.has("perm", &Attribute::Ints(axes.to_vec())) {
            return None;
        }
        let cut = graph.made_by("Reshape", turned.operand(0)?)?;
        let [0, 0, count, width] = ints(graph, cut.operand(1)?)?[..] else { return None };
        let sum = graph.made_by("Add", cut.operand(0)?)?;
        let product = graph.made_by("MatMul", sum.operand(0)?)?;
        let (weight, bias) = (graph.literal(product.operand(1)?)?, graph.literal(sum.operand(1)?)?);
        let floats = |literal: &Literal, rank| literal.element == Element::F32 && literal.dims.len() == rank;
        if !(floats(&weight.0, 2) && floats(&bias.0, 1)) {
            return None;
        }
        Some(Self { input: product.operand(0)?, weight, bias, count, width })
    }
}

/// The parameters of queries, keys and values as one, called after the first.
fn joined(parts: [&Parameter; 3]) -> Option<(Literal, Option<String>)> {
    let path = parts[0].1.as_ref().map(|path| format!("{path}+key+value"));
    Some((Literal::beside(&parts.map(|(literal, _)| &**literal))?, path))
}

/// The scores before they were masked, and the mask of slots that is true where they were; none if they were not.
fn without_mask(graph: &Graph, scores: Value) -> Option<(Value, Option<Value>)> {
    let Some(masked) = graph.made_by("Where", scores) else {
        return Some((scores, None));
    };
    let spread = graph.made_by("Reshape", masked.operand(0)?)?;
    let by_slot = ints(graph, spread.operand(1)?)? == [0, 1, 1, -1];
    let nothing = number(graph, masked.operand(1)?)? <= MASKED;
    (by_slot && nothing).then_some((masked.operand(2)?, Some(spread.operand(0)?)))
}

/// 1 where `padding` is false, 0 where it is true.
fn real_slots(graph: &mut Graph, padding: Value, module: &Rc<str>) -> Value {
    let inverse = graph.made_by("Not", padding).and_then(|not| not.operand(0));
    let real = inverse.unwrap_or_else(|| graph.node("Not", vec![Some(padding)], Attributes::new(), module));
    let to = Attribute::Int(i64::from(Element::I32 as i32));
    graph.node("Cast", vec![Some(real)], vec![("to", to)], module)
}

fn ints(graph: &Graph, value: Value) -> Option<Vec<i64>> {
    graph.literal(value)?.0.as_ints()
}

fn number(graph: &Graph, value: Value) -> Option<f32> {
    match graph.literal(value)?.0.as_floats()?[..] {
        [number] => Some(number),
        _ => None,
    }
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
    use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
    use burn::tensor::Device;

    use super::super::convert::Options;
    use super::super::error::Error;
    use super::super::model::Model;
    use super::super::signature::{Axis, Kind, Signature};
    use super::super::testing::{check_as, floats};
    use super::super::values::Values;

    const PLAIN: Options = Options { weights: super::super::Weights::F32, plain: true };

    fn sequence(width: usize) -> Signature {
        let slots = || [Axis::named("batch"), Axis::named("slots")];
        let [batch, slot] = slots();
        Signature::new("sequence").input("x", Kind::F32, [batch, slot, Axis::fixed(width)]).input(
            "padding",
            Kind::Bool,
            slots(),
        )
    }

    fn attentions(model: &Model) -> usize {
        model.operators().filter(|op| *op == "Attention").count()
    }

    #[test]
    fn both_forms_of_an_encoder_agree_with_burn_and_only_one_is_fused() {
        let module =
            TransformerEncoderConfig::new(12, 20, 3, 2).with_norm_first(true).init(&Device::default());
        let forward = |m: &TransformerEncoder, v: &Values| -> Result<Values, Error> {
            let (x, padding) = (v.float("x")?, v.bool("padding")?);
            let real = padding.clone().bool_not();
            let masked = m.forward(TransformerEncoderInput::new(x.clone()).mask_pad(padding));
            let inverse = m.forward(TransformerEncoderInput::new(x.clone()).mask_pad(real));
            let open = m.forward(TransformerEncoderInput::new(x));
            floats([("masked", masked), ("inverse", inverse), ("open", open)])
        };
        let fused = check_as(Options::default(), 1e-5, sequence(12), &module, forward);
        assert_eq!(attentions(&fused), 6, "{:?}", fused.operators().collect::<Vec<_>>());
        assert!(!fused.operators().any(|op| op == "Softmax"));
        let plain = check_as(PLAIN, 1e-5, sequence(12), &module, forward);
        assert_eq!((attentions(&plain), plain.operators().filter(|op| *op == "Softmax").count()), (0, 6));
    }

    #[test]
    fn attention_to_another_sequence_stays_as_it_is() {
        let module = MultiHeadAttentionConfig::new(8, 2).init(&Device::default());
        let model = check_as(Options::default(), 1e-5, sequence(8), &module, |m: &MultiHeadAttention, v| {
            let x = v.float::<3>("x")?;
            let other = x.clone().mul_scalar(0.5);
            floats([("y", m.forward(MhaInput::new(x, other.clone(), other)).context)])
        });
        assert_eq!(attentions(&model), 0);
    }
}
