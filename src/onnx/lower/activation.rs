//! Activation functions.

use burn_ir::{ActivationOperationIr, DimOpIr, UnaryOpIr};

use super::super::error::Error;
use super::super::graph::{Attribute, Attributes};
use super::context::Lowering;
use super::numeric::{binary, unary};

pub(super) fn lower(op: &ActivationOperationIr, to: &mut Lowering) -> Result<(), Error> {
    use ActivationOperationIr as Op;
    match op {
        Op::Relu(op) => unary("Relu", op, to),
        Op::LeakyRelu(op) => {
            let input = to.get(&op.lhs)?;
            let slope = Attribute::Float(op.rhs.elem());
            let out = to.node_with("LeakyRelu", [input], vec![("alpha", slope)]);
            to.bind(&op.out, out)
        }
        Op::PRelu(op) => binary("PRelu", op, to),
        Op::Gelu(op) => unary("Gelu", op, to),
        Op::Sigmoid(op) => unary("Sigmoid", op, to),
        Op::HardSigmoid(op) => {
            let input = to.get(&op.tensor)?;
            let (alpha, beta) = (Attribute::Float(op.alpha.elem()), Attribute::Float(op.beta.elem()));
            let out = to.node_with("HardSigmoid", [input], vec![("alpha", alpha), ("beta", beta)]);
            to.bind(&op.out, out)
        }
        Op::LogSigmoid(op) => log_sigmoid(op, to),
        Op::Softmax(op) => along("Softmax", op, to),
        Op::LogSoftmax(op) => along("LogSoftmax", op, to),
        Op::Softmin(op) => {
            let input = to.get(&op.input)?;
            let negative = to.node("Neg", [input]);
            let out = to.node_with("Softmax", [negative], axis(op));
            to.bind(&op.out, out)
        }
        Op::ReluBackward(_) | Op::GeluBackward(_) | Op::SigmoidBackward(_) | Op::LogSigmoidBackward(_) => {
            Err(to.unknown())
        }
    }
}

fn along(op_type: &'static str, op: &DimOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let out = to.node_with(op_type, [input], axis(op));
    to.bind(&op.out, out)
}

fn axis(op: &DimOpIr) -> Attributes {
    vec![("axis", Attribute::Int(op.axis as i64))]
}

/// ln σ(x) = −softplus(−x), which stays exact for large x of either sign.
fn log_sigmoid(op: &UnaryOpIr, to: &mut Lowering) -> Result<(), Error> {
    let input = to.get(&op.input)?;
    let negative = to.node("Neg", [input]);
    let soft = to.node("Softplus", [negative]);
    let out = to.node("Neg", [soft]);
    to.bind(&op.out, out)
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{check, floats, pair};
    use burn::Tensor;
    use burn::tensor::activation as act;

    #[test]
    fn activations_agree() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?.mul_scalar(4.0);
            let slopes = Tensor::<1>::full([1], 0.3, &x.device());
            floats([
                ("relu", act::relu(x.clone())),
                ("leaky_relu", act::leaky_relu(x.clone(), 0.1)),
                ("prelu", act::prelu(x.clone(), slopes)),
                ("gelu", act::gelu(x.clone())),
                ("gelu_approximate", act::gelu_approximate(x.clone())),
                ("sigmoid", act::sigmoid(x.clone())),
                ("hard_sigmoid", act::hard_sigmoid(x.clone(), 0.2, 0.4)),
                ("log_sigmoid", act::log_sigmoid(x.clone())),
                ("softmax", act::softmax(x.clone(), 1)),
                ("log_softmax", act::log_softmax(x.clone(), 2)),
                ("softmin", act::softmin(x.clone(), 2)),
                ("quiet_softmax", act::quiet_softmax(x.clone(), 2)),
                ("softplus", act::softplus(x.clone(), 1.5)),
                ("silu", act::silu(x.clone())),
                ("mish", act::mish(x.clone())),
                ("elu", act::elu(x.clone(), 0.8)),
                ("glu", act::glu(x.clone(), 2)),
                ("tanh", act::tanh(x)),
            ])
        });
    }
}
