//! `load`: puts a server of cmal's HTTP API under load, see `README.md` beside this file.

mod answer;
mod args;
mod arrivals;
mod client;
mod commands;
mod compare;
mod failure;
mod figures;
mod knee;
mod load;
mod mark;
mod observe;
mod output;
mod pace;
mod pictures;
mod plot;
mod probe;
mod process;
mod report;
mod request;
mod scenario;
mod show;
mod stop;
mod summary;
mod texts;
mod timing;

#[cfg(test)]
mod stalled;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

use args::{Cli, Command};
use failure::Failure;
use stop::Stop;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("load: {failure}");
            failure.code()
        }
    }
}

/// On one thread: the client should take no more of the processors than it needs.
fn run(command: &Command) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = Stop::new();
        stop.at_interrupt();
        match command {
            Command::Run(args) => commands::run(args, stop).await,
            Command::Sweep(args) => commands::sweep(args, stop).await,
            Command::Overload(args) => commands::overload(args, stop).await,
            Command::Compare(args) => compare::run(args).await,
            Command::Report(args) => report::run(args, stop).await,
        }
    })
}
