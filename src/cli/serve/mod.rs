//! `cmal serve`: the server runs until it is told to stop.

mod args;
mod choose;
mod edge;
mod ops;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::http::{self, AppState};
use crate::metrics::{Metrics, memory_limit};
use crate::runtime::{Source, StartError};

use super::exit::Failure;
use super::output::print;

use choose::choose;

pub use args::ServeArgs;
use args::ServeSettings;
pub use ops::OpsBind;

/// Runs the server until SIGTERM or SIGINT; SIGHUP has it read its keys again and look for a new version of the bundle.
pub(super) fn run(args: ServeArgs) -> Result<(), Failure> {
    let settings = args.into_settings()?;
    let (stores, limit) = (settings.stores(), memory_limit());
    if let Some(limit) = limit.filter(|limit| leaves_little(stores, *limit)) {
        tracing::warn!(
            stores,
            limit,
            "stores of pictures and features may take most of the memory that this process may take: lower --images-bytes, \
             --cache-pictures-bytes or --cache-texts-bytes, or raise the limit"
        );
    }
    let bundle = choose(&settings.models, settings.model.as_deref())?;
    let edge = settings.edge.open()?;
    let metrics = Arc::new(Metrics::new());
    let traces = edge.traces.clone();
    let state = AppState::behind(edge, settings.http, Arc::clone(&metrics));
    let ops = ops::listen(settings.ops, &state)?;
    let threads = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::run(format!("the server's threads can't be started: {error}")))?;
    let served = threads.block_on(serve(settings, bundle, state, metrics));
    // What is still running had its time: a request past the drain limit, or a load that is no longer wanted.
    threads.shutdown_background();
    if let Some(traces) = traces {
        traces.finish();
    }
    // The last to go: until here it tells that the process lives.
    drop(ops);
    served?;
    // ONNX Runtime may be at work for it: what the library frees when a process ends must not go while it is.
    signal_hook::low_level::exit(0)
}

async fn serve(
    settings: ServeSettings,
    bundle: PathBuf,
    state: AppState,
    metrics: Arc<Metrics>,
) -> Result<(), Failure> {
    let deaf = |error| Failure::run(format!("signals can't be received: {error}"));
    let shutdown = Shutdown::listen().map_err(deaf)?;
    // Received from the start and whatever is watched: a hang-up that nobody listens to ends a process.
    let hangup = signal(SignalKind::hangup()).map_err(deaf)?;
    if let Some(keys) = state.keys() {
        let hangup = signal(SignalKind::hangup()).map_err(deaf)?;
        tokio::spawn(edge::reload_keys(Arc::clone(keys), hangup));
    }
    let listener = TcpListener::bind(settings.bind)
        .await
        .map_err(|error| Failure::run(format!("can't listen at {}: {error}", settings.bind)))?;
    // The one line on the standard output: where the server is reached.
    print(&format!("http://{}\n", listener.local_addr()?))?;
    let source = Source::new(bundle, settings.runtime, metrics);
    let first = source.clone();
    let loading = tokio::task::spawn_blocking(move || first.start());
    let load = async { loading.await.unwrap_or(Err(StartError::Interrupted)) };
    tokio::spawn(http::keep_up(state.clone(), source, settings.watch, hangup));
    Ok(http::run(listener, state, load, shutdown.requested()).await?)
}

/// Whether stores, once full, leave the model and the requests less than a quarter of the memory; all in bytes.
fn leaves_little(stores: u64, limit: u64) -> bool {
    stores > limit - limit / 4
}

/// The signals that end the server; both are received from the start, so that none ends it half-way.
struct Shutdown {
    terminate: Signal,
    interrupt: Signal,
}

impl Shutdown {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn requested(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_may_take_three_quarters_of_the_memory_and_no_more() {
        const MIB: u64 = 1 << 20;
        assert!(!leaves_little(544 * MIB, 1024 * MIB) && !leaves_little(768 * MIB, 1024 * MIB));
        assert!(leaves_little(544 * MIB, 512 * MIB) && leaves_little(769 * MIB, 1024 * MIB));
    }
}
