//! The client: a pool of connections that are used again, without redirects, cookies or retries.
//!
//! It shares the processors with the server, so it is a hyper connection each and nothing around it, all on one thread; its own processor time is told with the figures.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri, body::Incoming};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::request::{Parts, Template};

type Connection = SendRequest<Full<Parts>>;

/// Sends requests to one server.
#[derive(Clone, Debug)]
pub struct Client {
    /// Connections that nothing is being asked over; the last one used is the next.
    idle: Arc<Mutex<Vec<Connection>>>,
    opened: Arc<AtomicU64>,
    root: String,
    address: SocketAddr,
    headers: HeaderMap,
    timeout: Duration,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    /// The `Server-Timing` header.
    pub timing: Option<String>,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// No connection: the server never saw the request.
    NotConnected,
    /// The connection ended before the answer did: the server may have accepted the request.
    Broken,
    TimedOut,
    /// It was never sent, because the client had as many on their way as it may.
    Unsent,
}

impl Client {
    /// `root` as in `http://127.0.0.1:8080`; another machine only if `remote` says so.
    pub fn new(
        root: &str,
        headers: &[(HeaderName, HeaderValue)],
        timeout: Duration,
        remote: bool,
    ) -> Result<Self, Failure> {
        let root = root.trim_end_matches('/').to_owned();
        let (uri, address) = locate(&root, remote)?;
        if uri.path() != "/" {
            return Err(Failure::usage(format!(
                "{root} goes on behind the port: give only http://HOST:PORT"
            )));
        }
        let mut all: HeaderMap = headers.iter().cloned().collect();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        all.insert(
            HOST,
            HeaderValue::from_str(authority)
                .map_err(|_| Failure::usage(format!("{root} has an odd host")))?,
        );
        Ok(Self { idle: Arc::default(), opened: Arc::default(), root, address, headers: all, timeout })
    }

    /// Sends the template's request about the picture of that number.
    pub async fn send(&self, template: &Template, number: u64) -> Result<Reply, Lost> {
        let mut request = Request::new(template.body(number));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(template.path);
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(CONTENT_TYPE, template.content_type.clone());
        timeout(self.timeout, self.exchange(request)).await.unwrap_or(Err(Lost::TimedOut))
    }

    async fn exchange(&self, request: Request<Full<Parts>>) -> Result<Reply, Lost> {
        let (connection, response) = self.answered(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Lost::Broken)?.to_bytes();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        let timing = parts.headers.get("server-timing").and_then(|value| value.to_str().ok());
        Ok(Reply { status: parts.status.as_u16(), timing: timing.map(str::to_owned), body })
    }

    /// The head of the answer, and the connection that the rest of it comes over.
    async fn answered(
        &self,
        mut request: Request<Full<Parts>>,
    ) -> Result<(Connection, Response<Incoming>), Lost> {
        loop {
            let mut connection = self.connection().await?;
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((connection, response)),
                // The server closed an idle connection. Only of a request that was not sent is there anything to take back.
                Err(mut error) => request = error.take_message().ok_or(Lost::Broken)?,
            }
        }
    }

    /// One that is idle, or a new one.
    async fn connection(&self) -> Result<Connection, Lost> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut idle) = idle else { break };
            if idle.ready().await.is_ok() {
                return Ok(idle);
            }
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        let stream = TcpStream::connect(self.address).await.map_err(|_| Lost::NotConnected)?;
        stream.set_nodelay(true).map_err(|_| Lost::NotConnected)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await.map_err(|_| Lost::NotConnected)?;
        // How it ends is seen by the request that it carries.
        tokio::spawn(driver);
        Ok(connection)
    }

    pub fn root(&self) -> &str {
        &self.root
    }

    /// Where the server is, if it is on this machine.
    pub fn address(&self) -> Option<SocketAddr> {
        Some(self.address).filter(|address| address.ip().is_loopback())
    }

    /// Connections opened so far.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

/// Reads an address and finds its machine, which must be this one unless `remote` allows others.
pub fn locate(url: &str, remote: bool) -> Result<(Uri, SocketAddr), Failure> {
    let uri: Uri = url.parse().map_err(|error| Failure::usage(format!("{url} is no address: {error}")))?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(Failure::usage(format!("{url} is no address that begins with http://HOST:PORT")));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = (host, uri.port_u16().unwrap_or(80))
        .to_socket_addrs()
        .map_err(|error| Failure::usage(format!("{host} in {url} can't be found: {error}")))?
        .collect();
    let &[address, ..] = addresses.as_slice() else {
        return Err(Failure::usage(format!("{host} in {url} has no address")));
    };
    if !remote && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(Failure::usage(format!(
            "{url} is on another machine: put it under load only if it is yours, with --allow-remote"
        )));
    }
    Ok((uri, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(root: &str) -> String {
        Client::new(root, &[], Duration::from_secs(1), false).unwrap_err().to_string()
    }

    #[test]
    fn only_this_machine_is_put_under_load_unless_told_otherwise() {
        assert!(refused("http://192.0.2.1:8080").contains("--allow-remote"));
        assert!(Client::new("http://192.0.2.1:8080", &[], Duration::from_secs(1), true).is_ok());
        for root in ["http://127.0.0.1:8080/", "http://[::1]:8080"] {
            assert!(Client::new(root, &[], Duration::from_secs(1), false).is_ok(), "{root}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for root in ["https://127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:80/v1", "here and there"] {
            assert!(refused(root).contains(root), "{}", refused(root));
        }
    }
}
