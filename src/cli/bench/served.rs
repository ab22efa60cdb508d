//! A server of this process, on a free port of the loopback interface.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::http::{self, AppState};
use crate::metrics::Metrics;
use crate::runtime::Engine;

use super::super::exit::Failure;

/// A running server; it ends when this is dropped.
pub struct Served {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
    // Dropped after the sender, whose end tells the server to stop.
    _threads: Runtime,
}

impl Served {
    /// Serves an engine that is ready.
    pub fn start(engine: Engine) -> Result<Self, Failure> {
        let threads = Builder::new_multi_thread().enable_all().build()?;
        let listener = threads.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let state = AppState::new(http::Settings::default(), Arc::new(Metrics::new()));
        let (stop, stopped) = oneshot::channel::<()>();
        threads.spawn(http::run(listener, state, async { Ok(engine) }, async {
            // Only the drop of the sender ends this.
            let _ = stopped.await;
        }));
        Ok(Self { address, _stop: stop, _threads: threads })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }
}
