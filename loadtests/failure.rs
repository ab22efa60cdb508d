//! Why the tool gave up, as one sentence: exit code 2 for wrong usage, 1 for everything else.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Run(String),
}

impl Failure {
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    pub fn run(sentence: impl Into<String>) -> Self {
        Self::Run(sentence.into())
    }

    /// A file or folder that could not be read or written.
    pub fn file(what: &str, path: &Path, error: &impl Display) -> Self {
        Self::Run(format!("can't {what} {}: {error}", path.display()))
    }

    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Run(_) => 1,
        })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Run(error.to_string())
    }
}
