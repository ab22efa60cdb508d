//! The steps from a forward pass to a model, in order.

use burn::module::Module;

use super::align::{Aligned, align};
use super::capture::capture;
use super::convolution::Convolutions;
use super::error::Error;
use super::lower::Lowering;
use super::model::Model;
use super::signature::{Axis, AxisSizes, Output, Signature};
use super::size::Seen;
use super::values::Values;
use super::weights::Weights;

/// How a model is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How parameters are stored.
    pub weights: Weights,
    /// No operators of ONNX Runtime's own where standard ones say the same. Products of int8 weights have no standard form that is
    /// as fast; whatever stands between them is plain anyway.
    pub plain: bool,
}

/// Converts the forward pass of a module to ONNX.
///
/// `forward` gets the module on the capture device and the inputs of the signature by name, and gives back the outputs
/// by name. It runs twice, at two sizes of every named axis, and computes nothing; it must not read the content of a
/// tensor and must do the same operations at every size.
///
/// # Errors
///
/// An error of `forward` itself, or the operation and module where the recorded graph can't be expressed in ONNX.
pub fn convert<M: Module>(
    signature: &Signature,
    module: &M,
    options: Options,
    forward: impl Fn(&M, &Values) -> Result<Values, Error>,
) -> Result<Model, Error> {
    convert_with(signature, module, options, Convolutions::Float, forward)
}

/// As [`convert`], with convolutions as they are said to be computed.
///
/// # Errors
///
/// Those of [`convert`], or another number of ranges than the model has values to quantise.
pub fn convert_with<M: Module>(
    signature: &Signature,
    module: &M,
    options: Options,
    convolutions: Convolutions,
    forward: impl Fn(&M, &Values) -> Result<Values, Error>,
) -> Result<Model, Error> {
    let sizes = signature.capture_sizes()?;
    let [first, second] = &sizes;
    let first = capture(signature, module, first, &forward)?;
    let second = capture(signature, module, second, &forward)?;
    let aligned = align(&signature.name, first, second)?;
    check_outputs(signature, &aligned, &sizes)?;
    let mut lowering = Lowering::new(signature, &aligned)?;
    for operation in &aligned.operations {
        lowering.lower(operation)?;
    }
    let (graph, inputs, outputs) = lowering.finish(signature, options, convolutions)?;
    Ok(Model::new(graph, inputs, outputs))
}

/// Holds the recorded sizes of the outputs against the axes that the signature declares.
fn check_outputs(signature: &Signature, aligned: &Aligned, sizes: &[AxisSizes; 2]) -> Result<(), Error> {
    for (output, tensor) in signature.outputs.iter().zip(&aligned.outputs) {
        let shape = &aligned.tensors[*tensor].shape;
        let fits = output.axes.len() == shape.len()
            && output.axes.iter().zip(shape).all(|(axis, seen)| axis_fits(axis, *seen, sizes));
        if !fits {
            return Err(mismatch(signature, output, shape));
        }
    }
    Ok(())
}

fn axis_fits(axis: &Axis, seen: Seen, [first, second]: &[AxisSizes; 2]) -> bool {
    match axis {
        Axis::Fixed(size) => seen == Seen::new(*size, *size),
        Axis::Named { name, .. } => match (first.get(name), second.get(name)) {
            (Some(first), Some(second)) => seen == Seen::new(*first, *second),
            _ => true,
        },
    }
}

fn mismatch(signature: &Signature, output: &Output, shape: &[Seen]) -> Error {
    let found = shape.iter().map(|seen| match seen.fixed() {
        Some(size) => size.to_string(),
        None => format!("{} or {}", seen.first, seen.second),
    });
    let declared = output.axes.iter().map(Axis::to_string);
    Error::OutputAxes {
        graph: signature.name.clone(),
        output: output.name.clone(),
        found: format!("[{}]", found.collect::<Vec<_>>().join(", ")),
        declared: format!("[{}]", declared.collect::<Vec<_>>().join(", ")),
    }
}
