//! Stands in for `ask` in a build without it.

pub use super::absent::AbsentArgs as AskArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: &AskArgs) -> Result<(), Failure> {
    Err(refuse("ask", "serve"))
}
