//! What every handler can reach.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::metrics::Metrics;
use crate::runtime::Engine;

use super::keys::Keys;
use super::layers::Origins;
use super::traces::Traces;
use super::{Images, Problem, RefusedVersion, Settings};

/// What a server has at its edge, towards clients and those who watch; nothing of it by default.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    /// The keys of those who may ask; without, everybody may.
    pub keys: Option<Arc<Keys>>,
    /// Other origins whose pages may ask.
    pub origins: Option<Origins>,
    /// Where traces are sent.
    pub traces: Option<Arc<Traces>>,
}

/// Handles shared by all requests of one server; cloning it is cheap.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    settings: Settings,
    edge: Edge,
    metrics: Arc<Metrics>,
    engine: ArcSwapOption<Engine>,
    loaded: Notify,
    refused: ArcSwapOption<RefusedVersion>,
    images: Images,
    draining: AtomicBool,
    /// Sets this server's generated request ids apart from those of any other.
    seed: u64,
    requests: AtomicU64,
}

impl AppState {
    /// The state of a server whose engine is still loading, and which has no edge.
    pub fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self::behind(Edge::default(), settings, metrics)
    }

    /// The state of a server whose engine is still loading.
    pub fn behind(edge: Edge, settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared {
            images: Images::new(settings.images, settings.image_lifetime, &metrics),
            settings,
            edge,
            metrics,
            engine: ArcSwapOption::empty(),
            loaded: Notify::new(),
            refused: ArcSwapOption::empty(),
            draining: AtomicBool::new(false),
            seed: RandomState::new().build_hasher().finish(),
            requests: AtomicU64::new(0),
        }))
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The keys of those who may ask, if not everybody may.
    pub fn keys(&self) -> Option<&Arc<Keys>> {
        self.0.edge.keys.as_ref()
    }

    pub(super) fn origins(&self) -> Option<&Origins> {
        self.0.edge.origins.as_ref()
    }

    pub(super) fn traces(&self) -> Option<&Traces> {
        self.0.edge.traces.as_deref()
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The engine that serves now, once one has proven itself. A request takes it once, so that its answer is of one version.
    pub fn engine(&self) -> Result<Engine, Problem> {
        self.0.engine.load().as_deref().cloned().ok_or(Problem::Loading)
    }

    /// The version that was to take the engine's place last, if it was refused and nothing good came after it.
    pub fn refused(&self) -> Option<Arc<RefusedVersion>> {
        self.0.refused.load_full()
    }

    /// The pictures that clients have left here.
    pub fn images(&self) -> &Images {
        &self.0.images
    }

    /// Whether a balancer should send requests here.
    pub fn ready(&self) -> Result<(), Problem> {
        if self.is_draining() {
            return Err(Problem::Draining);
        }
        self.engine().map(|_| ())
    }

    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Answers with this engine from now on; returns the one that did so far.
    pub(super) fn serve_with(&self, engine: Engine) -> Option<Engine> {
        let model = engine.model();
        self.0.metrics.model_serves(model.name(), model.version(), model.provider);
        let former = self.0.engine.swap(Some(Arc::new(engine)));
        self.0.loaded.notify_waiters();
        former.map(Arc::unwrap_or_clone)
    }

    /// Waits for the first engine.
    pub(super) async fn loaded(&self) {
        // Listening begins before the look, so that an engine that comes in between is not missed.
        let loaded = self.0.loaded.notified();
        if self.engine().is_err() {
            loaded.await;
        }
    }

    pub(super) fn refuse(&self, version: Option<RefusedVersion>) {
        self.0.refused.store(version.map(Arc::new));
    }

    /// Not ready from now on; requests are still answered.
    pub(super) fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// An id that no other request of this server has.
    pub(super) fn next_request_id(&self) -> String {
        format!("{:016x}-{:x}", self.0.seed, self.0.requests.fetch_add(1, Ordering::Relaxed))
    }
}
