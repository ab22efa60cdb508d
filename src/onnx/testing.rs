//! For tests: a forward pass on burn and, converted, on ONNX Runtime, with the same values at several sizes.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Bool, Device, Int, TensorData};
use ort::ep;
use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType};

use super::convert::{Options, convert};
use super::error::Error;
use super::model::Model;
use super::signature::{Axis, Input, Kind, Signature};
use super::values::Values;
use super::weights::Weights;
use crate::runtime::library;

/// A module without parameters, for operations alone.
#[derive(Module, Debug)]
pub(crate) struct Bare {}

/// What ONNX Runtime gave for one output.
pub(crate) struct Found {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// Float outputs of one rank.
pub(crate) fn floats<const D: usize, const N: usize>(named: [(&str, Tensor<D>); N]) -> Result<Values, Error> {
    let mut values = Values::new();
    named.into_iter().for_each(|(name, tensor)| values.insert_float(name, tensor));
    Ok(values)
}

/// Integer outputs of one rank.
pub(crate) fn ints<const D: usize, const N: usize>(
    named: [(&str, Tensor<D, Int>); N],
) -> Result<Values, Error> {
    let mut values = Values::new();
    named.into_iter().for_each(|(name, tensor)| values.insert_int(name, tensor));
    Ok(values)
}

/// Bool outputs of one rank.
pub(crate) fn bools<const D: usize, const N: usize>(
    named: [(&str, Tensor<D, Bool>); N],
) -> Result<Values, Error> {
    let mut values = Values::new();
    named.into_iter().for_each(|(name, tensor)| values.insert_bool(name, tensor));
    Ok(values)
}

/// A signature with inputs `x` and `y` of the given kind and axes `batch`, `tokens` and 6.
pub(crate) fn pair(kind: Kind) -> Signature {
    let axes = [Axis::named("batch"), Axis::named("tokens"), Axis::fixed(6)];
    Signature::new("pair").input("x", kind, axes.clone()).input("y", kind, axes)
}

/// A signature with an image `x` of four channels, 12 by 8, any number at a time.
pub(crate) fn image() -> Signature {
    let axes = [Axis::named("batch"), Axis::fixed(4), Axis::fixed(12), Axis::fixed(8)];
    Signature::new("image").input("x", Kind::F32, axes)
}

/// Checks that operations without parameters agree; see [`check_module`].
pub(crate) fn check(signature: Signature, forward: impl Fn(&Values) -> Result<Values, Error>) -> Model {
    check_module(signature, &Bare {}, |_, values| forward(values))
}

/// Converts a forward pass and checks that both runtimes agree within 1e-5 at two sizes of every named axis, neither of
/// them a size of capture. Outputs are those that the forward pass gives.
pub(crate) fn check_module<M: Module>(
    signature: Signature,
    module: &M,
    forward: impl Fn(&M, &Values) -> Result<Values, Error>,
) -> Model {
    check_as(Options::default(), 1e-5, signature, module, forward)
}

/// As [`check_module`], with f16 weights and the tolerance that goes with them.
pub(crate) fn check_narrow<M: Module>(
    signature: Signature,
    module: &M,
    forward: impl Fn(&M, &Values) -> Result<Values, Error>,
) -> Model {
    check_as(Options { weights: Weights::F16, ..Options::default() }, 5e-3, signature, module, forward)
}

/// As [`check_module`], in another form and with the tolerance that goes with it.
pub(crate) fn check_as<M: Module>(
    options: Options,
    tolerance: f64,
    mut signature: Signature,
    module: &M,
    forward: impl Fn(&M, &Values) -> Result<Values, Error>,
) -> Model {
    let runs = [runs(&signature, 2, 1), runs(&signature, 8, 3)];
    if signature.outputs.is_empty() {
        let results = forward(module, &inputs(&signature, &runs[0], 1)).unwrap();
        for name in results.names().map(str::to_owned).collect::<Vec<_>>() {
            let rank = results.data(&name).unwrap().rank();
            let axes: Vec<Axis> = (0..rank).map(|axis| Axis::named(format!("{name}_{axis}"))).collect();
            signature = signature.output(name, axes);
        }
    }
    let model = convert(&signature, module, options, &forward).unwrap();
    let mut session = session(&model);
    for (seed, sizes) in runs.iter().enumerate() {
        let inputs = inputs(&signature, sizes, seed as u64 + 1);
        let expected = forward(module, &inputs).unwrap();
        let found = run(&mut session, &signature, &inputs);
        for output in &signature.outputs {
            let data = expected.data(&output.name).unwrap();
            let found = &found[&output.name];
            assert_eq!(found.shape, data.shape().to_vec(), "shape of `{}` at {sizes:?}", output.name);
            let values: Vec<f64> = data.iter::<f64>().collect();
            let worst = values.iter().zip(&found.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let same_nan = values.iter().zip(&found.values).all(|(a, b)| a.is_nan() == b.is_nan());
            assert!(
                worst <= tolerance && same_nan,
                "`{}` differs by {worst} at {sizes:?}:\nburn {:?}\nonnx {:?}",
                output.name,
                &values[..values.len().min(12)],
                &found.values[..values.len().min(12)]
            );
        }
    }
    model
}

/// Sizes for every named axis, `start`, `start + step` and so on, within the axes' limits.
fn runs(signature: &Signature, start: usize, step: usize) -> BTreeMap<String, usize> {
    let mut sizes = BTreeMap::new();
    for axis in signature.inputs.iter().flat_map(|input| &input.axes) {
        if let Axis::Named { name, at_most } = axis {
            let next = (start + step * sizes.len()).min(at_most.unwrap_or(usize::MAX));
            sizes.entry(name.clone()).or_insert(next);
        }
    }
    sizes
}

/// Repeatable values: floats in -1..1, integers in 0..6, bytes, and truth values.
pub(crate) fn inputs(signature: &Signature, sizes: &BTreeMap<String, usize>, seed: u64) -> Values {
    let device = Device::default();
    let mut values = Values::new();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 32
    };
    for Input { name, kind, axes } in &signature.inputs {
        let shape: Vec<usize> = axes
            .iter()
            .map(|axis| match axis {
                Axis::Fixed(size) => *size,
                Axis::Named { name, .. } => sizes[name],
            })
            .collect();
        let count = shape.iter().product();
        let mut numbers = std::iter::repeat_with(&mut random).take(count);
        let data = match kind {
            Kind::F32 => TensorData::new(numbers.map(|n| n as f32 / 2f32.powi(31) - 1.0).collect(), shape),
            Kind::I64 => TensorData::new(numbers.map(|n| (n % 6) as i64).collect(), shape),
            Kind::I32 => TensorData::new(numbers.map(|n| (n % 6) as i32).collect(), shape),
            Kind::U8 => TensorData::new(numbers.map(|n| (n % 256) as u8).collect(), shape),
            Kind::Bool => TensorData::new(numbers.by_ref().map(|n| n % 3 != 0).collect(), shape),
        };
        values.insert_data(name, data, &device).unwrap();
    }
    values
}

/// A session on the CPU.
pub(crate) fn session(model: &Model) -> Session {
    let environment = library::load(None).unwrap();
    let builder = SessionBuilder::new(&environment).unwrap();
    let mut builder = builder.with_execution_providers([ep::CPU::default().build()]).unwrap();
    builder.commit_from_memory(&model.to_bytes()).unwrap()
}

/// Runs a session with the given inputs.
pub(crate) fn run(session: &mut Session, signature: &Signature, inputs: &Values) -> BTreeMap<String, Found> {
    let feed: Vec<(String, SessionInputValue)> = signature
        .inputs
        .iter()
        .map(|input| {
            let data = inputs.data(&input.name).unwrap();
            let shape = data.shape().to_vec();
            let value: DynValue = match input.kind {
                Kind::F32 => {
                    OrtTensor::from_array((shape, data.iter::<f32>().collect::<Vec<_>>())).unwrap().into_dyn()
                }
                Kind::I64 => {
                    OrtTensor::from_array((shape, data.iter::<i64>().collect::<Vec<_>>())).unwrap().into_dyn()
                }
                Kind::I32 => {
                    OrtTensor::from_array((shape, data.iter::<i32>().collect::<Vec<_>>())).unwrap().into_dyn()
                }
                Kind::U8 => {
                    OrtTensor::from_array((shape, data.iter::<u8>().collect::<Vec<_>>())).unwrap().into_dyn()
                }
                Kind::Bool => OrtTensor::from_array((shape, data.iter::<bool>().collect::<Vec<_>>()))
                    .unwrap()
                    .into_dyn(),
            };
            (input.name.clone(), value.into())
        })
        .collect();
    let outputs = session.run(feed).unwrap();
    signature
        .outputs
        .iter()
        .map(|output| (output.name.clone(), extract(&outputs[output.name.as_str()])))
        .collect()
}

fn extract(value: &DynValue) -> Found {
    macro_rules! read {
        ($T:ty, $convert:expr) => {{
            let (shape, values) = value.try_extract_tensor::<$T>().unwrap();
            let convert: fn(&$T) -> f64 = $convert;
            Found {
                shape: shape.iter().map(|size| *size as usize).collect(),
                values: values.iter().map(convert).collect(),
            }
        }};
    }
    match value.dtype().tensor_type().unwrap() {
        TensorElementType::Float32 => read!(f32, |v| f64::from(*v)),
        TensorElementType::Int64 => read!(i64, |v| *v as f64),
        TensorElementType::Int32 => read!(i32, |v| f64::from(*v)),
        TensorElementType::Uint8 => read!(u8, |v| f64::from(*v)),
        TensorElementType::Bool => read!(bool, |v| f64::from(u8::from(*v))),
        other => panic!("no test reads {other:?}"),
    }
}
