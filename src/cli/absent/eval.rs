//! Stands in for `eval` in a build without it.

pub use super::absent::AbsentArgs as EvalArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: &EvalArgs) -> Result<(), Failure> {
    Err(refuse("eval", "serve"))
}
