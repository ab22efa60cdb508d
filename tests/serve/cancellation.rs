//! A client that leaves before its answer is there costs no more than what was already done for it.

use std::num::NonZeroUsize;
use std::time::Duration;

use cmal::runtime::{self, Budget};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::TestServer;
use crate::support::pictures::{png, scene};
use crate::support::server::{json_body, settings};

#[tokio::test]
async fn the_picture_of_a_client_that_left_is_not_looked_at() {
    // One executor that waits for two pictures, so that the first one's client can leave while it waits.
    let rows = NonZeroUsize::new(2).unwrap();
    let runtime = runtime::Settings {
        executors: Some(NonZeroUsize::MIN),
        linger: Duration::from_secs(3600),
        batch: Budget { rows, ..Budget::default() },
        ..runtime::Settings::default()
    };
    let server = TestServer::with(settings(), runtime).await;
    let body = json_body(&png(&scene(64, 64, 0)), &[]).to_string();
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    let (address, length) = (server.address, body.len());
    let head = format!(
        "POST /v1/objects HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    while server.metrics.queue("objects").depth.get() == 0 {
        tokio::task::yield_now().await;
    }
    drop(connection);
    while server.metrics.inflight_requests.get() > 0 {
        tokio::task::yield_now().await;
    }
    server.ask("/v1/objects", &png(&scene(64, 64, 1)), &[]).await.answer();
    let metrics = server.metrics.render();
    for line in [
        r#"cmal_http_requests_total{method="POST",route="/v1/objects",status="499"} 1"#,
        r#"cmal_rejected_total{reason="withdrawn"} 1"#,
        r#"cmal_batch_size_sum{stage="objects"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}
