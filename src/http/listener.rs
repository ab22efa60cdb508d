//! A listener that closes without losing who has connected already.

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Accepts until it is told to close. Then it hands over those whose connections the system has made, but nobody has accepted, and closes:
/// they may have sent their requests, which the system would throw away.
pub struct ClosingListener {
    state: State,
    close: oneshot::Receiver<()>,
    closed: Option<oneshot::Sender<()>>,
    address: SocketAddr,
}

/// Tells a listener to close.
pub struct Close {
    close: oneshot::Sender<()>,
    closed: oneshot::Receiver<()>,
}

enum State {
    Open(TcpListener),
    /// Asked directly: tokio would only tell of connections that its driver has heard of.
    Closing(std::net::TcpListener),
    Closed,
}

impl ClosingListener {
    pub fn new(listener: TcpListener) -> io::Result<(Self, Close)> {
        let address = listener.local_addr()?;
        let (close, told) = oneshot::channel();
        let (closed, done) = oneshot::channel();
        let listener = Self { state: State::Open(listener), close: told, closed: Some(closed), address };
        Ok((listener, Close { close, closed: done }))
    }

    fn begin_to_close(&mut self) {
        let State::Open(listener) = std::mem::replace(&mut self.state, State::Closed) else { return };
        // A listener that can't be asked is closed at once.
        self.state = listener.into_std().map_or(State::Closed, State::Closing);
    }
}

impl Close {
    /// Returns when nobody can connect any more, and all who could have been handed over.
    pub async fn close(self) {
        // An error of either means that the listener is gone, and closed with that.
        let _ = self.close.send(());
        let _ = self.closed.await;
    }
}

impl Listener for ClosingListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match &mut self.state {
                State::Open(listener) => {
                    tokio::select! {
                        accepted = Listener::accept(listener) => return accepted,
                        _ = &mut self.close => self.begin_to_close(),
                    }
                }
                State::Closing(listener) => match waiting(listener) {
                    Ok(Some(accepted)) => return accepted,
                    // That one is gone already; others may be behind it.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Ok(None) | Err(_) => self.state = State::Closed,
                },
                State::Closed => {
                    // Who waits for that hears the sender go.
                    self.closed = None;
                    return pending().await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Who has connected and waits to be accepted.
fn waiting(listener: &std::net::TcpListener) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    match listener.accept() {
        Ok((connection, address)) => {
            connection.set_nonblocking(true)?;
            Ok(Some((TcpStream::from_std(connection)?, address)))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_have_connected_are_accepted_before_it_closes() {
        let (mut listener, close) =
            ClosingListener::new(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let mut accepted = 0;
        let closing = close.close();
        tokio::pin!(closing);
        loop {
            tokio::select! {
                _ = listener.accept() => accepted += 1,
                () = &mut closing => break,
            }
        }
        assert_eq!(accepted, clients.len());
        assert!(std::net::TcpStream::connect(address).is_err(), "it is closed");
    }
}
