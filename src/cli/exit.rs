//! How a command fails: in one sentence, with exit code 2 for wrong usage and 1 for everything else.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::types::sentence;

type Cause = Box<dyn Error + Send + Sync>;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    sentence: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usage,
    Run,
}

impl Failure {
    /// The arguments make no sense: exit code 2. From a text or an error.
    pub fn usage(cause: impl Into<Cause>) -> Self {
        Self::new(Kind::Usage, cause.into())
    }

    /// Something went wrong on the way: exit code 1. From a text or an error.
    pub fn run(cause: impl Into<Cause>) -> Self {
        Self::new(Kind::Run, cause.into())
    }

    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Usage => 2,
            Kind::Run => 1,
        })
    }

    fn new(kind: Kind, cause: Cause) -> Self {
        Self { kind, sentence: sentence(&*cause) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    /// An error that ends a command is a failure on the way.
    fn from(error: E) -> Self {
        Self::run(error)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read `{path}`")]
    struct Read {
        path: &'static str,
        source: io::Error,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the recipe is unusable: {0}")]
    struct Wrapping(#[source] Read);

    fn read() -> Read {
        Read { path: "a.toml", source: io::Error::other("it is locked") }
    }

    #[test]
    fn a_failure_tells_the_whole_chain_in_one_sentence() {
        assert_eq!(Failure::run(read()).to_string(), "cannot read `a.toml`: it is locked");
    }

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let sentence = "the recipe is unusable: cannot read `a.toml`: it is locked";
        assert_eq!(Failure::from(Wrapping(read())).to_string(), sentence);
    }

    #[test]
    fn usage_exits_with_two_and_a_failed_run_with_one() {
        let code = |failure: Failure| format!("{:?}", failure.code());
        assert_eq!(code(Failure::usage("no such option")), format!("{:?}", ExitCode::from(2)));
        assert_eq!(code(Failure::run("no luck")), format!("{:?}", ExitCode::from(1)));
        assert_eq!(code(read().into()), format!("{:?}", ExitCode::from(1)));
    }
}
