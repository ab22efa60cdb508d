//! From the body of a request to a run whose tensors were checked: shapes first, values only once their number is a bounded one.

use axum::http::HeaderMap;

use crate::bundle::{GoldenTensor, TensorEntry, Values};
use crate::http::Problem;
use crate::http::extract::from_json;
use crate::runtime::{Outline, RawGraph, RawRun};

use super::frame::{self, Binary};
use super::request::{InferRequest, InputRequest, OutputRequest};
use super::{Refusal, data, datatype};

/// How the outputs of a run are to be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The request's own id.
    pub id: Option<String>,
    /// Whether it comes as binary data, for each output of the run.
    pub binary: Vec<bool>,
}

/// Reads a request to `graph`.
pub fn read(graph: &RawGraph<'_>, headers: &HeaderMap, body: &[u8]) -> Result<(RawRun, Wanted), Problem> {
    let (text, binary) = frame::split(headers, body)?;
    let request: InferRequest<'_> = from_json(text)?;
    let inputs = tensors(graph, &request.inputs.0, binary)?;
    let by_default = request.parameters.unwrap_or_default().binary_data_output;
    let (names, binary): (Vec<&str>, Vec<bool>) = if request.outputs.0.is_empty() {
        graph.outputs().iter().map(|entry| (entry.name.as_str(), by_default)).unzip()
    } else {
        let outputs = request
            .outputs
            .0
            .iter()
            .map(|output| Ok((output.name.as_str(), wants_binary(output, by_default)?)));
        outputs.collect::<Result<Vec<_>, Refusal>>()?.into_iter().unzip()
    };
    let run = graph.run(inputs, &names).map_err(Refusal::from)?;
    Ok((run, Wanted { id: request.id, binary }))
}

fn tensors(
    graph: &RawGraph<'_>,
    inputs: &[InputRequest<'_>],
    mut binary: Binary<'_>,
) -> Result<Vec<(String, GoldenTensor)>, Refusal> {
    let shapes = inputs.iter().map(shape).collect::<Result<Vec<_>, _>>()?;
    let outlines = inputs.iter().zip(&shapes).map(|(input, shape)| Outline { name: &input.name, shape });
    graph.check(&outlines.collect::<Vec<_>>())?;
    let mut tensors = Vec::with_capacity(inputs.len());
    for (input, shape) in inputs.iter().zip(shapes) {
        let values = values(graph.input(&input.name)?, input, &shape, &mut binary)?;
        let tensor = GoldenTensor::new(shape, values)
            .ok_or_else(|| refuse(input, "has not as many values as its shape says"))?;
        tensors.push((input.name.clone(), tensor));
    }
    binary.finish()?;
    Ok(tensors)
}

fn shape(input: &InputRequest<'_>) -> Result<Vec<usize>, Refusal> {
    let size = |&size| usize::try_from(size).map_err(|_| refuse(input, "has a negative size in its shape"));
    input.shape.0.iter().map(size).collect()
}

/// The values of an input whose shape was checked.
fn values(
    entry: &TensorEntry,
    input: &InputRequest<'_>,
    shape: &[usize],
    binary: &mut Binary<'_>,
) -> Result<Values, Refusal> {
    let expected = datatype(entry.dtype);
    if input.datatype != expected {
        return Err(refuse(input, &format!("has the datatype `{}`, it must be {expected}", input.datatype)));
    }
    let parameters = input.parameters.as_ref();
    if parameters.is_some_and(|parameters| parameters.shared_memory_region.is_some()) {
        return Err(refuse(input, "lies in shared memory, which is not supported: send it in the body"));
    }
    let values = match (input.data, parameters.and_then(|parameters| parameters.binary_data_size)) {
        (Some(data), None) => data::from_json(entry.dtype, data.get(), shape),
        (None, Some(size)) => {
            let needed = shape.iter().product::<usize>() * data::width(entry.dtype);
            if usize::try_from(size) != Ok(needed) {
                let fault = format!("has {size} as its `binary_data_size`, its shape needs {needed} bytes");
                return Err(refuse(input, &fault));
            }
            data::from_bytes(entry.dtype, binary.take(&input.name, needed)?)
        }
        (Some(_), Some(_)) => Err("has both `data` and `binary_data_size`".to_owned()),
        (None, None) => Err("has neither `data` nor a `binary_data_size`".to_owned()),
    };
    values.map_err(|fault| refuse(input, &fault))
}

fn wants_binary(output: &OutputRequest, by_default: bool) -> Result<bool, Refusal> {
    let Some(parameters) = &output.parameters else { return Ok(by_default) };
    let refuse = |what| Err(Refusal::Malformed(format!("output `{}` is wanted {what}", output.name)));
    if parameters.classification.is_some() {
        return refuse("as a classification, which is not supported: take the values");
    }
    if parameters.shared_memory_region.is_some() {
        return refuse("in shared memory, which is not supported: take it from the body");
    }
    Ok(parameters.binary_data.unwrap_or(by_default))
}

fn refuse(input: &InputRequest<'_>, fault: &str) -> Refusal {
    Refusal::Malformed(format!("input `{}` {fault}", input.name))
}
