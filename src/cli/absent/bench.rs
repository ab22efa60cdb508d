//! Stands in for `bench` in a build without it.

pub use super::absent::AbsentArgs as BenchArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: &BenchArgs) -> Result<(), Failure> {
    Err(refuse("bench", "serve"))
}
