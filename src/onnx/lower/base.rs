//! Operations on tensors of every kind: layout in `shape`, indexing in `index`, and here selection, comparison,
//! creation and casts.

use burn::tensor::Slice;
use burn_ir::{
    BaseOperationIr, BinaryOpIr, MaskFillOpIr, ReduceDimOpIr, ReduceOpIr, ScalarIr, ScalarOpIr, TensorIr,
};

use super::super::error::Error;
use super::super::graph::{Attribute, Value};
use super::super::literal::Element;
use super::context::Lowering;
use super::{index, reduce, shape};

pub(super) fn lower(op: &BaseOperationIr, ranges: &[(Slice, Slice)], to: &mut Lowering) -> Result<(), Error> {
    match op {
        BaseOperationIr::Reshape(op) => shape::reshape(op, to),
        BaseOperationIr::SwapDims(op) => shape::swap_dims(op, to),
        BaseOperationIr::Permute(op) => shape::permute(&op.input, &op.axes, &op.out, to),
        BaseOperationIr::Flip(op) => shape::flip(op, to),
        BaseOperationIr::Expand(op) => shape::expand(op, to),
        BaseOperationIr::RepeatDim(op) => shape::repeat(op, to),
        BaseOperationIr::Cat(op) => shape::concat(op, to),
        BaseOperationIr::Slice(op) => index::slice(op, ranges, to),
        BaseOperationIr::SliceAssign(op) => index::slice_assign(op, ranges, to),
        BaseOperationIr::Gather(op) => index::gather(op, to),
        BaseOperationIr::Scatter(op) => index::scatter(op, to),
        BaseOperationIr::GatherNd(op) => index::gather_nd(op, to),
        BaseOperationIr::ScatterNd(op) => index::scatter_nd(op, to),
        BaseOperationIr::Select(op) => index::select(op, to),
        BaseOperationIr::SelectAssign(op) => index::select_assign(op, to),
        BaseOperationIr::MaskWhere(op) => {
            let (mask, value, tensor) = (to.get(&op.mask)?, to.get(&op.value)?, to.get(&op.tensor)?);
            let out = choose(mask, value, tensor, &op.tensor, to);
            to.bind(&op.out, out)
        }
        BaseOperationIr::MaskFill(op) => mask_fill(op, to),
        BaseOperationIr::Equal(op) => compare("Equal", op, to),
        BaseOperationIr::EqualElem(op) => compare_with("Equal", op, to),
        BaseOperationIr::NotEqual(op) => {
            let equal = equality(op, to)?;
            let out = to.node("Not", [equal]);
            to.bind(&op.out, out)
        }
        BaseOperationIr::NotEqualElem(op) => {
            let (lhs, rhs) = (to.get(&op.lhs)?, to.scalar(op.rhs, op.lhs.dtype)?);
            let equal = to.node("Equal", [lhs, rhs]);
            let out = to.node("Not", [equal]);
            to.bind(&op.out, out)
        }
        BaseOperationIr::Cast(op) => {
            let input = to.get(&op.input)?;
            let out = to.cast(input, op.input.dtype, op.out.dtype)?;
            to.bind(&op.out, out)
        }
        BaseOperationIr::Empty(op) | BaseOperationIr::Zeros(op) => filled(0, &op.out, to),
        BaseOperationIr::Ones(op) => filled(1, &op.out, to),
        BaseOperationIr::All(op) => test_all("ReduceMin", op, to),
        BaseOperationIr::Any(op) => test_all("ReduceMax", op, to),
        BaseOperationIr::AllDim(op) => test_dim("ReduceMin", op, to),
        BaseOperationIr::AnyDim(op) => test_dim("ReduceMax", op, to),
        BaseOperationIr::Unfold(_) => Err(to.unknown()),
    }
}

/// A comparison of two tensors.
pub(super) fn compare(op_type: &'static str, op: &BinaryOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (lhs, rhs) = (to.get(&op.lhs)?, to.get(&op.rhs)?);
    let out = to.node(op_type, [lhs, rhs]);
    to.bind(&op.out, out)
}

/// A comparison with a number.
pub(super) fn compare_with(op_type: &'static str, op: &ScalarOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (lhs, rhs) = (to.get(&op.lhs)?, to.scalar(op.rhs, op.lhs.dtype)?);
    let out = to.node(op_type, [lhs, rhs]);
    to.bind(&op.out, out)
}

fn equality(op: &BinaryOpIr, to: &mut Lowering) -> Result<Value, Error> {
    let (lhs, rhs) = (to.get(&op.lhs)?, to.get(&op.rhs)?);
    Ok(to.node("Equal", [lhs, rhs]))
}

fn mask_fill(op: &MaskFillOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (mask, tensor) = (to.get(&op.mask)?, to.get(&op.tensor)?);
    let out = if op.tensor.dtype.is_bool() {
        match op.value.elem::<bool>() {
            true => to.node("Or", [tensor, mask]),
            false => {
                let rest = to.node("Not", [mask]);
                to.node("And", [tensor, rest])
            }
        }
    } else {
        let value = to.scalar(op.value, op.tensor.dtype)?;
        to.node("Where", [mask, value, tensor])
    };
    to.bind(&op.out, out)
}

/// `yes` where the mask is true, else `no`. The runtime's `Where` takes no truth values.
fn choose(mask: Value, yes: Value, no: Value, like: &TensorIr, to: &mut Lowering) -> Value {
    if !like.dtype.is_bool() {
        return to.node("Where", [mask, yes, no]);
    }
    let rest = to.node("Not", [mask]);
    let (yes, no) = (to.node("And", [mask, yes]), to.node("And", [rest, no]));
    to.node("Or", [yes, no])
}

fn filled(value: i64, out: &TensorIr, to: &mut Lowering) -> Result<(), Error> {
    let value = if out.dtype.is_bool() { ScalarIr::Bool(value != 0) } else { ScalarIr::Int(value) };
    let shape = to.shape(out);
    let filled = to.filled(value, &shape, out.dtype)?;
    to.bind(out, filled)
}

fn test_all(op_type: &'static str, op: &ReduceOpIr, to: &mut Lowering) -> Result<(), Error> {
    let flags = flags(&op.input, to)?;
    let reduced = reduce::all(op_type, flags, to);
    let out = truth(reduced, to);
    to.bind(&op.out, out)
}

fn test_dim(op_type: &'static str, op: &ReduceDimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let flags = flags(&op.input, to)?;
    let reduced = reduce::along(op_type, flags, &[op.axis], to);
    let out = truth(reduced, to);
    to.bind(&op.out, out)
}

/// 1 where an element is true or not zero, else 0.
fn flags(input: &TensorIr, to: &mut Lowering) -> Result<Value, Error> {
    let mut value = to.get(input)?;
    if !input.dtype.is_bool() {
        let zero = to.scalar(ScalarIr::Int(0), input.dtype)?;
        let equal = to.node("Equal", [value, zero]);
        value = to.node("Not", [equal]);
    }
    Ok(to.node_with("Cast", [value], vec![("to", Attribute::Int(Element::I32 as i64))]))
}

fn truth(value: Value, to: &mut Lowering) -> Value {
    to.node_with("Cast", [value], vec![("to", Attribute::Int(Element::Bool as i64))])
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{bools, check, floats, ints, pair};
    use burn::Tensor;
    use burn::tensor::{DType, Int};

    #[test]
    fn masks_agree_on_every_kind() {
        let signature = pair(Kind::F32).input("mask", Kind::Bool, pair(Kind::Bool).inputs[0].axes.clone());
        check(signature, |v| {
            let (x, y, mask) = (v.float::<3>("x")?, v.float::<3>("y")?, v.bool::<3>("mask")?);
            let row = mask.clone().slice([0..mask.dims()[0], 0..1]);
            floats([
                ("where", x.clone().mask_where(mask.clone(), y)),
                ("fill", x.clone().mask_fill(mask, -7.5)),
                ("broadcast", x.mask_fill(row, f32::MIN)),
            ])
        });
        check(pair(Kind::Bool), |v| {
            let (x, y) = (v.bool::<3>("x")?, v.bool::<3>("y")?);
            let other = x.clone().bool_xor(y.clone());
            bools([
                ("where", x.clone().mask_where(y.clone(), other)),
                ("true", x.clone().mask_fill(y.clone(), true)),
                ("false", x.mask_fill(y, false)),
            ])
        });
    }

    #[test]
    fn equality_agrees_on_every_kind() {
        check(pair(Kind::I64), |v| {
            let (x, y) = (v.int::<3>("x")?, v.int::<3>("y")?);
            bools([
                ("equal", x.clone().equal(y.clone())),
                ("equal_elem", x.clone().equal_elem(2)),
                ("not_equal", x.clone().not_equal(y)),
                ("not_equal_elem", x.not_equal_elem(2)),
            ])
        });
        check(pair(Kind::Bool), |v| {
            let (x, y) = (v.bool::<3>("x")?, v.bool::<3>("y")?);
            bools([("equal", x.clone().equal(y.clone())), ("not_equal", x.not_equal(y))])
        });
    }

    #[test]
    fn tests_of_all_and_any_agree() {
        check(pair(Kind::Bool), |v| {
            let x = v.bool::<3>("x")?;
            bools([("all", x.clone().all_dim(1)), ("any", x.any_dim(2))])
        });
        check(pair(Kind::I64), |v| {
            let x = v.int::<3>("x")?;
            bools([("all", x.clone().all()), ("any", x.any())])
        });
    }

    #[test]
    fn casts_agree() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?.mul_scalar(9.0);
            ints([("i64", x.clone().int().cast(DType::I64)), ("i32", x.int().cast(DType::I32))])
        });
        check(pair(Kind::U8), |v| {
            let x = v.int::<3>("x")?;
            floats([("float", x.clone().float()), ("scaled", x.float().div_scalar(255.0))])
        });
    }

    #[test]
    fn tensors_made_inside_have_the_size_of_the_inputs() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?;
            let ([batch, tokens, width], device) = (x.dims(), x.device());
            let mut out = floats([
                ("zeros", Tensor::zeros([batch, tokens, 2], &device)),
                ("ones", x.ones_like()),
                ("full", Tensor::full([tokens, batch, width + 1], 2.5, &device)),
                ("fixed", Tensor::full([2, 3, 4], -1.5, &device)),
            ])?;
            out.insert_int("range", Tensor::<1, Int>::arange(2..tokens as i64 + 2, &device));
            out.insert_bool("triangle", Tensor::<2>::ones([tokens, tokens], &device).greater_elem(0.5));
            Ok(out)
        });
    }
}
