//! What every handler can reach.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::metrics::Metrics;
use crate::runtime::Engine;

use super::{Images, Problem, Settings};

/// Handles shared by all requests of one server; cloning it is cheap.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    settings: Settings,
    metrics: Arc<Metrics>,
    engine: OnceLock<Engine>,
    images: Images,
    draining: AtomicBool,
    /// Sets this server's generated request ids apart from those of any other.
    seed: u64,
    requests: AtomicU64,
}

impl AppState {
    /// The state of a server whose engine is still loading.
    pub fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared {
            images: Images::new(settings.images, settings.image_lifetime, &metrics),
            settings,
            metrics,
            engine: OnceLock::new(),
            draining: AtomicBool::new(false),
            seed: RandomState::new().build_hasher().finish(),
            requests: AtomicU64::new(0),
        }))
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The engine, once it has proven itself.
    pub fn engine(&self) -> Result<&Engine, Problem> {
        self.0.engine.get().ok_or(Problem::Loading)
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

    /// Answers with this engine from now on; the first one given stays.
    pub(super) fn serve_with(&self, engine: Engine) -> &Engine {
        self.0.engine.get_or_init(|| engine)
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
