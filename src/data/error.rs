//! What can be wrong with a dataset folder.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Name of the file in the dataset folder.
    pub file: &'static str,
    /// From 1; none in a file that is not made of lines.
    pub line: Option<usize>,
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// Why a dataset folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no dataset folder `{}`", folder.display())]
    NoFolder { folder: PathBuf },
    #[error("`{}` is no dataset folder: it holds none of {files}", folder.display())]
    NoFiles { folder: PathBuf, files: String },
    #[error("the dataset `{}` has no usable line", folder.display())]
    NoRecords { folder: PathBuf },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` does not map train, val and test to lists of pictures", path.display())]
    Splits { path: PathBuf, source: serde_json::Error },
    #[error("{}", list(folder, lines))]
    BadLines { folder: PathBuf, lines: Vec<BadLine> },
}

fn list(folder: &Path, lines: &[BadLine]) -> String {
    let count = if lines.len() == 1 { "1 line".to_owned() } else { format!("{} lines", lines.len()) };
    let listed: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    format!(
        "the dataset `{}` has {count} that cannot be used; mend them, or leave them out with --skip-bad:{listed}",
        folder.display()
    )
}
