//! Stands in for `health` in a build without it.

pub use super::absent::AbsentArgs as HealthArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: &HealthArgs) -> Result<(), Failure> {
    Err(refuse("health", "serve"))
}
