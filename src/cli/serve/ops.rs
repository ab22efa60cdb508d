//! Where the ops listener listens.

use std::net::SocketAddr;
use std::str::FromStr;

use serde::Deserialize;

use crate::cli::exit::Failure;
use crate::http::{AppState, Ops};

/// Where it listens if nobody says.
const DEFAULT: ([u8; 4], u16) = ([127, 0, 0, 1], 8081);

/// An address, or none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum OpsBind {
    Off,
    At(SocketAddr),
}

impl FromStr for OpsBind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::At).map_err(|_| "neither an ADDRESS:PORT nor `off`".to_owned()),
        }
    }
}

impl TryFrom<String> for OpsBind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Starts the ops listener and says where it is.
///
/// An address that was asked for must be free. That of nobody's choice need not be: a second server on this machine is no mistake, and
/// its other address answers the same.
pub fn listen(bind: Option<OpsBind>, state: &AppState) -> Result<Option<Ops>, Failure> {
    match bind {
        Some(OpsBind::Off) => Ok(None),
        Some(OpsBind::At(address)) => match Ops::start(address, state.clone()) {
            Ok(ops) => Ok(Some(told(ops))),
            Err(error) => Err(Failure::run(format!(
                "can't listen at {address} for probes and metrics: {error}; give another address, or `off`, with --ops-bind"
            ))),
        },
        None => Ok(listen_if_free(DEFAULT.into(), state)),
    }
}

fn listen_if_free(address: SocketAddr, state: &AppState) -> Option<Ops> {
    match Ops::start(address, state.clone()) {
        Ok(ops) => Some(told(ops)),
        Err(error) => {
            tracing::warn!(%address, %error, "no ops listener: its usual address can't be had, choose one with --ops-bind");
            None
        }
    }
}

fn told(ops: Ops) -> Ops {
    tracing::info!(address = %ops.address(), "ops listener ready");
    ops
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use crate::http::Settings;
    use crate::metrics::Metrics;

    use super::*;

    #[test]
    fn an_address_or_off_is_read() {
        assert_eq!("off".parse(), Ok(OpsBind::Off));
        assert_eq!("127.0.0.1:9".parse(), Ok(OpsBind::At(SocketAddr::from(([127, 0, 0, 1], 9)))));
        assert!("8081".parse::<OpsBind>().is_err());
    }

    #[test]
    fn a_taken_address_stops_a_server_that_asked_for_it_and_no_other() {
        let state = AppState::new(Settings::default(), Arc::new(Metrics::new()));
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let failure = listen(Some(OpsBind::At(address)), &state).unwrap_err().to_string();
        assert!(failure.contains(&address.to_string()) && failure.contains("--ops-bind"), "{failure}");
        assert!(listen_if_free(address, &state).is_none());
        assert!(listen(Some(OpsBind::Off), &state).unwrap().is_none());
        drop(taken);
        assert_eq!(listen_if_free(address, &state).unwrap().address(), address);
    }
}
