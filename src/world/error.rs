//! What can go wrong when a world is written.

use std::io;
use std::path::{Path, PathBuf};

/// Why no dataset folder was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} is not empty: name a new or an empty folder for the world", path.display())]
    NotEmpty { path: PathBuf },
    #[error("can't write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("can't encode the picture {}: {source}", path.display())]
    Encode { path: PathBuf, source: image::ImageError },
    #[error("can't encode a line of {}: {source}", path.display())]
    Line { path: PathBuf, source: serde_json::Error },
}

impl Error {
    /// For `map_err`: an I/O error at a path.
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}
