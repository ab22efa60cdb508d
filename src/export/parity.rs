//! Burn against ONNX Runtime: the same inputs at several sizes must give the same outputs.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, TensorData};
use ort::environment::Environment;
use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor};

use super::error::Error;
use super::inputs::{Sizes, random};
use crate::bundle::{GoldenGraph, GoldenTensor, Values};
use crate::model::Graph;
use crate::onnx;

/// Sizes that the check runs at; the first is also the golden batch.
const SIZES: [(usize, usize, usize); 4] = [(2, 5, 9), (1, 1, 3), (3, 16, 14), (8, 11, 23)];
/// With weights stored as f32, and as f16 widened at load.
pub const LIMIT_F32: Limit = Limit::Largest(1e-4);
pub const LIMIT_F16: Limit = Limit::Largest(5e-3);
/// Multiplied as int8. One value may be far off where a coarse step falls, so what counts is how far the output is off as a whole.
pub const LIMIT_INT8: Limit = Limit::Mean(0.1);

/// How far an output may be off.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    Largest(f32),
    Mean(f32),
}

/// How far elements are off; those beyond one relative to their size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    pub largest: f32,
    pub mean: f32,
}

impl Limit {
    /// The difference that it is held against, and what it is.
    fn of(self, difference: Difference) -> (f32, f32, &'static str) {
        match self {
            Self::Largest(limit) => (difference.largest, limit, ""),
            Self::Mean(limit) => (difference.mean, limit, " on average"),
        }
    }
}

/// What a graph is checked with.
pub struct Check<'a> {
    pub name: &'static str,
    pub environment: &'a Environment,
    /// The ONNX file.
    pub bytes: &'a [u8],
    /// Tokens a text may have, and entries of the vocabulary.
    pub tokens: usize,
    pub vocabulary: usize,
    pub limit: Limit,
}

/// The largest differences of any output at any size, and the golden batch: inputs with what ONNX Runtime gives for them.
pub fn check<M: Module>(
    graph: &Graph<M>,
    module: &M,
    check: &Check,
) -> Result<(Difference, GoldenGraph), Error> {
    let failed = |source| Error::Session { graph: check.name, source };
    let mut session = session(check.environment, check.bytes).map_err(failed)?;
    let mut most = Difference::default();
    let mut golden = None;
    for (number, (batch, objects, tokens)) in SIZES.into_iter().enumerate() {
        let sizes = Sizes { batch, objects, tokens: tokens.min(check.tokens), vocabulary: check.vocabulary };
        let inputs = random(&graph.signature, &sizes, number as u64);
        let ours =
            forward(graph, module, &inputs).map_err(|source| Error::Forward { graph: check.name, source })?;
        let theirs = run(&mut session, &graph.signature, &inputs).map_err(failed)?;
        for (output, theirs) in &theirs {
            let mismatch = || Error::Mismatch { graph: check.name, output: output.clone() };
            let ours = ours.data(output).map_err(|_| mismatch())?;
            let difference = difference(&ours, theirs).ok_or_else(mismatch)?;
            let (found, limit, kind) = check.limit.of(difference);
            if found.is_nan() || found > limit {
                let output = output.clone();
                return Err(Error::Parity { graph: check.name, output, difference: found, kind, limit });
            }
            most.largest = most.largest.max(difference.largest);
            most.mean = most.mean.max(difference.mean);
        }
        golden.get_or_insert(GoldenGraph { inputs: inputs.into_iter().collect(), outputs: theirs });
    }
    Ok((most, golden.unwrap_or_default()))
}

/// A session that runs an ONNX file.
pub fn session(environment: &Environment, bytes: &[u8]) -> Result<Session, ort::Error> {
    SessionBuilder::new(environment)?.commit_from_memory(bytes)
}

fn forward<M: Module>(
    graph: &Graph<M>,
    module: &M,
    inputs: &[(String, GoldenTensor)],
) -> Result<onnx::Values, onnx::Error> {
    let device = Device::flex();
    let mut values = onnx::Values::new();
    for (name, input) in inputs {
        let shape = input.shape().to_vec();
        let data = match input.values() {
            Values::F32(values) => TensorData::new(values.clone(), shape),
            Values::I64(values) => TensorData::new(values.clone(), shape),
            Values::U8(values) => TensorData::new(values.clone(), shape),
            Values::Bool(values) => TensorData::new(values.clone(), shape),
        };
        values.insert_data(name, data, &device)?;
    }
    (graph.forward)(module, &values)
}

fn run(
    session: &mut Session,
    signature: &onnx::Signature,
    inputs: &[(String, GoldenTensor)],
) -> Result<BTreeMap<String, GoldenTensor>, ort::Error> {
    let inputs = inputs
        .iter()
        .map(|(name, input)| Ok((name.clone(), value(input)?)))
        .collect::<Result<Vec<(String, SessionInputValue)>, ort::Error>>()?;
    let outputs = session.run(inputs)?;
    signature
        .outputs
        .iter()
        .map(|output| {
            let found = outputs
                .get(&output.name)
                .ok_or_else(|| ort::Error::new(format!("the graph gave no output `{}`", output.name)))?;
            Ok((output.name.clone(), golden(found)?))
        })
        .collect()
}

fn value(input: &GoldenTensor) -> Result<SessionInputValue<'static>, ort::Error> {
    let shape = input.shape().to_vec();
    Ok(match input.values() {
        Values::F32(values) => Tensor::from_array((shape, values.clone()))?.into(),
        Values::I64(values) => Tensor::from_array((shape, values.clone()))?.into(),
        Values::U8(values) => Tensor::from_array((shape, values.clone()))?.into(),
        Values::Bool(values) => Tensor::from_array((shape, values.clone()))?.into(),
    })
}

fn golden(output: &DynValue) -> Result<GoldenTensor, ort::Error> {
    let (shape, values) = match output.try_extract_tensor::<bool>() {
        Ok((shape, values)) => (shape, Values::Bool(values.to_vec())),
        Err(_) => {
            let (shape, values) = output.try_extract_tensor::<f32>()?;
            (shape, Values::F32(values.to_vec()))
        }
    };
    let shape = shape.iter().map(|&size| size as usize).collect();
    GoldenTensor::new(shape, values)
        .ok_or_else(|| ort::Error::new("an output's shape does not fit its values"))
}

/// How far the elements are off, truth values as 0 and 1; none if sizes differ. Elements beyond one are compared relative to their size: a
/// slot without an object has the logit −10⁴.
fn difference(ours: &TensorData, theirs: &GoldenTensor) -> Option<Difference> {
    if ours.shape().as_slice() != theirs.shape() {
        return None;
    }
    let ours = ours.iter::<f32>();
    let theirs: Vec<f32> = match theirs.values() {
        Values::F32(values) => values.clone(),
        Values::Bool(values) => values.iter().map(|&value| f32::from(u8::from(value))).collect(),
        Values::I64(_) | Values::U8(_) => return None,
    };
    let scaled = |(ours, theirs): (f32, f32)| (ours - theirs).abs() / ours.abs().max(1.0);
    let scaled: Vec<f32> = ours.zip(theirs).map(scaled).collect();
    // What is not a number stays in both, so that no limit lets it pass.
    let largest = scaled.iter().fold(0.0, |most: f32, &d| if d > most || d.is_nan() { d } else { most });
    Some(Difference { largest, mean: scaled.iter().sum::<f32>() / scaled.len().max(1) as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(ours: [f32; 4], theirs: [f32; 4]) -> Option<Difference> {
        let theirs = GoldenTensor::new(vec![4], Values::F32(theirs.to_vec())).unwrap();
        difference(&TensorData::new(ours.to_vec(), [4]), &theirs)
    }

    #[test]
    fn differences_beyond_one_count_by_size_and_what_is_no_number_passes_no_limit() {
        let found = apart([0.0, -1e4, 1.0, 2.0], [0.1, -1.1e4, 1.0, 2.4]).unwrap();
        assert!((found.largest - 0.2).abs() < 1e-6 && (found.mean - 0.1).abs() < 1e-6, "{found:?}");
        let broken = apart([0.0; 4], [0.0, f32::NAN, 9.0, 0.0]).unwrap();
        assert!(broken.largest.is_nan() && broken.mean.is_nan());
        let other = GoldenTensor::new(vec![2, 2], Values::F32(vec![0.0; 4])).unwrap();
        assert_eq!(difference(&TensorData::new(vec![0.0f32; 4], [4]), &other), None);
    }
}
