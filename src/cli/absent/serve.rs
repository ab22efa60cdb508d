//! Stands in for `serve` in a build without it.

pub use super::absent::AbsentArgs as ServeArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: ServeArgs) -> Result<(), Failure> {
    Err(refuse("serve", "serve"))
}
