//! What is logged, and how: lines for people or JSON, on the standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::exit::Failure;

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub(super) struct LogArgs {
    /// What is logged, such as `warn` or `cmal=debug,warn` [default: info,ort=warn]
    #[arg(long, env = "CMAL_LOG", value_name = "FILTER", global = true)]
    log: Option<String>,
    /// How it is written to the standard error [default: text]
    #[arg(long, env = "CMAL_LOG_FORMAT", value_name = "FORMAT", value_enum, global = true)]
    log_format: Option<LogFormat>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    #[default]
    Text,
    Json,
}

impl LogArgs {
    /// Starts the log of this process; call it once, before anything is logged.
    pub fn start(&self) -> Result<(), Failure> {
        let filter = self.filter()?;
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
        let log = log.with_ansi(io::stderr().is_terminal());
        let started = match self.log_format.unwrap_or_default() {
            LogFormat::Text => log.try_init(),
            LogFormat::Json => log.json().try_init(),
        };
        started.map_err(Failure::run)
    }

    fn filter(&self) -> Result<EnvFilter, Failure> {
        let text = self.log.as_deref().unwrap_or("info,ort=warn");
        EnvFilter::try_new(text)
            .map_err(|error| Failure::usage(format!("--log `{text}` is no filter: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_makes_no_sense_is_told() {
        let args = |log: &str| LogArgs { log: Some(log.into()), log_format: None };
        assert!(args("cmal=debug,warn").filter().is_ok());
        let failure = args("cmal=loud").filter().unwrap_err().to_string();
        assert!(failure.starts_with("--log `cmal=loud` is no filter: "), "{failure}");
    }
}
