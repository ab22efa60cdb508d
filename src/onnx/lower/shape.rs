//! Layout: reshaping, permuting, expanding, repeating and joining.

use burn_ir::{CatOpIr, FlipOpIr, RepeatDimOpIr, ShapeOpIr, SwapDimsOpIr, TensorIr};

use super::super::error::Error;
use super::super::graph::{Attribute, Value};
use super::super::size::Seen;
use super::context::Lowering;

/// In a reshape target: the size of the input's axis at the same place, and the size that is left over.
const SAME: i64 = 0;
const REST: i64 = -1;

pub(super) fn reshape(op: &ShapeOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = reshaped(input, &to.shape(&op.input), &to.shape(&op.out), to)?;
    to.bind(&op.out, out)
}

/// A value in another shape.
pub(super) fn reshaped(
    input: Value,
    from: &[Seen],
    into: &[Seen],
    to: &mut Lowering,
) -> Result<Value, Error> {
    if from == into {
        return Ok(input);
    }
    let fixed: Option<Vec<usize>> =
        into.iter().map(|size| size.fixed().and_then(|n| usize::try_from(n).ok())).collect();
    if let (Some(dims), Some((literal, path))) = (fixed, to.literal(input)) {
        return Ok(to.derived(literal.reshaped(dims), path));
    }
    let mut target: Vec<Option<i64>> = into.iter().map(|size| size.fixed()).collect();
    for (axis, size) in target.iter_mut().enumerate() {
        if size.is_none() && from.get(axis) == into.get(axis) {
            *size = Some(SAME);
        }
    }
    // One size may be left to the runtime; prefer one that can't be computed here.
    let open: Vec<usize> = (0..target.len()).filter(|axis| target[*axis].is_none()).collect();
    if let Some(rest) = open.iter().find(|axis| !to.knows(into[**axis])).or(open.last()) {
        target[*rest] = Some(REST);
    }
    let shape = if let Some(fixed) = target.iter().copied().collect::<Option<Vec<i64>>>() {
        to.ints(&fixed)
    } else {
        let parts: Vec<Seen> =
            target.iter().zip(into).map(|(fixed, seen)| fixed.map_or(*seen, Seen::of)).collect();
        to.sizes(&parts)?
    };
    Ok(to.node("Reshape", [input, shape]))
}

pub(super) fn swap_dims(op: &SwapDimsOpIr, to: &mut Lowering) -> Result<(), Error> {
    let mut axes: Vec<usize> = (0..to.shape(&op.input).len()).collect();
    axes.swap(op.dim1, op.dim2);
    permute(&op.input, &axes, &op.out, to)
}

pub(super) fn permute(
    input: &TensorIr,
    axes: &[usize],
    out: &TensorIr,
    to: &mut Lowering,
) -> Result<(), Error> {
    let input = to.get(input)?;
    let permuted = permuted(input, axes, to);
    to.bind(out, permuted)
}

/// A value with its axes in another order; two permutations in a row become one.
pub(super) fn permuted(input: Value, axes: &[usize], to: &mut Lowering) -> Value {
    if let Some((literal, path)) = to.literal(input) {
        return to.derived(literal.permuted(axes), path);
    }
    if let Some(("Transpose", Some(source), attributes)) = to.producer(input)
        && let Some((_, Attribute::Ints(before))) = attributes.first()
    {
        let axes: Vec<i64> = axes.iter().map(|axis| before[*axis]).collect();
        return transpose(source, axes, to);
    }
    transpose(input, axes.iter().map(|axis| *axis as i64).collect(), to)
}

fn transpose(input: Value, axes: Vec<i64>, to: &mut Lowering) -> Value {
    if axes.iter().zip(0..).all(|(axis, place)| *axis == place) {
        return input;
    }
    to.node_with("Transpose", [input], vec![("perm", Attribute::Ints(axes))])
}

pub(super) fn flip(op: &FlipOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let count = op.axes.len();
    let axes: Vec<i64> = op.axes.iter().map(|axis| *axis as i64).collect();
    let (starts, ends) = (to.ints(&vec![-1; count]), to.ints(&vec![i64::MIN; count]));
    let (axes, steps) = (to.ints(&axes), to.ints(&vec![-1; count]));
    let out = to.node("Slice", [input, starts, ends, axes, steps]);
    to.bind(&op.out, out)
}

pub(super) fn expand(op: &ShapeOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = expanded(input, &to.shape(&op.input), &to.shape(&op.out), to)?;
    to.bind(&op.out, out)
}

/// A value repeated along its axes of size one, and along new axes in front.
pub(super) fn expanded(
    input: Value,
    from: &[Seen],
    into: &[Seen],
    to: &mut Lowering,
) -> Result<Value, Error> {
    if from == into {
        return Ok(input);
    }
    let new = into.len() - from.len();
    // A one in the target keeps the axis as it is, so only what is really expanded needs a size.
    let target: Vec<Seen> = into
        .iter()
        .enumerate()
        .map(|(axis, size)| if axis >= new && from[axis - new] == *size { Seen::of(1) } else { *size })
        .collect();
    let shape = to.sizes(&target)?;
    Ok(to.node("Expand", [input, shape]))
}

pub(super) fn repeat(op: &RepeatDimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.tensor)?;
    let (from, into) = (to.shape(&op.tensor), to.shape(&op.out));
    let times = from[op.dim].factor_to(into[op.dim]);
    let times = times.ok_or_else(|| to.unsupported("an empty axis can't be repeated"))?;
    let repeats: Vec<Seen> =
        (0..from.len()).map(|axis| if axis == op.dim { times } else { Seen::of(1) }).collect();
    let repeats = to.sizes(&repeats)?;
    let out = to.node("Tile", [input, repeats]);
    to.bind(&op.out, out)
}

pub(super) fn concat(op: &CatOpIr, to: &mut Lowering) -> Result<(), Error> {
    let parts = op.tensors.iter().map(|tensor| to.get(tensor).map(Some)).collect::<Result<Vec<_>, _>>()?;
    let out = match parts[..] {
        [Some(only)] => only,
        _ => to.node_of("Concat", parts, vec![("axis", Attribute::Int(op.dim as i64))]),
    };
    to.bind(&op.out, out)
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{check, floats, ints, pair};
    use burn::Tensor;

    #[test]
    fn layout_changes_agree() {
        check(pair(Kind::F32), |v| {
            let (x, y) = (v.float::<3>("x")?, v.float::<3>("y")?);
            let [batch, tokens, width] = x.dims();
            floats([
                ("merged", x.clone().reshape([1, batch * tokens, width])),
                ("split", x.clone().reshape([batch * 2, tokens, 3])),
                ("swapped", x.clone().swap_dims(0, 2)),
                ("permuted", x.clone().permute([1, 2, 0])),
                ("twice", x.clone().permute([1, 2, 0]).swap_dims(0, 1)),
                ("back", x.clone().swap_dims(0, 1).swap_dims(0, 1)),
                ("flipped", x.clone().flip([0, 2])),
                ("repeated", x.clone().repeat_dim(1, 3)),
                ("tiled", x.clone().repeat(&[2, 1, 2])),
                ("joined", Tensor::cat(vec![x.clone(), y.clone(), x.clone()], 1)),
                ("expanded", x.mean_dim(1).expand([batch, tokens * 2, width])),
            ])
        });
        check(pair(Kind::Bool), |v| {
            let x = v.bool::<3>("x")?;
            let [batch, tokens, width] = x.dims();
            let flags = Tensor::cat(vec![x.clone(), v.bool("y")?], 1).repeat_dim(2, 2).flip([1]);
            let mut out = ints([("numbers", flags.permute([2, 0, 1]).int())])?;
            out.insert_bool("flat", x.reshape([batch * tokens, width]));
            Ok(out)
        });
    }

    #[test]
    fn stacking_and_chunks_agree() {
        check(pair(Kind::F32), |v| {
            let (x, y) = (v.float::<3>("x")?, v.float::<3>("y")?);
            let mut out = floats([("stacked", Tensor::stack::<4>(vec![x.clone(), y], 1))])?;
            for (index, part) in x.chunk(3, 2).into_iter().enumerate() {
                out.insert_float(format!("part_{index}"), part);
            }
            Ok(out)
        });
    }
}
