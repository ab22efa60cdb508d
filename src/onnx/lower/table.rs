//! Which family translates an operation.

use burn_ir::OperationIr;

use super::super::align::Operation;
use super::super::error::Error;
use super::context::Lowering;
use super::{activation, base, bits, layers, numeric};

pub(super) fn lower(operation: &Operation, to: &mut Lowering) -> Result<(), Error> {
    match &operation.ir {
        OperationIr::BaseFloat(op) | OperationIr::BaseInt(op) | OperationIr::BaseBool(op) => {
            base::lower(op, &operation.ranges, to)
        }
        OperationIr::NumericFloat(_, op) | OperationIr::NumericInt(_, op) => numeric::lower(op, to),
        OperationIr::Float(_, op) => numeric::lower_float(op, to),
        OperationIr::Int(op) => bits::lower_int(op, to),
        OperationIr::Bool(op) => bits::lower_bool(op, to),
        OperationIr::Module(op) => layers::lower(op, to),
        OperationIr::Activation(op) => activation::lower(op, to),
        OperationIr::Init(_) | OperationIr::Drop(_) => Ok(()),
        OperationIr::Custom(_) | OperationIr::Distributed(_) => Err(to.unknown()),
    }
}
