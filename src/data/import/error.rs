//! Why a corpus cannot be imported.

use std::io;
use std::path::{Path, PathBuf};

use crate::data::StoreError;
use crate::types::Split;

const LEAK: &str = "a picture in two parts is a leak, so import into another folder or, if one is `splits.json`, give --keep-splits";

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`{}` is not laid out as {layout}; give the file as it was published", path.display())]
    Json { path: PathBuf, layout: &'static str, source: serde_json::Error },
    #[error("`{}` is no pickled list of references; give the file as it was published: {reason}", path.display())]
    Pickle { path: PathBuf, reason: String },
    #[error("`{}`:{line}: {reason}; mend the line or take it out", path.display())]
    Line { path: PathBuf, line: usize, reason: String },
    #[error("`{}`: {reason}", path.display())]
    Unfit { path: PathBuf, reason: String },
    #[error("there is no folder `{}`; give folders that hold the corpus' pictures", path.display())]
    NoFolder { path: PathBuf },
    #[error("{}", missing(*.count, *.wanted, names))]
    Pictures { count: usize, wanted: usize, names: Vec<String> },
    #[error("nothing in the files given can be used{}", because(skipped))]
    Nothing { skipped: String },
    #[error("`{}` is no dataset folder and not empty; name a new folder", path.display())]
    NoDataset { path: PathBuf },
    #[error("`{}` is there already; import into another folder, or move the file away", path.display())]
    Exists { path: PathBuf },
    #[error(
        "`{}` is there already and differs from `{}`; import into another folder",
        there.display(),
        given.display()
    )]
    OtherPicture { there: PathBuf, given: PathBuf },
    #[error("`{image}` is in {} by {} and in {} by {}; {LEAK}", first.0, first.1, second.0, second.1)]
    TwoSplits { image: String, first: (Split, String), second: (Split, String) },
    #[error("`{}` does not map train, val and test to lists of pictures", path.display())]
    Splits { path: PathBuf, source: serde_json::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}

fn missing(count: usize, wanted: usize, names: &[String]) -> String {
    let mut text = format!(
        "{count} of {wanted} pictures are missing or damaged, so nothing was imported; name the folders that hold \
         them with --images:"
    );
    for name in names {
        text.push_str("\n  ");
        text.push_str(name);
    }
    if count > names.len() {
        text.push_str(&format!("\n  and {} more", count - names.len()));
    }
    text
}

fn because(skipped: &str) -> String {
    if skipped.is_empty() { String::new() } else { format!("; skipped were\n{skipped}") }
}
