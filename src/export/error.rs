//! Why a bundle is not written.

use std::path::PathBuf;

use crate::{bundle, eval, onnx, runtime, train};

/// Why a run was not exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no model to export")]
    Source(#[from] train::Error),
    #[error("graph `{graph}` cannot be written as ONNX")]
    Convert { graph: &'static str, source: onnx::Error },
    #[error("graph `{graph}` could not be run for the parity check")]
    Forward { graph: &'static str, source: onnx::Error },
    #[error("the parity check needs ONNX Runtime")]
    Library(#[from] runtime::LibraryError),
    #[error("ONNX Runtime cannot run graph `{graph}`")]
    Session { graph: &'static str, source: ort::Error },
    #[error(
        "graph `{graph}` gives `{output}` in ONNX Runtime {difference:.2e} away from burn{kind}, more than {limit:.0e}; --weights f32 without --calibrate brings the two nearest"
    )]
    Parity { graph: &'static str, output: String, difference: f32, kind: &'static str, limit: f32 },
    #[error(
        "`{output}` of graph `{graph}` has another type or size in ONNX Runtime than in burn; no bundle was written"
    )]
    Mismatch { graph: &'static str, output: String },
    #[error(
        "`{tensor}` of graph `{graph}` has a type that a bundle cannot name: it knows f32, i64, u8 and bool"
    )]
    Tensor { graph: &'static str, tensor: String },
    #[error(
        "the forms cannot be compared: the pictures have no question, hypothesis or expression to ask about; choose others with --split, or another folder"
    )]
    NothingToAsk,
    #[error("the forms cannot be compared")]
    Evaluation(#[from] eval::Error),
    #[error("the form `{form}` cannot be run to compare it")]
    Start { form: String, source: runtime::StartError },
    #[error("the form `{form}` does not answer")]
    Answer { form: String, source: runtime::Error },
    #[error("the bundle cannot be written")]
    Bundle(#[from] bundle::Error),
    #[error("`{}` is not what `cmal eval --json` prints", path.display())]
    Metrics { path: PathBuf, source: serde_json::Error },
    #[error("`{}` is no picture to calibrate with", path.display())]
    Picture { path: PathBuf, source: Box<train::Error> },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
}
