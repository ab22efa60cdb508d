//! Reading and writing parts of a tensor.

use burn::tensor::{IndexingUpdateOp, Slice};
use burn_ir::{
    GatherNdOpIr, GatherOpIr, ScatterNdOpIr, ScatterOpIr, SelectAssignOpIr, SelectOpIr, SliceAssignOpIr,
    SliceOpIr,
};

use super::super::error::Error;
use super::super::graph::{Attribute, Attributes, Value};
use super::super::size::Seen;
use super::context::Lowering;
use super::shape;

/// A slice of one axis with its sizes in both recordings.
struct Span {
    axis: usize,
    start: Seen,
    end: Seen,
    step: i64,
    /// Size of the axis.
    size: Seen,
}

impl Span {
    fn new(axis: usize, (first, second): &(Slice, Slice), size: Seen) -> Self {
        // Sizes were recorded as usize.
        let a = first.to_range(size.first as usize);
        let b = second.to_range(size.second as usize);
        Self {
            axis,
            start: Seen::new(a.start, b.start),
            end: Seen::new(a.end, b.end),
            step: first.step as i64,
            size,
        }
    }

    fn is_whole(&self) -> bool {
        self.step == 1 && self.start == Seen::of(0) && self.end == self.size
    }
}

fn spans(ranges: &[(Slice, Slice)], shape: &[Seen]) -> Vec<Span> {
    let spans = ranges.iter().zip(shape).enumerate();
    spans.map(|(axis, (range, size))| Span::new(axis, range, *size)).filter(|span| !span.is_whole()).collect()
}

pub(super) fn slice(op: &SliceOpIr, ranges: &[(Slice, Slice)], to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.tensor)?;
    let spans = spans(ranges, &to.shape(&op.tensor));
    let out = sliced(input, &spans, to)?;
    to.bind(&op.out, out)
}

fn sliced(input: Value, spans: &[Span], to: &mut Lowering) -> Result<Value, Error> {
    if spans.is_empty() {
        return Ok(input);
    }
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for span in spans {
        // What reaches the end of the axis does so at every size.
        let end = if span.end == span.size { Seen::of(i64::MAX) } else { span.end };
        if span.step > 0 {
            starts.push(span.start);
            ends.push(end);
        } else {
            // burn walks the range backwards from its last element; ONNX names the first element taken and the one
            // before the last.
            let last = |end: i64| end - 1;
            let from = if span.end == span.size { Seen::of(-1) } else { map(span.end, last) };
            starts.push(from);
            ends.push(if span.start == Seen::of(0) { Seen::of(i64::MIN) } else { map(span.start, last) });
        }
    }
    let axes: Vec<i64> = spans.iter().map(|span| span.axis as i64).collect();
    let steps: Vec<i64> = spans.iter().map(|span| span.step).collect();
    let (starts, ends) = (to.sizes(&starts)?, to.sizes(&ends)?);
    let (axes, steps) = (to.ints(&axes), to.ints(&steps));
    Ok(to.node("Slice", [input, starts, ends, axes, steps]))
}

fn map(seen: Seen, change: impl Fn(i64) -> i64) -> Seen {
    Seen { first: change(seen.first), second: change(seen.second) }
}

pub(super) fn slice_assign(
    op: &SliceAssignOpIr,
    ranges: &[(Slice, Slice)],
    to: &mut Lowering,
) -> Result<(), Error> {
    let (tensor, value) = (to.get(&op.tensor)?, to.get(&op.value)?);
    let spans = spans(ranges, &to.shape(&op.tensor));
    if spans.iter().any(|span| span.step != 1) {
        return Err(to.unsupported("assignment to a slice with steps"));
    }
    let out = replaced(tensor, &spans, value, to)?;
    to.bind(&op.out, out)
}

/// The tensor with the sliced part replaced: what lies before, the new part, what lies behind, axis by axis.
fn replaced(tensor: Value, spans: &[Span], value: Value, to: &mut Lowering) -> Result<Value, Error> {
    let Some((span, inner)) = spans.split_first() else { return Ok(value) };
    let part = |start: Seen, end: Seen| Span { axis: span.axis, start, end, step: 1, size: span.size };
    let middle = if inner.is_empty() {
        value
    } else {
        let rows = sliced(tensor, &[part(span.start, span.end)], to)?;
        replaced(rows, inner, value, to)?
    };
    let mut parts = Vec::new();
    if span.start != Seen::of(0) {
        parts.push(Some(sliced(tensor, &[part(Seen::of(0), span.start)], to)?));
    }
    parts.push(Some(middle));
    if span.end != span.size {
        parts.push(Some(sliced(tensor, &[part(span.end, span.size)], to)?));
    }
    Ok(to.node_of("Concat", parts, vec![("axis", Attribute::Int(span.axis as i64))]))
}

pub(super) fn gather(op: &GatherOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (tensor, indices) = (to.get(&op.tensor)?, to.get(&op.indices)?);
    let out = to.node_with("GatherElements", [tensor, indices], axis(op.dim));
    to.bind(&op.out, out)
}

pub(super) fn select(op: &SelectOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (tensor, indices) = (to.get(&op.tensor)?, to.get(&op.indices)?);
    let out = to.node_with("Gather", [tensor, indices], axis(op.dim));
    to.bind(&op.out, out)
}

pub(super) fn gather_nd(op: &GatherNdOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (data, indices) = (to.get(&op.data)?, to.get(&op.indices)?);
    let out = to.node("GatherND", [data, indices]);
    to.bind(&op.out, out)
}

pub(super) fn scatter(op: &ScatterOpIr, to: &mut Lowering) -> Result<(), Error> {
    refuse_bool(op.tensor.dtype.is_bool(), to)?;
    let (tensor, indices, value) = (to.get(&op.tensor)?, to.get(&op.indices)?, to.get(&op.value)?);
    let attributes = [axis(op.dim), vec![("reduction", reduction(op.update))]].concat();
    let out = to.node_with("ScatterElements", [tensor, indices, value], attributes);
    to.bind(&op.out, out)
}

pub(super) fn scatter_nd(op: &ScatterNdOpIr, to: &mut Lowering) -> Result<(), Error> {
    refuse_bool(op.data.dtype.is_bool(), to)?;
    let (data, indices, values) = (to.get(&op.data)?, to.get(&op.indices)?, to.get(&op.values)?);
    let out =
        to.node_with("ScatterND", [data, indices, values], vec![("reduction", reduction(op.reduction))]);
    to.bind(&op.out, out)
}

/// Adds to whole rows: the axis goes first, where `ScatterND` takes one index per row.
pub(super) fn select_assign(op: &SelectAssignOpIr, to: &mut Lowering) -> Result<(), Error> {
    refuse_bool(op.tensor.dtype.is_bool(), to)?;
    let (tensor, indices, value) = (to.get(&op.tensor)?, to.get(&op.indices)?, to.get(&op.value)?);
    let mut order: Vec<usize> = (0..to.shape(&op.tensor).len()).collect();
    order.swap(0, op.dim);
    let (rows, value) = (shape::permuted(tensor, &order, to), shape::permuted(value, &order, to));
    let last = to.ints(&[-1]);
    let indices = to.node("Unsqueeze", [indices, last]);
    let written =
        to.node_with("ScatterND", [rows, indices, value], vec![("reduction", reduction(op.update))]);
    let out = shape::permuted(written, &order, to);
    to.bind(&op.out, out)
}

fn axis(dim: usize) -> Attributes {
    vec![("axis", Attribute::Int(dim as i64))]
}

fn reduction(update: IndexingUpdateOp) -> Attribute {
    Attribute::Text(match update {
        IndexingUpdateOp::Assign => "none",
        IndexingUpdateOp::Add => "add",
        IndexingUpdateOp::Mul => "mul",
        IndexingUpdateOp::Min => "min",
        IndexingUpdateOp::Max => "max",
    })
}

fn refuse_bool(is_bool: bool, to: &Lowering) -> Result<(), Error> {
    if is_bool { Err(to.unsupported("scattering truth values")) } else { Ok(()) }
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{check, floats, pair};
    use burn::Tensor;
    use burn::tensor::{IndexingUpdateOp, Int, TensorData, s};

    #[test]
    fn slices_agree_with_steps_backwards_and_to_the_end() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?;
            let tokens = x.dims()[1];
            floats([
                ("first", x.clone().slice([0..1, 0..1, 0..1])),
                ("rest", x.clone().slice(s![.., 1.., ..])),
                ("but_last", x.clone().slice(s![.., ..-1, ..])),
                ("last", x.clone().slice(s![.., -1.., 2..5])),
                ("by_size", x.clone().slice(s![.., 0..tokens as i64 - 1, ..])),
                ("steps", x.clone().slice(s![.., .., 1..6;2])),
                ("backwards", x.clone().slice(s![.., ..;-1, 1..5;-2])),
                ("narrow", x.narrow(2, 1, 3)),
            ])
        });
    }

    #[test]
    fn assignment_to_slices_agrees() {
        check(pair(Kind::F32), |v| {
            let (x, y) = (v.float::<3>("x")?, v.float::<3>("y")?);
            let rows = y.clone().slice(s![.., 0..1, ..]);
            floats([
                ("row", x.clone().slice_assign(s![.., 1..2, ..], rows)),
                ("block", x.clone().slice_assign(s![.., 1.., 2..4], y.clone().slice(s![.., 1.., 0..2]))),
                ("all", x.slice_assign(s![.., .., ..], y)),
            ])
        });
    }

    #[test]
    fn gathering_and_selecting_agree() {
        let signature = pair(Kind::F32).input("at", Kind::I64, pair(Kind::I64).inputs[0].axes.clone());
        check(signature, |v| {
            let (x, at) = (v.float::<3>("x")?, v.int::<3>("at")?);
            let columns = Tensor::<1, Int>::from_data(TensorData::from([4i64, 0, 4]), &x.device());
            floats([
                ("gathered", x.clone().gather(2, at.clone())),
                ("fewer", x.clone().gather(2, at.slice(s![.., .., 0..2]))),
                ("selected", x.select(2, columns)),
            ])
        });
    }

    #[test]
    fn scattering_agrees() {
        let signature = pair(Kind::F32).input("at", Kind::I64, pair(Kind::I64).inputs[0].axes.clone());
        check(signature, |v| {
            let (x, y, at) = (v.float::<3>("x")?, v.float::<3>("y")?, v.int::<3>("at")?);
            let columns = Tensor::<1, Int>::from_data(TensorData::from([4i64, 0, 4]), &x.device());
            let values = y.clone().slice(s![.., .., 0..3]);
            floats([
                ("scattered", x.clone().scatter(2, at, y, IndexingUpdateOp::Add)),
                ("select_added", x.select_assign(2, columns, values, IndexingUpdateOp::Add)),
            ])
        });
    }

    #[test]
    fn gathering_and_scattering_by_coordinates_agrees() {
        check(pair(Kind::F32), |v| {
            let (x, y) = (v.float::<3>("x")?, v.float::<3>("y")?);
            let places = TensorData::from([[1i64, 0], [0, 1], [0, 0]]);
            let places = Tensor::<2, Int>::from_data(places, &x.device());
            let found: Tensor<2> = y.gather_nd(places.clone());
            let added = x.clone().scatter_nd(places.clone(), found.clone(), IndexingUpdateOp::Add);
            let mut out = floats([
                ("added", added),
                ("set", x.scatter_nd(places, found.clone(), IndexingUpdateOp::Assign)),
            ])?;
            out.insert_float("found", found);
            Ok(out)
        });
    }
}
