//! `cmal health` and the server that it asks.

use std::process::{Command, Output};

use crate::process::{Process, serve};

/// What `cmal health` says with these arguments and nothing from the environment of this test.
fn health(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cmal"));
    for name in ["CMAL_CONFIG", "CMAL_BIND", "CMAL_OPS_BIND"] {
        command.env_remove(name);
    }
    command.arg("health").args(args).output().unwrap()
}

#[test]
fn a_server_is_healthy_at_both_addresses_from_when_it_is_ready_until_it_ends() {
    let process = Process::live(serve().args(["--grace-ms", "0"]));
    let ops = process.ops();
    let ops = ops.strip_prefix("http://").unwrap();
    let waited = health(&["--ops-bind", ops, "--wait-ms", "60000"]);
    assert_eq!(String::from_utf8_lossy(&waited.stdout), format!("http://{ops} is ready\n"));
    assert_eq!(waited.status.code(), Some(0));
    let address = process.url.strip_prefix("http://").unwrap().to_owned();
    assert_eq!(health(&["--bind", &address]).status.code(), Some(0));
    process.terminate();
    process.ended();
    let gone = health(&["--bind", &address]);
    let said = String::from_utf8_lossy(&gone.stderr);
    assert!(said.starts_with(&format!("cmal: http://{address} is not ready: ")), "{said}");
    assert_eq!(gone.status.code(), Some(1));
}
