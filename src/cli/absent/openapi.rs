//! Stands in for `openapi` in a build without it.

use super::absent::refuse;
use super::exit::Failure;

pub fn run() -> Result<(), Failure> {
    Err(refuse("openapi", "serve"))
}
