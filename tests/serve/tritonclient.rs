//! The Python package `tritonclient`, as it is published, speaks with the server.

use std::path::Path;
use std::process::Command;

use crate::support::TestServer;

#[tokio::test]
async fn the_unmodified_python_client_gets_what_it_expects() {
    let server = TestServer::start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = tokio::task::spawn_blocking({
        let mut check = Command::new("python3");
        check.arg(folder.join("tests/tritonclient/check.py"));
        check.args(["--server", &server.address.to_string()]);
        check.args(["--packages".as_ref(), Path::new(env!("CARGO_TARGET_TMPDIR")).as_os_str()]);
        move || check.output()
    })
    .await
    .unwrap()
    .expect("this test needs Python 3 with pip, as `make onnxruntime` does");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
