//! What the commands have in common that this build was made without.

use std::ffi::OsString;

use clap::Args;

use super::exit::Failure;

/// This build was made without this command
#[derive(Args, Clone, Debug)]
pub struct AbsentArgs {
    /// Taken and not looked at, so that the answer is what is missing and not which option is unknown.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _given: Vec<OsString>,
}

/// Says what to rebuild with.
pub fn refuse(command: &str, features: &str) -> Failure {
    Failure::usage(format!(
        "this build has no `{command}`: build cmal again with `cargo build --release --features {features}`"
    ))
}
