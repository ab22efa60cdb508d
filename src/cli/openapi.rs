//! `cmal openapi`: the contract on the standard output.

use super::exit::Failure;
use super::output::print;

/// Prints the contract of the HTTP API as YAML.
pub(super) fn run() -> Result<(), Failure> {
    print(crate::http::contract_yaml())
}
