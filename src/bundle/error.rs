//! What can be wrong with a bundle.

use std::io;
use std::path::PathBuf;

use super::names;

/// Why a bundle cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` is no bundle: it has no {}", folder.display(), names::MANIFEST)]
    NoManifest { folder: PathBuf },
    #[error("`{}` is not a valid manifest", path.display())]
    Manifest { path: PathBuf, source: serde_json::Error },
    #[error("`{}` is a bundle of format {found} and this cmal reads format {}: use the cmal that made it, or export it again", folder.display(), names::FORMAT)]
    Format { folder: PathBuf, found: u32 },
    #[error("the manifest of `{}` has no graph `{graph}`: export or fetch the bundle again", folder.display())]
    NoGraph { folder: PathBuf, graph: &'static str },
    #[error("the graph `{graph}` of `{}` does not fit this cmal: {fault}", folder.display())]
    Signature { folder: PathBuf, graph: &'static str, fault: String },
    #[error("the manifest of `{}` names the file `{file}`, which is not a plain file name", folder.display())]
    FileName { folder: PathBuf, file: String },
    #[error("`{}` is missing: export or fetch the bundle again", path.display())]
    Missing { path: PathBuf },
    #[error("`{}` does not have the sha256 the manifest states: the file was damaged or replaced; export or fetch the bundle again", path.display())]
    Digest { path: PathBuf },
    #[error("the manifest of `{}` states a temperature of {temperature}, by which no logit can be divided: export the bundle again", folder.display())]
    Temperature { folder: PathBuf, temperature: f32 },
    #[error("the manifest of `{}` allows golden values to differ by {tolerance}, which proves nothing: export the bundle again", folder.display())]
    Tolerance { folder: PathBuf, tolerance: f32 },
    #[error("the golden values `{}` cannot be read: {fault}", path.display())]
    Golden { path: PathBuf, fault: String },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the bundle to write as `{}` lacks the file `{file}` that its manifest names", folder.display())]
    NotGiven { folder: PathBuf, file: String },
    #[error("`{}` exists and is no bundle: it is left alone; choose another folder", folder.display())]
    Occupied { folder: PathBuf },
}
