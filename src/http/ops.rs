//! The ops listener: probes, metrics and the contract at an address of their own, answered by a thread of their own. Neither load nor
//! the start or the end of the server keeps them waiting.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use axum::serve::ListenerExt;
use tokio::runtime;
use tokio::sync::oneshot;

use super::{AppState, router};

/// A running ops listener. It ends when this is dropped.
#[derive(Debug)]
pub struct Ops {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ops {
    /// Listens at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken or none of this machine, or there is no thread for it.
    pub fn start(address: SocketAddr, state: AppState) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("ops".to_owned())
            .spawn(move || runtime.block_on(serve(listener, state, stopped)))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Ops {
    fn drop(&mut self) {
        // Without its sender the thread's loop ends.
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told when it happened.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, state: AppState, stopped: oneshot::Receiver<()>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener.tap_io(|connection| {
            // A connection that is already gone shows when it is served.
            let _ = connection.set_nodelay(true);
        }),
        Err(error) => return tracing::error!(%error, "the ops listener can't be served"),
    };
    tokio::select! {
        ended = axum::serve(listener, router::ops(state)).into_future() => {
            if let Err(error) = ended {
                tracing::error!(%error, "the ops listener stopped");
            }
        }
        // Its sender is only ever dropped.
        _ = stopped => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;

    use crate::http::Settings;
    use crate::metrics::Metrics;

    use super::*;

    #[test]
    fn an_ops_listener_answers_until_it_is_dropped_and_gives_its_address_back() {
        let state = AppState::new(Settings::default(), Arc::new(Metrics::new()));
        let ops = Ops::start(SocketAddr::from(([127, 0, 0, 1], 0)), state.clone()).unwrap();
        let address = ops.address();
        assert!(Ops::start(address, state.clone()).is_err(), "two listeners at one address");
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: ops\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("live"), "{answer}");
        drop(ops);
        assert!(TcpStream::connect(address).is_err());
    }
}
