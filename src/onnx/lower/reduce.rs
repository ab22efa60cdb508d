//! Sums, means, extremes and order along axes.

use burn::tensor::DType;
use burn_ir::{
    ReduceDimOpIr, ReduceDimWithIndicesOpIr, ReduceDimsOpIr, ReduceOpIr, SortOpIr, SortWithIndicesOpIr,
    TensorIr, TopKWithIndicesOpIr,
};

use super::super::error::Error;
use super::super::graph::{Attribute, Value};
use super::super::size::Seen;
use super::context::Lowering;

/// Values and indices of an order along an axis.
struct Ordered {
    values: Value,
    indices: Value,
}

/// A reduction of all elements to one, in a vector of one element as burn has it.
pub(super) fn all(op_type: &'static str, input: Value, to: &mut Lowering) -> Value {
    let rest = to.ints(&[-1]);
    let flat = to.node("Reshape", [input, rest]);
    along(op_type, flat, &[0], to)
}

/// A reduction along axes, which stay with size one.
pub(super) fn along(op_type: &'static str, input: Value, axes: &[usize], to: &mut Lowering) -> Value {
    let axes: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
    let axes = to.ints(&axes);
    to.node_with(op_type, [input, axes], vec![("keepdims", Attribute::Int(1))])
}

pub(super) fn whole(op_type: &'static str, op: &ReduceOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = all(op_type, input, to);
    to.bind(&op.out, out)
}

pub(super) fn whole_of_abs(op_type: &'static str, op: &ReduceOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let size = to.node("Abs", [input]);
    let out = all(op_type, size, to);
    to.bind(&op.out, out)
}

pub(super) fn one_axis(op_type: &'static str, op: &ReduceDimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = along(op_type, input, &[op.axis], to);
    to.bind(&op.out, out)
}

pub(super) fn one_axis_of_abs(
    op_type: &'static str,
    op: &ReduceDimOpIr,
    to: &mut Lowering,
) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let size = to.node("Abs", [input]);
    let out = along(op_type, size, &[op.axis], to);
    to.bind(&op.out, out)
}

pub(super) fn several_axes(
    op_type: &'static str,
    op: &ReduceDimsOpIr,
    to: &mut Lowering,
) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = along(op_type, input, &op.axes, to);
    to.bind(&op.out, out)
}

pub(super) fn mean_of_all(op: &ReduceOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    if !op.input.dtype.is_float() {
        return Err(to.unsupported("the mean of integers over all axes"));
    }
    let out = all("ReduceMean", input, to);
    to.bind(&op.out, out)
}

pub(super) fn mean_of_axis(op: &ReduceDimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = if op.input.dtype.is_float() {
        along("ReduceMean", input, &[op.axis], to)
    } else {
        let sum = along("ReduceSum", input, &[op.axis], to);
        let size = to.shape(&op.input)[op.axis];
        let count = to.size(size)?;
        let count = to.cast(count, DType::I64, op.input.dtype)?;
        to.node("Div", [sum, count])
    };
    to.bind(&op.out, out)
}

pub(super) fn arg(largest: bool, op: &ReduceDimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let ordered = ordered(&op.input, op.axis, Seen::of(1), largest, to)?;
    let out = to.cast(ordered.indices, DType::I64, op.out.dtype)?;
    to.bind(&op.out, out)
}

pub(super) fn extreme_with_indices(
    largest: bool,
    op: &ReduceDimWithIndicesOpIr,
    to: &mut Lowering,
) -> Result<(), Error> {
    let ordered = ordered(&op.tensor, op.dim, Seen::of(1), largest, to)?;
    bind_both(&ordered, &op.out, &op.out_indices, to)
}

pub(super) fn top(op: &ReduceDimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let count = to.shape(&op.out)[op.axis];
    let ordered = ordered(&op.input, op.axis, count, true, to)?;
    to.bind(&op.out, ordered.values)
}

pub(super) fn arg_top(op: &ReduceDimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let count = to.shape(&op.out)[op.axis];
    let ordered = ordered(&op.input, op.axis, count, true, to)?;
    let out = to.cast(ordered.indices, DType::I64, op.out.dtype)?;
    to.bind(&op.out, out)
}

pub(super) fn top_with_indices(op: &TopKWithIndicesOpIr, to: &mut Lowering) -> Result<(), Error> {
    let count = to.shape(&op.out)[op.dim];
    let ordered = ordered(&op.tensor, op.dim, count, true, to)?;
    bind_both(&ordered, &op.out, &op.out_indices, to)
}

pub(super) fn sort(op: &SortOpIr, to: &mut Lowering) -> Result<(), Error> {
    let ordered = sorted(&op.input, op.dim, op.descending, to)?;
    to.bind(&op.out, ordered.values)
}

pub(super) fn arg_sort(op: &SortOpIr, to: &mut Lowering) -> Result<(), Error> {
    let ordered = sorted(&op.input, op.dim, op.descending, to)?;
    let out = to.cast(ordered.indices, DType::I64, op.out.dtype)?;
    to.bind(&op.out, out)
}

pub(super) fn sort_with_indices(op: &SortWithIndicesOpIr, to: &mut Lowering) -> Result<(), Error> {
    let ordered = sorted(&op.input, op.dim, op.descending, to)?;
    bind_both(&ordered, &op.out, &op.out_indices, to)
}

fn sorted(input: &TensorIr, axis: usize, descending: bool, to: &mut Lowering) -> Result<Ordered, Error> {
    let count = to.shape(input)[axis];
    ordered(input, axis, count, descending, to)
}

/// The first `count` elements in order; of equal ones the earlier comes first, which burn promises for one only.
fn ordered(
    input: &TensorIr,
    axis: usize,
    count: Seen,
    largest: bool,
    to: &mut Lowering,
) -> Result<Ordered, Error> {
    let (input, count) = (to.get(input)?, to.size(count)?);
    let attributes =
        vec![("axis", Attribute::Int(axis as i64)), ("largest", Attribute::Int(i64::from(largest)))];
    let [values, indices] = to.node_pair("TopK", [input, count], attributes);
    Ok(Ordered { values, indices })
}

fn bind_both(
    ordered: &Ordered,
    values: &TensorIr,
    indices: &TensorIr,
    to: &mut Lowering,
) -> Result<(), Error> {
    let cast = to.cast(ordered.indices, DType::I64, indices.dtype)?;
    to.bind(values, ordered.values)?;
    to.bind(indices, cast)
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{check, floats, ints, pair};

    #[test]
    fn reductions_of_floats_agree() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?;
            floats([
                ("sum", x.clone().sum_dim(1)),
                ("sums", x.clone().sum_dims(&[0, 2])),
                ("mean", x.clone().mean_dim(1)),
                ("prod", x.clone().prod_dim(2)),
                ("max", x.clone().max_dim(1)),
                ("min", x.clone().min_dim(2)),
                ("max_abs", x.clone().max_abs_dim(1)),
                ("variance", x.var(2)),
            ])
        });
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?;
            floats([
                ("sum", x.clone().sum()),
                ("mean", x.clone().mean()),
                ("prod", x.clone().add_scalar(1.0).prod()),
                ("max", x.clone().max()),
                ("min", x.clone().min()),
                ("max_abs", x.max_abs()),
            ])
        });
    }

    #[test]
    fn reductions_of_integers_agree() {
        check(pair(Kind::I64), |v| {
            let x = v.int::<3>("x")?;
            ints([
                ("sum", x.clone().sum_dim(1)),
                ("mean", x.clone().mean_dim(1)),
                ("max", x.clone().max_dim(1)),
                ("argmax", x.clone().argmax(2)),
                ("min", x.min_dim(2)),
            ])
        });
    }

    #[test]
    fn extremes_and_order_agree_with_their_indices() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?;
            let ((largest, at), (smallest, from)) =
                (x.clone().max_dim_with_indices(1), x.clone().min_dim_with_indices(2));
            let (top, top_at) = x.clone().topk_with_indices(3, 2);
            let (sorted, order) = x.clone().sort_with_indices(1);
            let mut out = floats([
                ("largest", largest),
                ("smallest", smallest),
                ("top", top),
                ("top_only", x.clone().topk(2, 2)),
                ("sorted", sorted),
                ("descending", x.clone().sort_descending(1)),
            ])?;
            out.insert_int("at", at);
            out.insert_int("from", from);
            out.insert_int("top_at", top_at);
            out.insert_int("order", order);
            out.insert_int("argmax", x.clone().argmax(1));
            out.insert_int("argmin", x.clone().argmin(2));
            out.insert_int("argsort", x.clone().argsort_descending(2));
            out.insert_int("argtopk", x.argtopk(2, 2));
            Ok(out)
        });
    }

    #[test]
    fn the_first_of_equal_extremes_is_taken() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?.mul_scalar(2.0).round();
            ints([("largest", x.clone().argmax(1)), ("smallest", x.argmin(2))])
        });
    }
}
