//! `cmal key`: a key for a client of the server.

use clap::Args;

use crate::http::NewKey;

use super::exit::Failure;
use super::output::{complain, print};

/// Make an API key
///
/// The line for the file of `cmal serve --api-keys` goes to the standard output, the key itself to the standard error, this once:
/// `cmal key shop >> api-keys`. The file holds the key's SHA-256 only.
#[derive(Args, Clone, Debug)]
pub(super) struct KeyArgs {
    /// Who gets the key, as the log will call them: 1 to 64 letters, digits and `-_.@`
    #[arg(value_name = "NAME")]
    name: String,
}

/// Prints a key and its line.
pub(super) fn run(args: &KeyArgs) -> Result<(), Failure> {
    let made = NewKey::make(&args.name).map_err(Failure::usage)?;
    print(&format!("{}\n", made.line))?;
    complain(&made.key);
    Ok(())
}
