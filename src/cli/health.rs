//! `cmal health`: asks a running server whether requests should be sent to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;
use ureq::Agent;

use super::exit::Failure;
use super::output::print;
use super::serve::{OpsBind, ServeArgs};

/// How long a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Time between two questions to a server that is being waited for.
const PAUSE: Duration = Duration::from_millis(50);

/// Ask a running server whether it is ready
///
/// The exit code is 0 if it is and 1 if not. With the options of `cmal serve`, or in its environment as in a container, it finds the
/// server: at the ops listener if one was asked for, because load does not hold that up, else at the server's own address.
#[derive(Args, Clone, Debug)]
pub(super) struct HealthArgs {
    /// The server's TOML file
    #[arg(long, env = "CMAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address that the server listens at [default: 127.0.0.1:8080]
    #[arg(long, env = "CMAL_BIND", value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    /// Address of its listener for probes and metrics, or `off`
    #[arg(long, env = "CMAL_OPS_BIND", value_name = "ADDRESS:PORT")]
    ops_bind: Option<OpsBind>,
    /// How long to go on asking a server that is not ready yet
    #[arg(long, value_name = "MS", default_value_t = 0)]
    wait_ms: u64,
}

/// Prints that the server is ready, or fails with the reason why not.
pub(super) fn run(args: &HealthArgs) -> Result<(), Failure> {
    let settings = ServeArgs::listening(args.config.clone(), args.bind, args.ops_bind).into_settings()?;
    let address = reachable(settings.bind, settings.ops)?;
    let deadline = Instant::now() + Duration::from_millis(args.wait_ms);
    loop {
        match ask(address) {
            Ok(()) => return print(&format!("http://{address} is ready\n")),
            Err(reason) if Instant::now() >= deadline => {
                return Err(Failure::run(format!("http://{address} is not ready: {reason}")));
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Where a server can be asked that listens at these addresses.
fn reachable(bind: SocketAddr, ops: Option<OpsBind>) -> Result<SocketAddr, Failure> {
    // The usual address of the ops listener, which nobody asked for, may be that of another server.
    let mut address = match ops {
        Some(OpsBind::At(address)) => address,
        Some(OpsBind::Off) | None => bind,
    };
    if address.port() == 0 {
        return Err(Failure::usage(
            "port 0 stands for any free one: give the port that the server has taken",
        ));
    }
    // What stands for all addresses of a machine is none to connect to.
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(address)
}

/// Succeeds if the server says that it is ready; else the error is the reason.
fn ask(address: SocketAddr) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }

    let config =
        Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).proxy(None);
    let agent: Agent = config.build().into();
    let asked = agent.get(format!("http://{address}/health/ready")).call();
    let mut answer = asked.map_err(|error| match error {
        ureq::Error::Io(cause) => cause.to_string(),
        other => other.to_string(),
    })?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body = answer.body_mut().read_to_vec().unwrap_or_default();
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    Err(problem.map_or_else(|| format!("it answers {status}"), |problem| problem.detail))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;

    use crate::http::{AppState, Ops, Settings};
    use crate::metrics::Metrics;

    use super::*;

    fn args(ops_bind: SocketAddr) -> HealthArgs {
        HealthArgs { config: None, bind: None, ops_bind: Some(OpsBind::At(ops_bind)), wait_ms: 0 }
    }

    #[test]
    fn the_ops_listener_is_asked_if_one_was_asked_for() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let bind = at("0.0.0.0:8080");
        assert_eq!(reachable(bind, Some(OpsBind::At(at("10.0.0.7:9")))).unwrap(), at("10.0.0.7:9"));
        assert_eq!(reachable(bind, Some(OpsBind::At(at("[::]:8081")))).unwrap(), at("[::1]:8081"));
        for ops in [None, Some(OpsBind::Off)] {
            assert_eq!(reachable(bind, ops).unwrap(), at("127.0.0.1:8080"));
        }
        assert!(reachable(at("127.0.0.1:0"), None).unwrap_err().to_string().contains("port 0"));
    }

    #[test]
    fn a_server_that_is_not_ready_is_a_failure_in_its_own_words() {
        let state = AppState::new(Settings::default(), Arc::new(Metrics::new()));
        let ops = Ops::start(SocketAddr::from(([127, 0, 0, 1], 0)), state).unwrap();
        let address = ops.address();
        let failure = run(&args(address)).unwrap_err().to_string();
        assert!(failure.starts_with(&format!("http://{address} is not ready: ")), "{failure}");
        assert!(!failure.contains("503"), "{failure}");
        drop(ops);
        let failure = run(&args(address)).unwrap_err().to_string();
        assert!(failure.contains("refused"), "{failure}");
    }

    #[test]
    fn a_server_is_asked_again_while_there_is_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for answer in ["503 Service Unavailable", "200 OK"] {
                let (mut connection, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    connection.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                write!(connection, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        run(&HealthArgs { wait_ms: 60_000, ..args(address) }).unwrap();
        server.join().unwrap();
    }
}
