//! Stands in for `key` in a build without it.

pub use super::absent::AbsentArgs as KeyArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: &KeyArgs) -> Result<(), Failure> {
    Err(refuse("key", "serve"))
}
