//! What the values inside the detector lie between, seen on pictures.

use std::path::PathBuf;

use ort::environment::Environment;
use ort::session::Session;
use ort::value::Tensor;

use super::error::Error;
use super::parity::session;
use super::source::Source;
use crate::bundle::names::{graph, tensor};
use crate::model;
use crate::onnx::{self, Convolutions, Range};
use crate::train;

/// Pictures that are looked at together.
const BATCH: usize = 16;

/// The range of every value that the detector's convolutions in integers quantise, on all the pictures together; none without pictures.
pub(super) fn calibrate(
    environment: &Environment,
    source: &Source,
    pictures: &[PathBuf],
) -> Result<Vec<Range>, Error> {
    if pictures.is_empty() {
        return Ok(Vec::new());
    }
    let objects = model::objects(&source.dims, &source.lexicon.vocabulary());
    let observed = onnx::convert_with(
        &objects.signature,
        &source.detector,
        onnx::Options::default(),
        Convolutions::Observed,
        objects.forward,
    )
    .map_err(|source| Error::Convert { graph: graph::OBJECTS, source })?;
    let failed = |source| Error::Session { graph: graph::OBJECTS, source };
    let mut session = session(environment, &observed.to_bytes()).map_err(failed)?;
    let mut all: Vec<Range> = Vec::new();
    for batch in pictures.chunks(BATCH) {
        let shape = [batch.len(), source.dims.side, source.dims.side, 3];
        let found = observe(&mut session, shape, pixels(batch, source)?).map_err(failed)?;
        if all.is_empty() {
            all = found;
        } else {
            all.iter_mut().zip(found).for_each(|(all, found)| all.widen(found));
        }
    }
    Ok(all)
}

/// The pictures as the model sees them, one after the other.
fn pixels(pictures: &[PathBuf], source: &Source) -> Result<Vec<u8>, Error> {
    let squares = pictures.iter().map(|path| {
        train::square(path, source.dims.side, source.padding)
            .map_err(|source| Error::Picture { path: path.clone(), source: source.into() })
    });
    Ok(squares.collect::<Result<Vec<_>, Error>>()?.concat())
}

fn observe(session: &mut Session, shape: [usize; 4], pixels: Vec<u8>) -> Result<Vec<Range>, ort::Error> {
    let pixels = Tensor::from_array((shape, pixels))?;
    let outputs = session.run(ort::inputs![tensor::PIXELS => pixels])?;
    let [least, largest] = onnx::RANGES;
    let (_, least) = outputs[least].try_extract_tensor::<f32>()?;
    let (_, largest) = outputs[largest].try_extract_tensor::<f32>()?;
    Ok(least.iter().zip(largest).map(|(&least, &largest)| Range { least, largest }).collect())
}
