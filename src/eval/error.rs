//! What can go wrong while figures are computed.

use std::io;
use std::path::PathBuf;

use crate::input::PictureError;
use crate::{chart, runtime};

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the answers can't be written as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("`{}` can't be decoded", path.display())]
    Decode { path: PathBuf, source: PictureError },
    #[error("`{}` can't be scaled down for the report", path.display())]
    Jpeg { path: PathBuf, source: image::ImageError },
    #[error(transparent)]
    Chart(#[from] chart::Error),
    #[error("the engine's threads can't be started")]
    Threads(#[source] io::Error),
    /// The engine didn't answer.
    #[error(transparent)]
    Engine(#[from] runtime::Error),
    #[error("{url} can't be reached")]
    Unreachable { url: String, source: Box<ureq::Error> },
    #[error("{url} answered {status}: {body}")]
    Refused { url: String, status: u16, body: String },
    #[error("{url} answered what is no answer of cmal")]
    Odd { url: String, source: serde_json::Error },
    #[error("{url} gave {found} answers to {asked} texts")]
    Miscounted { url: String, found: usize, asked: usize },
    /// Something failed about one picture.
    #[error("`{picture}` can't be evaluated")]
    Picture { picture: String, source: Box<Error> },
    #[error("the dataset has nothing to evaluate in the part asked for")]
    Nothing,
    #[error(
        "the question `{question}` about `{picture}` has no id for a submission: import the corpus anew, as `cmal import vqa-v2` does"
    )]
    NoQuestionId { picture: String, question: String },
    #[error(
        "two questions have the id {id}, and a submission answers each id once: remove one from vqa.jsonl"
    )]
    QuestionTwice { id: i64 },
    #[error("the dataset has no questions to submit answers to in the part asked for")]
    NoQuestions,
    #[error("a thread of the evaluation panicked")]
    Panicked,
}

impl Error {
    /// For `map_err` on what writes a file.
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}
