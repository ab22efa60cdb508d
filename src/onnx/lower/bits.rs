//! Operations that only integers or only truth values have.

use burn_ir::{BoolOperationIr, CastOpIr, IntOperationIr, ScalarIr, ScalarOpIr};

use super::super::error::Error;
use super::context::Lowering;
use super::numeric::{binary, unary, with_scalar};

pub(super) fn lower_int(op: &IntOperationIr, to: &mut Lowering) -> Result<(), Error> {
    use IntOperationIr as Op;
    match op {
        Op::IntoFloat(op) => cast(op, to),
        Op::BitwiseAnd(op) => binary("BitwiseAnd", op, to),
        Op::BitwiseAndScalar(op) => with_scalar("BitwiseAnd", op, to),
        Op::BitwiseOr(op) => binary("BitwiseOr", op, to),
        Op::BitwiseOrScalar(op) => with_scalar("BitwiseOr", op, to),
        Op::BitwiseXor(op) => binary("BitwiseXor", op, to),
        Op::BitwiseXorScalar(op) => with_scalar("BitwiseXor", op, to),
        Op::BitwiseNot(op) => unary("BitwiseNot", op, to),
        Op::BitwiseLeftShiftScalar(op) => left_shift(op, to),
        Op::Matmul(op) => {
            let (lhs, rhs) = (to.get(&op.lhs)?, to.get(&op.rhs)?);
            let out = to.node("MatMul", [lhs, rhs]);
            to.bind(&op.out, out)
        }
        // ONNX shifts unsigned integers only.
        Op::BitwiseLeftShift(_) | Op::BitwiseRightShift(_) | Op::BitwiseRightShiftScalar(_) => {
            Err(to.unknown())
        }
    }
}

pub(super) fn lower_bool(op: &BoolOperationIr, to: &mut Lowering) -> Result<(), Error> {
    match op {
        BoolOperationIr::IntoFloat(op) | BoolOperationIr::IntoInt(op) => cast(op, to),
        BoolOperationIr::Not(op) => unary("Not", op, to),
        BoolOperationIr::And(op) => binary("And", op, to),
        BoolOperationIr::Or(op) => binary("Or", op, to),
        BoolOperationIr::Xor(op) => binary("Xor", op, to),
    }
}

fn cast(op: &CastOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = to.cast(input, op.input.dtype, op.out.dtype)?;
    to.bind(&op.out, out)
}

/// A shift to the left is a product with a power of two.
fn left_shift(op: &ScalarOpIr, to: &mut Lowering) -> Result<(), Error> {
    let power = u32::try_from(op.rhs.elem::<i64>()).ok().and_then(|places| 1i64.checked_shl(places));
    let power = power.ok_or_else(|| to.unsupported("a shift by that many places"))?;
    let (lhs, rhs) = (to.get(&op.lhs)?, to.scalar(ScalarIr::Int(power), op.lhs.dtype)?);
    let out = to.node("Mul", [lhs, rhs]);
    to.bind(&op.out, out)
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{bools, check, floats, ints, pair};

    #[test]
    fn bitwise_operations_agree() {
        check(pair(Kind::I64), |v| {
            let (x, y) = (v.int::<3>("x")?, v.int::<3>("y")?);
            ints([
                ("and", x.clone().bitwise_and(y.clone())),
                ("or", x.clone().bitwise_or(y.clone())),
                ("xor", x.clone().bitwise_xor(y.clone())),
                ("not", x.clone().bitwise_not()),
                ("and_scalar", x.clone().bitwise_and_scalar(3)),
                ("or_scalar", x.clone().bitwise_or_scalar(9)),
                ("xor_scalar", x.clone().bitwise_xor_scalar(5)),
                ("shifted", x.clone().bitwise_left_shift_scalar(2)),
                ("product", x.matmul(y.transpose())),
            ])
        });
    }

    #[test]
    fn logic_and_casts_of_truth_values_agree() {
        check(pair(Kind::Bool), |v| {
            let (x, y) = (v.bool::<3>("x")?, v.bool::<3>("y")?);
            bools([
                ("not", x.clone().bool_not()),
                ("and", x.clone().bool_and(y.clone())),
                ("or", x.clone().bool_or(y.clone())),
                ("xor", x.bool_xor(y)),
            ])
        });
        check(pair(Kind::Bool), |v| floats([("float", v.bool::<3>("x")?.float())]));
        check(pair(Kind::Bool), |v| ints([("int", v.bool::<3>("x")?.int())]));
        check(pair(Kind::I32), |v| floats([("float", v.int::<3>("x")?.float())]));
    }
}
