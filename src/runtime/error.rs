//! What can go wrong with one call, and what can go wrong when a bundle is started.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::input::{PictureError, TextError, TokenizerError};
use crate::metrics::{Metrics, Rejection};

use super::graph::Failed;
use super::queue::Refused;

/// Why a call has no answer. Cheap to clone: one failed batch answers every caller in it with the same cause.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// More work is waiting than the settings allow.
    #[error("the engine has more work waiting than it accepts: try again in {} s", retry_after.as_secs_f32().ceil())]
    Overloaded {
        /// Time in which the waiting work should be done.
        retry_after: Duration,
    },
    /// The call's deadline passed before its answer was there.
    #[error("the deadline of the request passed before its answer was ready")]
    Expired,
    /// The engine no longer accepts calls.
    #[error("the engine is shutting down")]
    Draining,
    /// The picture can't be used; nothing is wrong with the engine.
    #[error(transparent)]
    Picture(Arc<PictureError>),
    /// The text can't be used; nothing is wrong with the engine.
    #[error(transparent)]
    Text(Arc<TextError>),
    /// ONNX Runtime failed on the batch that this call was in.
    #[error("graph `{graph}` failed on a batch")]
    Graph {
        graph: &'static str,
        #[source]
        source: Arc<ort::Error>,
    },
    /// The thread that worked on the call ended before it answered.
    #[error("the thread computing `{stage}` ended before it answered")]
    Interrupted { stage: &'static str },
}

impl Error {
    /// The answer to a call that a queue didn't take.
    pub(super) fn refused(
        refused: Refused,
        metrics: &Metrics,
        retry_after: impl FnOnce() -> Duration,
    ) -> Self {
        match refused {
            Refused::Full => {
                metrics.reject(Rejection::Overloaded);
                Self::Overloaded { retry_after: retry_after() }
            }
            Refused::Closed => {
                metrics.reject(Rejection::Draining);
                Self::Draining
            }
        }
    }
}

impl From<PictureError> for Error {
    fn from(source: PictureError) -> Self {
        Self::Picture(Arc::new(source))
    }
}

impl From<TextError> for Error {
    fn from(source: TextError) -> Self {
        Self::Text(Arc::new(source))
    }
}

/// Why a bundle can't be run here.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Library(#[from] LibraryError),
    #[error("ONNX Runtime can't load graph `{graph}` from {path}: {source}", path = path.display())]
    Load { graph: &'static str, path: PathBuf, source: ort::Error },
    #[error("graph `{graph}` doesn't fit its manifest: {reason}")]
    Signature { graph: &'static str, reason: String },
    #[error(transparent)]
    Bundle(#[from] crate::bundle::Error),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error("graph `{graph}` fails on a batch of its own sizes: {source}")]
    Run { graph: &'static str, source: ort::Error },
    #[error("the bundle's golden values lack graph `{graph}`")]
    NoGolden { graph: &'static str },
    #[error(
        "graph `{graph}` gives other values than its exporter recorded: output `{tensor}` differs by {difference}, {bound} is allowed"
    )]
    Golden { graph: &'static str, tensor: String, difference: f32, bound: f32 },
    #[error("the bundle in {folder} is not the one that was opened any more: it was replaced in the meantime", folder = folder.display())]
    Replaced { folder: PathBuf },
    #[error("an engine thread can't be started: {0}")]
    Thread(#[source] std::io::Error),
    #[error("an executor ended while it was starting")]
    Interrupted,
}

impl From<Failed> for Error {
    fn from(Failed { graph, source }: Failed) -> Self {
        Self::Graph { graph, source: Arc::new(source) }
    }
}

impl From<Failed> for StartError {
    fn from(Failed { graph, source }: Failed) -> Self {
        Self::Run { graph, source }
    }
}

/// Why ONNX Runtime can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    #[error(
        "no ONNX Runtime library found (looked for {}): run `make onnxruntime`, or name the file in CMAL_ONNXRUNTIME",
        listed(looked)
    )]
    Missing { looked: Vec<PathBuf> },
    #[error("{path} can't be read: {source}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not an ONNX Runtime library for this machine: {reason}", path = path.display())]
    NotOnnxRuntime { path: PathBuf, reason: String },
    #[error(
        "{path} is ONNX Runtime {found}, cmal needs {needed} or a later one of the same major version: run `make onnxruntime`, or name another file in CMAL_ONNXRUNTIME",
        path = path.display()
    )]
    TooOld { path: PathBuf, found: String, needed: String },
    #[error("{path} can't be loaded: {reason}", path = path.display())]
    Load { path: PathBuf, reason: String },
    #[error("ONNX Runtime from {path} can't be initialised: {source}", path = path.display())]
    Environment { path: PathBuf, source: ort::Error },
    #[error(
        "ONNX Runtime is already loaded from {loaded}, {path} can't be loaded beside it",
        loaded = loaded.display(),
        path = path.display()
    )]
    Other { path: PathBuf, loaded: PathBuf },
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
