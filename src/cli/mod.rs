//! The command line: one command, one file; this one picks which.

#[cfg(not(all(feature = "serve", feature = "train")))]
mod absent;
#[cfg_attr(not(feature = "serve"), path = "absent/ask.rs")]
mod ask;
#[cfg_attr(not(feature = "serve"), path = "absent/bench.rs")]
mod bench;
#[cfg(feature = "serve")]
mod engine_args;
#[cfg_attr(not(feature = "serve"), path = "absent/eval.rs")]
mod eval;
mod exit;
#[cfg_attr(not(all(feature = "serve", feature = "train")), path = "absent/export.rs")]
mod export;
#[cfg_attr(not(feature = "serve"), path = "absent/health.rs")]
mod health;
mod import;
#[cfg_attr(not(feature = "serve"), path = "absent/key.rs")]
mod key;
mod log;
#[cfg_attr(not(feature = "serve"), path = "absent/openapi.rs")]
mod openapi;
mod output;
#[cfg(feature = "serve")]
mod pictures;
mod progress;
#[cfg_attr(not(feature = "serve"), path = "absent/serve.rs")]
mod serve;
#[cfg(all(test, feature = "serve"))]
mod settings_table;
#[cfg_attr(not(feature = "train"), path = "absent/train.rs")]
mod train;
mod world;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Failure;
pub use progress::Progress;

/// Train, export and serve CMAL, a vision-language model that learns by cross-modal association.
#[derive(Debug, Parser)]
#[command(name = "cmal", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    log: log::LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    World(world::WorldArgs),
    Import(import::ImportArgs),
    Train(train::TrainArgs),
    Export(export::ExportArgs),
    Eval(eval::EvalArgs),
    Ask(ask::AskArgs),
    Serve(Box<serve::ServeArgs>),
    Health(health::HealthArgs),
    Key(key::KeyArgs),
    Bench(bench::BenchArgs),
    /// Print the contract of the HTTP API as OpenAPI in YAML
    Openapi,
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::World(args) => world::run(&args),
            Self::Import(args) => import::run(&args),
            Self::Train(args) => train::run(&args),
            Self::Export(args) => export::run(&args),
            Self::Eval(args) => eval::run(&args),
            Self::Ask(args) => ask::run(&args),
            Self::Serve(args) => serve::run(*args),
            Self::Health(args) => health::run(&args),
            Self::Key(args) => key::run(&args),
            Self::Bench(args) => bench::run(&args),
            Self::Openapi => openapi::run(),
        }
    }
}

/// Parses the arguments, the first of which is the program, and runs their command. The exit code is 0, 1 for a failure or 2 for
/// wrong usage; what went wrong stands on the standard error.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        // Help and version come this way too, with code 0. That nobody reads them any more is no failure.
        Err(answer) => {
            let _ = answer.print();
            return u8::try_from(answer.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    match cli.log.start().and_then(|()| cli.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&format!("cmal: {failure}"));
            failure.code()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_a_success_and_an_unknown_command_is_wrong_usage() {
        let code = |args: &[&str]| format!("{:?}", main(args.iter().map(OsString::from)));
        assert_eq!(code(&["cmal", "--version"]), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(&["cmal", "juggle"]), format!("{:?}", ExitCode::from(2)));
    }
}
