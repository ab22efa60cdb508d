//! Scaled dot-product attention, where burn records it as one operation.

use burn::tensor::DType;
use burn_ir::{AttentionOpIr, ScalarIr};

use super::super::error::Error;
use super::super::graph::{Attribute, Value};
use super::super::size::Seen;
use super::context::Lowering;
use super::{reduce, shape};

/// softmax(scale · Q·Kᵀ, capped, masked and biased) · V, in burn's order of these steps.
pub(super) fn lower(op: &AttentionOpIr, to: &mut Lowering) -> Result<(), Error> {
    let dtype = op.query.dtype;
    let (query_shape, key_shape) = (to.shape(&op.query), to.shape(&op.key));
    let width = query_shape[3].fixed().ok_or_else(|| to.unsupported("heads of dynamic width"))?;
    let scale = op.options.scale.map_or(1.0 / (width as f64).sqrt(), |scale| scale.elem());

    let (query, key, value) = (to.get(&op.query)?, to.get(&op.key)?, to.get(&op.value)?);
    let key = shape::permuted(key, &[0, 1, 3, 2], to);
    let products = to.node("MatMul", [query, key]);
    let scale = to.float(scale, dtype)?;
    let mut scores = to.node("Mul", [products, scale]);
    if let Some(cap) = op.options.softcap {
        let cap = to.scalar(cap, dtype)?;
        let scaled = to.node("Div", [scores, cap]);
        let bent = to.node("Tanh", [scaled]);
        scores = to.node("Mul", [bent, cap]);
    }
    let nothing = to.float(f64::NEG_INFINITY, dtype)?;
    if let Some(mask) = &op.mask {
        let mask = to.get(mask)?;
        scores = to.node("Where", [mask, nothing, scores]);
    }
    if op.options.is_causal {
        let later = later_positions(query_shape[2], key_shape[2], to)?;
        scores = to.node("Where", [later, nothing, scores]);
    }
    if let Some(bias) = &op.attn_bias {
        let bias = to.get(bias)?;
        scores = to.node("Add", [scores, bias]);
    }
    let can_be_empty = op.mask.is_some() || op.options.is_causal || op.attn_bias.is_some();
    let weights = if can_be_empty {
        softmax_or_zero(scores, dtype, to)?
    } else {
        to.node_with("Softmax", [scores], vec![("axis", Attribute::Int(3))])
    };
    let out = to.node("MatMul", [weights, value]);
    to.bind(&op.out, out)
}

/// True where the key stands behind the query; the last key belongs to the last query.
fn later_positions(queries: Seen, keys: Seen, to: &mut Lowering) -> Result<Value, Error> {
    let (rows, columns) = (to.range(queries)?, to.range(keys)?);
    let (queries, keys) = (to.size(queries)?, to.size(keys)?);
    let offset = to.node("Sub", [keys, queries]);
    let rows = to.node("Add", [rows, offset]);
    let last = to.ints(&[-1]);
    let rows = to.node("Unsqueeze", [rows, last]);
    Ok(to.node("Less", [rows, columns]))
}

/// Softmax over the last axis that is zero, not NaN, where every score is −∞.
fn softmax_or_zero(scores: Value, dtype: DType, to: &mut Lowering) -> Result<Value, Error> {
    let lowest = to.scalar(ScalarIr::Float(f64::from(f32::MIN)), dtype)?;
    let smallest = to.scalar(ScalarIr::Float(f64::from(f32::MIN_POSITIVE)), dtype)?;
    let largest = reduce::along("ReduceMax", scores, &[3], to);
    let largest = to.node("Max", [largest, lowest]);
    let shifted = to.node("Sub", [scores, largest]);
    let powers = to.node("Exp", [shifted]);
    let sum = reduce::along("ReduceSum", powers, &[3], to);
    let sum = to.node("Max", [sum, smallest]);
    Ok(to.node("Div", [powers, sum]))
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::{Axis, Kind, Signature};
    use super::super::super::testing::{check, floats};
    use burn::tensor::module::attention;
    use burn::tensor::ops::AttentionModuleOptions;

    fn heads() -> Signature {
        let axes = |length| [Axis::named("batch"), Axis::fixed(2), Axis::named(length), Axis::fixed(4)];
        Signature::new("attention")
            .input("query", Kind::F32, axes("queries"))
            .input("key", Kind::F32, axes("keys"))
            .input(
                "mask",
                Kind::Bool,
                [Axis::named("batch"), Axis::fixed(2), Axis::named("queries"), Axis::named("keys")],
            )
    }

    #[test]
    fn attention_agrees_masked_causal_and_capped() {
        check(heads(), |v| {
            let (query, key, mask) = (v.float::<4>("query")?, v.float::<4>("key")?, v.bool::<4>("mask")?);
            let plain = AttentionModuleOptions::default();
            let bent = AttentionModuleOptions { scale: Some(0.7), softcap: Some(2.0), is_causal: true };
            let empty = mask.clone().bool_or(mask.clone().bool_not());
            let run = |mask, options| attention(query.clone(), key.clone(), key.clone(), mask, None, options);
            floats([
                ("plain", run(None, plain)),
                ("masked", run(Some(mask), plain)),
                ("empty", run(Some(empty), plain)),
                ("bent", run(None, bent)),
            ])
        });
    }
}
