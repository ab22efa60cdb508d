//! Stands in for `export` in a build without it.

pub use super::absent::AbsentArgs as ExportArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: &ExportArgs) -> Result<(), Failure> {
    Err(refuse("export", "serve,train"))
}
