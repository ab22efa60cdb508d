//! Arithmetic, comparison and order on numbers, and the functions of floats.

use burn::tensor::DType;
use burn_ir::{
    BinaryOpIr, ClampOpIr, DimOpIr, FloatOperationIr, GridSample2dOpIr, GridSamplePaddingModeIr,
    InterpolateModeIr, NumericOperationIr, PadModeIr, PadOpIr, ScalarIr, ScalarOpIr, TensorIr, UnaryOpIr,
};

use super::super::error::Error;
use super::super::graph::{Attribute, Value};
use super::super::size::Seen;
use super::base::{compare, compare_with};
use super::context::Lowering;
use super::reduce;

pub(super) fn lower(op: &NumericOperationIr, to: &mut Lowering) -> Result<(), Error> {
    use NumericOperationIr as Op;
    match op {
        Op::Add(op) => binary("Add", op, to),
        Op::AddScalar(op) => with_scalar("Add", op, to),
        Op::Sub(op) => binary("Sub", op, to),
        Op::SubScalar(op) => with_scalar("Sub", op, to),
        Op::Mul(op) => binary("Mul", op, to),
        Op::MulScalar(op) => with_scalar("Mul", op, to),
        Op::Div(op) => binary("Div", op, to),
        Op::DivScalar(op) => with_scalar("Div", op, to),
        Op::Rem(op) => {
            let (lhs, rhs) = (to.get(&op.lhs)?, to.get(&op.rhs)?);
            let out = remainder(lhs, rhs, op.lhs.dtype, to);
            to.bind(&op.out, out)
        }
        Op::RemScalar(op) => {
            let (lhs, rhs) = (to.get(&op.lhs)?, to.scalar(op.rhs, op.lhs.dtype)?);
            let out = remainder(lhs, rhs, op.lhs.dtype, to);
            to.bind(&op.out, out)
        }
        Op::Abs(op) => unary("Abs", op, to),
        Op::Neg(op) => unary("Neg", op, to),
        Op::Sign(op) => unary("Sign", op, to),
        Op::Full(op) => {
            let shape = to.shape(&op.out);
            let out = to.filled(op.value, &shape, op.out.dtype)?;
            to.bind(&op.out, out)
        }
        Op::Greater(op) => compare("Greater", op, to),
        Op::GreaterElem(op) => compare_with("Greater", op, to),
        Op::GreaterEqual(op) => compare("GreaterOrEqual", op, to),
        Op::GreaterEqualElem(op) => compare_with("GreaterOrEqual", op, to),
        Op::Lower(op) => compare("Less", op, to),
        Op::LowerElem(op) => compare_with("Less", op, to),
        Op::LowerEqual(op) => compare("LessOrEqual", op, to),
        Op::LowerEqualElem(op) => compare_with("LessOrEqual", op, to),
        Op::Clamp(op) => clamp(op, to),
        Op::ClampMin(op) => clip(&op.lhs, Some(op.rhs), None, &op.out, to),
        Op::ClampMax(op) => clip(&op.lhs, None, Some(op.rhs), &op.out, to),
        Op::Powi(op) => binary("Pow", op, to),
        Op::PowiScalar(op) => power(op, to),
        Op::CumSum(op) => cumulative_sum(op, to),
        Op::Pad(op) => pad(op, to),
        Op::Sum(op) => reduce::whole("ReduceSum", op, to),
        Op::Prod(op) => reduce::whole("ReduceProd", op, to),
        Op::Max(op) => reduce::whole("ReduceMax", op, to),
        Op::Min(op) => reduce::whole("ReduceMin", op, to),
        Op::MaxAbs(op) => reduce::whole_of_abs("ReduceMax", op, to),
        Op::Mean(op) => reduce::mean_of_all(op, to),
        Op::SumDim(op) => reduce::one_axis("ReduceSum", op, to),
        Op::SumDims(op) => reduce::several_axes("ReduceSum", op, to),
        Op::ProdDim(op) => reduce::one_axis("ReduceProd", op, to),
        Op::MaxDim(op) => reduce::one_axis("ReduceMax", op, to),
        Op::MinDim(op) => reduce::one_axis("ReduceMin", op, to),
        Op::MaxAbsDim(op) => reduce::one_axis_of_abs("ReduceMax", op, to),
        Op::MeanDim(op) => reduce::mean_of_axis(op, to),
        Op::ArgMax(op) => reduce::arg(true, op, to),
        Op::ArgMin(op) => reduce::arg(false, op, to),
        Op::MaxDimWithIndices(op) => reduce::extreme_with_indices(true, op, to),
        Op::MinDimWithIndices(op) => reduce::extreme_with_indices(false, op, to),
        Op::TopK(op) => reduce::top(op, to),
        Op::ArgTopK(op) => reduce::arg_top(op, to),
        Op::TopKWithIndices(op) => reduce::top_with_indices(op, to),
        Op::Sort(op) => reduce::sort(op, to),
        Op::ArgSort(op) => reduce::arg_sort(op, to),
        Op::SortWithIndices(op) => reduce::sort_with_indices(op, to),
        Op::IntRandom(_) | Op::CumProd(_) | Op::CumMin(_) | Op::CumMax(_) => Err(to.unknown()),
    }
}

pub(super) fn lower_float(op: &FloatOperationIr, to: &mut Lowering) -> Result<(), Error> {
    use FloatOperationIr as Op;
    match op {
        Op::Exp(op) => unary("Exp", op, to),
        Op::Log(op) => unary("Log", op, to),
        Op::Log1p(op) => {
            let (input, one) = (to.get(&op.input)?, to.float(1.0, op.input.dtype)?);
            let sum = to.node("Add", [input, one]);
            let out = to.node("Log", [sum]);
            to.bind(&op.out, out)
        }
        Op::Erf(op) => unary("Erf", op, to),
        Op::Sqrt(op) => unary("Sqrt", op, to),
        Op::Sin(op) => unary("Sin", op, to),
        Op::Sinh(op) => unary("Sinh", op, to),
        Op::Cos(op) => unary("Cos", op, to),
        Op::Cosh(op) => unary("Cosh", op, to),
        Op::Tan(op) => unary("Tan", op, to),
        Op::Tanh(op) => unary("Tanh", op, to),
        Op::ArcSin(op) => unary("Asin", op, to),
        Op::ArcSinh(op) => unary("Asinh", op, to),
        Op::ArcCos(op) => unary("Acos", op, to),
        Op::ArcCosh(op) => unary("Acosh", op, to),
        Op::ArcTan(op) => unary("Atan", op, to),
        Op::ArcTanh(op) => unary("Atanh", op, to),
        Op::Round(op) => unary("Round", op, to),
        Op::Floor(op) => unary("Floor", op, to),
        Op::Ceil(op) => unary("Ceil", op, to),
        Op::Trunc(op) => {
            let input = to.get(&op.input)?;
            let (sign, size) = (to.node("Sign", [input]), to.node("Abs", [input]));
            let whole = to.node("Floor", [size]);
            let out = to.node("Mul", [sign, whole]);
            to.bind(&op.out, out)
        }
        Op::Recip(op) => unary("Reciprocal", op, to),
        Op::IsNan(op) => unary("IsNaN", op, to),
        Op::IsInf(op) => unary("IsInf", op, to),
        Op::Powf(op) => binary("Pow", op, to),
        Op::PowfScalar(op) => power(op, to),
        Op::Hypot(op) => {
            let (lhs, rhs) = (to.get(&op.lhs)?, to.get(&op.rhs)?);
            let (a, b) = (to.node("Mul", [lhs, lhs]), to.node("Mul", [rhs, rhs]));
            let sum = to.node("Add", [a, b]);
            let out = to.node("Sqrt", [sum]);
            to.bind(&op.out, out)
        }
        Op::IntoInt(op) => {
            let input = to.get(&op.input)?;
            let out = to.cast(input, op.input.dtype, op.out.dtype)?;
            to.bind(&op.out, out)
        }
        Op::Matmul(op) => {
            let (lhs, rhs) = (to.get(&op.lhs)?, to.get(&op.rhs)?);
            let out = to.node("MatMul", [lhs, rhs]);
            to.bind(&op.out, out)
        }
        Op::GridSample2d(op) => grid_sample(op, to),
        Op::ArcTan2(_) | Op::Cross(_) | Op::Random(_) | Op::Quantize(_) | Op::Dequantize(_) => {
            Err(to.unknown())
        }
    }
}

/// An operator of one operand.
pub(super) fn unary(op_type: &'static str, op: &UnaryOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = to.node(op_type, [input]);
    to.bind(&op.out, out)
}

/// An operator of two operands, which broadcast alike in burn and ONNX.
pub(super) fn binary(op_type: &'static str, op: &BinaryOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (lhs, rhs) = (to.get(&op.lhs)?, to.get(&op.rhs)?);
    let out = to.node(op_type, [lhs, rhs]);
    to.bind(&op.out, out)
}

/// An operator of a tensor and a number.
pub(super) fn with_scalar(op_type: &'static str, op: &ScalarOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (lhs, rhs) = (to.get(&op.lhs)?, to.scalar(op.rhs, op.lhs.dtype)?);
    let out = to.node(op_type, [lhs, rhs]);
    to.bind(&op.out, out)
}

/// The remainder with the sign of the divisor; ONNX `Mod` has that for integers only.
fn remainder(lhs: Value, rhs: Value, dtype: DType, to: &mut Lowering) -> Value {
    if !dtype.is_float() {
        return to.node("Mod", [lhs, rhs]);
    }
    let quotient = to.node("Div", [lhs, rhs]);
    let whole = to.node("Floor", [quotient]);
    let taken = to.node("Mul", [whole, rhs]);
    to.node("Sub", [lhs, taken])
}

fn clamp(op: &ClampOpIr, to: &mut Lowering) -> Result<(), Error> {
    clip(&op.tensor, Some(op.min), Some(op.max), &op.out, to)
}

fn clip(
    tensor: &TensorIr,
    min: Option<ScalarIr>,
    max: Option<ScalarIr>,
    out: &TensorIr,
    to: &mut Lowering,
) -> Result<(), Error> {
    let input = to.get(tensor)?;
    let min = min.map(|value| to.scalar(value, tensor.dtype)).transpose()?;
    let max = max.map(|value| to.scalar(value, tensor.dtype)).transpose()?;
    let clipped = to.node_of("Clip", vec![Some(input), min, max], Vec::new());
    to.bind(out, clipped)
}

fn power(op: &ScalarOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.lhs)?;
    let exponent: f64 = op.rhs.elem();
    let out = if exponent == 2.0 {
        to.node("Mul", [input, input])
    } else if exponent == 0.5 {
        to.node("Sqrt", [input])
    } else {
        let exponent = to.scalar(op.rhs, op.lhs.dtype)?;
        to.node("Pow", [input, exponent])
    };
    to.bind(&op.out, out)
}

fn cumulative_sum(op: &DimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let axis = to.scalar(ScalarIr::Int(op.axis as i64), DType::I64)?;
    let out = to.node("CumSum", [input, axis]);
    to.bind(&op.out, out)
}

fn pad(op: &PadOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let (before, after): (Vec<Seen>, Vec<Seen>) = op
        .padding
        .iter()
        .map(|(before, after)| (Seen::new(*before, *before), Seen::new(*after, *after)))
        .unzip();
    let pads = to.sizes(&[before, after].concat())?;
    let (mode, value) = match op.mode {
        PadModeIr::Constant(value) => ("constant", Some(to.scalar(value, op.input.dtype)?)),
        PadModeIr::Reflect => ("reflect", None),
        PadModeIr::Edge => ("edge", None),
    };
    let out = to.node_of("Pad", vec![Some(input), Some(pads), value], vec![("mode", Attribute::Text(mode))]);
    to.bind(&op.out, out)
}

fn grid_sample(op: &GridSample2dOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (input, grid) = (to.get(&op.tensor)?, to.get(&op.grid)?);
    let mode = match op.options.mode {
        InterpolateModeIr::Nearest => "nearest",
        InterpolateModeIr::Bilinear => "linear",
        InterpolateModeIr::Bicubic => "cubic",
        _ => return Err(to.unsupported("a sampling mode that ONNX does not have")),
    };
    let padding = match op.options.padding_mode {
        GridSamplePaddingModeIr::Zeros => "zeros",
        GridSamplePaddingModeIr::Border => "border",
        GridSamplePaddingModeIr::Reflection => "reflection",
    };
    let attributes = vec![
        ("mode", Attribute::Text(mode)),
        ("padding_mode", Attribute::Text(padding)),
        ("align_corners", Attribute::Int(i64::from(op.options.align_corners))),
    ];
    let out = to.node_with("GridSample", [input, grid], attributes);
    to.bind(&op.out, out)
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{bools, check, floats, image, ints, pair};
    use burn::tensor::ops::{GridSampleOptions, PadMode};

    #[test]
    fn arithmetic_on_floats_agrees() {
        check(pair(Kind::F32), |v| {
            let (x, y) = (v.float::<3>("x")?, v.float::<3>("y")?);
            let safe = y.clone().abs().add_scalar(0.5);
            floats([
                ("add", x.clone() + y.clone()),
                ("add_scalar", x.clone().add_scalar(1.5)),
                ("sub", x.clone() - y.clone()),
                ("sub_scalar", x.clone().sub_scalar(1.5)),
                ("mul", x.clone() * y.clone()),
                ("mul_scalar", x.clone().mul_scalar(-2.5)),
                ("div", x.clone() / safe.clone()),
                ("div_scalar", x.clone().div_scalar(-0.7)),
                ("rem", x.clone().remainder(safe.clone())),
                ("rem_scalar", x.clone().remainder_scalar(-0.3)),
                ("neg", -x.clone()),
                ("abs", x.clone().abs()),
                ("sign", x.clone().sign()),
                ("clamp", x.clone().clamp(-0.4, 0.3)),
                ("clamp_min", x.clone().clamp_min(0.1)),
                ("clamp_max", x.clone().clamp_max(0.1)),
                ("powf", safe.clone().powf(x.clone())),
                ("powf_scalar", safe.clone().powf_scalar(1.7)),
                ("square", x.clone().powf_scalar(2.0)),
                ("root", safe.clone().powf_scalar(0.5)),
                ("cube", x.clone().powi_scalar(3)),
                ("powi", x.clone().powi(y.clone().mul_scalar(3.0).round())),
                ("hypot", x.clone().hypot(y.clone())),
                ("broadcast", x.clone() + y.mean_dim(1)),
                ("cumsum", x.cumsum(1)),
            ])
        });
    }

    #[test]
    fn functions_of_floats_agree() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?;
            let positive = x.clone().abs().add_scalar(0.1);
            floats([
                ("exp", x.clone().exp()),
                ("log", positive.clone().log()),
                ("log1p", positive.clone().log1p()),
                ("erf", x.clone().erf()),
                ("sqrt", positive.clone().sqrt()),
                ("recip", positive.clone().recip()),
                ("sin", x.clone().sin()),
                ("sinh", x.clone().sinh()),
                ("cos", x.clone().cos()),
                ("cosh", x.clone().cosh()),
                ("tan", x.clone().tan()),
                ("tanh", x.clone().tanh()),
                ("asin", x.clone().mul_scalar(0.9).asin()),
                ("asinh", x.clone().asinh()),
                ("acos", x.clone().mul_scalar(0.9).acos()),
                ("acosh", positive.add_scalar(1.0).acosh()),
                ("atan", x.clone().atan()),
                ("atanh", x.clone().mul_scalar(0.9).atanh()),
                ("round", x.clone().mul_scalar(3.0).round()),
                ("halves", x.clone().mul_scalar(3.0).round().mul_scalar(0.5).round()),
                ("floor", x.clone().mul_scalar(3.0).floor()),
                ("ceil", x.clone().mul_scalar(3.0).ceil()),
                ("trunc", x.mul_scalar(3.0).trunc()),
            ])
        });
    }

    #[test]
    fn matrix_products_agree_batched_and_broadcast() {
        check(pair(Kind::F32), |v| {
            let (x, y) = (v.float::<3>("x")?, v.float::<3>("y")?);
            floats([
                ("batched", x.clone().matmul(y.clone().transpose())),
                ("one_for_all", x.clone().matmul(y.clone().mean_dim(0).transpose())),
                ("vector", x.mean_dim(1).matmul(y.transpose())),
            ])
        });
    }

    #[test]
    fn arithmetic_on_integers_agrees() {
        for kind in [Kind::I64, Kind::I32] {
            check(pair(kind), |v| {
                let (x, y) = (v.int::<3>("x")?, v.int::<3>("y")?);
                let signed = x.clone().sub_scalar(3);
                let divisor = y.clone().add_scalar(1);
                ints([
                    ("add", x.clone() + y.clone()),
                    ("sub", x.clone() - y.clone()),
                    ("mul", x.clone() * y.clone()),
                    ("div", signed.clone() / divisor.clone()),
                    ("div_scalar", signed.clone().div_scalar(2)),
                    ("rem", signed.clone().remainder(divisor)),
                    ("rem_scalar", signed.clone().remainder_scalar(2)),
                    ("neg", -x.clone()),
                    ("abs", signed.clone().abs()),
                    ("sign", signed.clone().sign()),
                    ("clamp", signed.clone().clamp(-1, 2)),
                    ("cumsum", x.cumsum(1)),
                ])
            });
        }
    }

    #[test]
    fn comparisons_agree() {
        check(pair(Kind::F32), |v| {
            let (x, y) = (v.float::<3>("x")?, v.float::<3>("y")?);
            bools([
                ("greater", x.clone().greater(y.clone())),
                ("greater_elem", x.clone().greater_elem(0.1)),
                ("greater_equal", x.clone().greater_equal(x.clone())),
                ("greater_equal_elem", x.clone().greater_equal_elem(0.1)),
                ("lower", x.clone().lower(y.clone())),
                ("lower_elem", x.clone().lower_elem(0.1)),
                ("lower_equal", x.clone().lower_equal(y)),
                ("lower_equal_elem", x.clone().lower_equal_elem(0.1)),
                ("nan", x.clone().log().is_nan()),
                ("inf", (x.clone() / x.sub_scalar(0.1).clamp_min(0.0)).is_inf()),
            ])
        });
        check(pair(Kind::I64), |v| {
            let (x, y) = (v.int::<3>("x")?, v.int::<3>("y")?);
            bools([
                ("greater", x.clone().greater(y.clone())),
                ("lower_elem", x.lower_elem(3)),
                ("lower", y.lower_elem(2)),
            ])
        });
    }

    #[test]
    fn padding_agrees_in_every_mode() {
        check(image(), |v| {
            let x = v.float::<4>("x")?;
            floats([
                ("constant", x.clone().pad((1, 2, 3, 0), PadMode::Constant(0.5))),
                ("reflect", x.clone().pad((1, 2, 3, 0), PadMode::Reflect)),
                ("edge", x.pad((1, 2, 3, 0), PadMode::Edge)),
            ])
        });
    }

    #[test]
    fn sampling_on_a_grid_agrees() {
        check(image(), |v| {
            let x = v.float::<4>("x")?;
            let grid = x.clone().slice([0..x.dims()[0], 0..2]).permute([0, 2, 3, 1]);
            floats([("sampled", x.grid_sample_2d(grid, GridSampleOptions::default()))])
        });
    }
}
