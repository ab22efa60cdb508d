//! Layers that burn records as one operation: linear, embedding, normalisation and convolution.

use burn_ir::{BatchNormOpIr, EmbeddingOpIr, LayerNormOpIr, LinearOpIr, ModuleOperationIr, TensorIr};

use super::super::error::Error;
use super::super::graph::{Attribute, Attributes};
use super::context::Lowering;
use super::{attention, pool};

// The operations of one, two and three spatial axes are alike but for their types.
macro_rules! tensors {
    ($op:expr) => {
        Conv { x: &$op.x, weight: &$op.weight, bias: $op.bias.as_ref(), out: &$op.out }
    };
}

/// Strides and the like, one number per spatial axis; padding is zeros before and after.
macro_rules! window {
    ($op:expr, $padding:expr) => {
        vec![
            ("strides", ints($op.options.stride.iter())),
            ("pads", pads(&$padding)),
            ("dilations", ints($op.options.dilation.iter())),
            ("group", Attribute::Int($op.options.groups as i64)),
        ]
    };
}

macro_rules! transposed {
    ($op:expr) => {{
        let mut window = window!($op, both_sides(&$op.options.padding));
        window.push(("output_padding", ints($op.options.padding_out.iter())));
        window
    }};
}

pub(super) fn lower(op: &ModuleOperationIr, to: &mut Lowering) -> Result<(), Error> {
    use ModuleOperationIr as Op;
    match op {
        Op::Linear(op) => linear(op, to),
        Op::Embedding(op) => embedding(op, to),
        Op::LayerNorm(op) => layer_norm(op, to),
        Op::BatchNorm(op) => batch_norm(op, to),
        Op::Conv1d(op) => conv("Conv", &tensors!(op), window!(op, op.options.padding), to),
        Op::Conv2d(op) => conv("Conv", &tensors!(op), window!(op, op.options.padding), to),
        Op::Conv3d(op) => conv("Conv", &tensors!(op), window!(op, both_sides(&op.options.padding)), to),
        Op::ConvTranspose1d(op) => conv("ConvTranspose", &tensors!(op), transposed!(op), to),
        Op::ConvTranspose2d(op) => conv("ConvTranspose", &tensors!(op), transposed!(op), to),
        Op::ConvTranspose3d(op) => conv("ConvTranspose", &tensors!(op), transposed!(op), to),
        Op::MaxPool1d(op) => pool::max1d(op, to),
        Op::MaxPool2d(op) => pool::max2d(op, to),
        Op::AvgPool1d(op) => pool::average1d(op, to),
        Op::AvgPool2d(op) => pool::average2d(op, to),
        Op::AdaptiveAvgPool1d(op) => pool::adaptive(&op.x, &op.out, to),
        Op::AdaptiveAvgPool2d(op) => pool::adaptive(&op.x, &op.out, to),
        Op::AdaptiveAvgPool3d(op) => pool::adaptive(&op.x, &op.out, to),
        Op::Interpolate(op) => pool::interpolate(op, to),
        Op::Attention(op) => attention::lower(op, to),
        _ => Err(to.unknown()),
    }
}

fn linear(op: &LinearOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (x, weight) = (to.get(&op.x)?, to.get(&op.weight)?);
    let mut out = to.node("MatMul", [x, weight]);
    if let Some(bias) = &op.bias {
        let bias = to.get(bias)?;
        out = to.node("Add", [out, bias]);
    }
    to.bind(&op.out, out)
}

fn embedding(op: &EmbeddingOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (weights, indices) = (to.get(&op.weights)?, to.get(&op.indices)?);
    let out = to.node_with("Gather", [weights, indices], vec![("axis", Attribute::Int(0))]);
    to.bind(&op.out, out)
}

fn layer_norm(op: &LayerNormOpIr, to: &mut Lowering) -> Result<(), Error> {
    let (input, gamma) = (to.get(&op.input)?, to.get(&op.gamma)?);
    let beta = op.beta.as_ref().map(|beta| to.get(beta)).transpose()?;
    let attributes = vec![("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(op.epsilon.elem()))];
    let mut operands = vec![Some(input), Some(gamma)];
    operands.extend(beta.map(Some));
    let out = to.node_of("LayerNormalization", operands, attributes);
    to.bind(&op.out, out)
}

fn batch_norm(op: &BatchNormOpIr, to: &mut Lowering) -> Result<(), Error> {
    let operands =
        [to.get(&op.x)?, to.get(&op.gamma)?, to.get(&op.beta)?, to.get(&op.mean)?, to.get(&op.variance)?];
    let epsilon = Attribute::Float(op.epsilon.elem());
    let out = to.node_with("BatchNormalization", operands, vec![("epsilon", epsilon)]);
    to.bind(&op.out, out)
}

/// Tensors of a convolution.
struct Conv<'a> {
    x: &'a TensorIr,
    weight: &'a TensorIr,
    bias: Option<&'a TensorIr>,
    out: &'a TensorIr,
}

fn conv(
    op_type: &'static str,
    tensors: &Conv,
    mut attributes: Attributes,
    to: &mut Lowering,
) -> Result<(), Error> {
    let mut operands = vec![Some(to.get(tensors.x)?), Some(to.get(tensors.weight)?)];
    if let Some(bias) = tensors.bias {
        operands.push(Some(to.get(bias)?));
    }
    let kernel: Option<Vec<i64>> = to.shape(tensors.weight).iter().skip(2).map(|size| size.fixed()).collect();
    let kernel = kernel.ok_or_else(|| to.unsupported("a kernel of dynamic size"))?;
    attributes.push(("kernel_shape", Attribute::Ints(kernel)));
    let out = to.node_of(op_type, operands, attributes);
    to.bind(tensors.out, out)
}

fn both_sides(padding: &[usize]) -> Vec<(usize, usize)> {
    padding.iter().map(|size| (*size, *size)).collect()
}

/// ONNX names the padding before every axis, then the padding after every axis.
pub(super) fn pads(padding: &[(usize, usize)]) -> Attribute {
    ints(padding.iter().map(|(before, _)| before).chain(padding.iter().map(|(_, after)| after)))
}

pub(super) fn ints<'a>(values: impl Iterator<Item = &'a usize>) -> Attribute {
    Attribute::Ints(values.map(|value| *value as i64).collect())
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::{Axis, Kind, Signature};
    use super::super::super::testing::{check, check_module, floats, image, pair};
    use burn::Tensor;
    use burn::module::Module;
    use burn::nn::conv::{
        Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2d,
        ConvTranspose2dConfig,
    };
    use burn::nn::{
        BatchNorm, BatchNormConfig, Embedding, EmbeddingConfig, GroupNorm, GroupNormConfig, LayerNorm,
        LayerNormConfig, Linear, LinearConfig, PaddingConfig1d, PaddingConfig2d,
    };
    use burn::tensor::Device;
    use burn::tensor::module::{conv_transpose3d, conv3d};
    use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

    #[derive(Module, Debug)]
    struct Dense {
        plain: Linear,
        biased: Linear,
        norm: LayerNorm,
    }

    #[test]
    fn linear_and_normalisation_agree() {
        let device = Device::default();
        let module = Dense {
            plain: LinearConfig::new(6, 4).with_bias(false).init(&device),
            biased: LinearConfig::new(6, 6).init(&device),
            norm: LayerNormConfig::new(6).init(&device),
        };
        check_module(pair(Kind::F32), &module, |m: &Dense, v| {
            let x = v.float::<3>("x")?;
            floats([
                ("plain", m.plain.forward(x.clone())),
                ("biased", m.biased.forward(x.clone())),
                ("norm", m.norm.forward(x)),
            ])
        });
    }

    #[test]
    fn embedding_agrees() {
        let module = EmbeddingConfig::new(6, 5).init(&Device::default());
        let signature =
            Signature::new("words").input("ids", Kind::I64, [Axis::named("batch"), Axis::named("tokens")]);
        check_module(signature, &module, |m: &Embedding, v| floats([("y", m.forward(v.int("ids")?))]));
    }

    #[derive(Module, Debug)]
    struct Convolutions {
        strided: Conv2d,
        grouped: Conv2d,
        dilated: Conv2d,
        up: ConvTranspose2d,
        batch: BatchNorm,
        group: GroupNorm,
    }

    #[test]
    fn convolution_and_its_normalisations_agree() {
        let device = Device::default();
        let conv = Conv2dConfig::new([4, 6], [3, 3]);
        let module = Convolutions {
            strided: conv
                .clone()
                .with_stride([2, 1])
                .with_padding(PaddingConfig2d::Explicit(1, 0, 2, 1))
                .init(&device),
            grouped: conv.clone().with_groups(2).with_bias(false).init(&device),
            dilated: conv.with_dilation([2, 1]).with_padding(PaddingConfig2d::Same).init(&device),
            up: ConvTranspose2dConfig::new([4, 3], [3, 3])
                .with_stride([2, 2])
                .with_padding([1, 1])
                .with_padding_out([1, 0])
                .init(&device),
            batch: BatchNormConfig::new(4).init(&device),
            group: GroupNormConfig::new(2, 4).init(&device),
        };
        check_module(image(), &module, |m: &Convolutions, v| {
            let x = v.float::<4>("x")?;
            floats([
                ("strided", m.strided.forward(x.clone())),
                ("grouped", m.grouped.forward(x.clone())),
                ("dilated", m.dilated.forward(x.clone())),
                ("up", m.up.forward(x.clone())),
                ("batch", m.batch.forward(x.clone())),
                ("group", m.group.forward(x)),
            ])
        });
    }

    #[derive(Module, Debug)]
    struct Sequences {
        conv: Conv1d,
        up: ConvTranspose1d,
    }

    #[test]
    fn convolution_over_an_axis_of_any_length_agrees() {
        let device = Device::default();
        let module = Sequences {
            conv: Conv1dConfig::new(6, 4, 3)
                .with_padding(PaddingConfig1d::Explicit(1, 1))
                .with_stride(2)
                .init(&device),
            up: ConvTranspose1dConfig::new([6, 4], 3).init(&device),
        };
        check_module(pair(Kind::F32), &module, |m: &Sequences, v| {
            let x = v.float::<3>("x")?.swap_dims(1, 2);
            let halved = m.conv.forward(x.clone());
            let [batch, channels, length] = halved.dims();
            let mut out = floats([("up", m.up.forward(x)), ("halved", halved.clone())])?;
            out.insert_float("flat", halved.reshape([batch * length, channels]));
            Ok(out)
        });
    }

    #[test]
    fn convolution_in_three_dimensions_agrees() {
        check(image(), |v| {
            let x = v.float::<4>("x")?.unsqueeze_dim::<5>(1);
            let weight = Tensor::<5>::full([2, 1, 2, 3, 3], 0.1, &x.device());
            let up = ConvTransposeOptions::new([1, 2, 1], [0, 1, 1], [0, 1, 0], [1, 1, 1], 1);
            floats([
                (
                    "down",
                    conv3d(
                        x.clone(),
                        weight.clone(),
                        None,
                        ConvOptions::new([1, 2, 1], [0, 1, 1], [1, 1, 1], 1),
                    ),
                ),
                ("up", conv_transpose3d(x, weight.swap_dims(0, 1), None, up)),
            ])
        });
    }
}
