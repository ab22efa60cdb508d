//! The life of a server: live at once, ready after the engine's proof, out after what was accepted is answered.

use std::convert::Infallible;
use std::future::{IntoFuture, pending};
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::runtime::{Engine, StartError};

use super::listener::ClosingListener;
use super::{AppState, router};

/// How long those who connected last may take to send what they connected for: a connection without a request is closed after that.
const SETTLE: Duration = Duration::from_millis(200);

/// Why a server ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the server stopped: {0}")]
    Serve(#[from] io::Error),
}

/// Serves until `shutdown` completes. Probes and metrics are answered while `load` is still at work.
///
/// After `shutdown` the server is not ready, goes on answering for [`Settings::grace`](super::Settings::grace), then accepts nothing
/// more and finishes what it has accepted within [`Settings::drain`](super::Settings::drain).
pub async fn run(
    listener: TcpListener,
    state: AppState,
    load: impl Future<Output = Result<Engine, StartError>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let settings = *state.settings();
    let (listener, close) = ClosingListener::new(listener)?;
    // Answers are small and whole; waiting to fill a packet only delays them.
    let listener = listener.tap_io(|connection| {
        // A connection that is already gone shows when it is served.
        let _ = connection.set_nodelay(true);
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, router(state.clone())).with_graceful_shutdown(async {
        // An error means that `stop` is gone with `run` itself, which ends the server too.
        let _ = stopped.await;
    });
    let mut server = pin!(server.into_future());

    tokio::select! {
        ended = &mut server => return Ok(ended?),
        failed = load_then_wait(&state, load) => match failed? {},
        () = shutdown => {}
    }
    state.drain();
    tracing::info!(grace_ms = settings.grace.as_millis(), "not ready any more, finishing");
    tokio::select! {
        ended = &mut server => return Ok(ended?),
        () = sleep(settings.grace) => {}
    }
    let finished = timeout(settings.drain, async {
        tokio::select! {
            ended = &mut server => return ended,
            () = async { close.close().await; sleep(SETTLE).await } => {}
        }
        // The server holds the other end for as long as it runs.
        let _ = stop.send(());
        server.await
    });
    match finished.await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!(
            requests = state.metrics().inflight_requests.get(),
            drain_ms = settings.drain.as_millis(),
            "some accepted requests took too long to finish and are dropped"
        ),
    }
    Ok(())
}

/// Ends only if the engine can't be loaded.
async fn load_then_wait(
    state: &AppState,
    load: impl Future<Output = Result<Engine, StartError>>,
) -> Result<Infallible, Failure> {
    // There was none before.
    drop(state.serve_with(load.await?));
    pending().await
}
