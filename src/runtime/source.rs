//! Where engines come from: a bundle's folder, which may hold another version tomorrow.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bundle::{Bundle, Stamp};
use crate::metrics::Metrics;

use super::engine::Engine;
use super::error::StartError;
use super::settings::Settings;

/// A bundle's folder, and how an engine is started on what lies in it.
#[derive(Clone, Debug)]
pub struct Source {
    folder: PathBuf,
    settings: Settings,
    metrics: Arc<Metrics>,
}

impl Source {
    pub fn new(folder: PathBuf, settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self { folder, settings, metrics }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the folder looks like now; `None` while it holds no bundle. Reads a few kilobytes.
    pub fn stamp(&self) -> Option<Stamp> {
        Stamp::of(&self.folder)
    }

    /// Opens the bundle and starts an engine on it, see [`Engine::start`]. Blocks until the engine can answer.
    pub fn start(&self) -> Result<Engine, StartError> {
        let bundle = Bundle::open(&self.folder)?;
        let engine = Engine::start(bundle, &self.settings, Arc::clone(&self.metrics))?;
        // Graphs are read after their digests were checked. If another version was being put in place just then, some may be its own.
        if Bundle::open(&self.folder)?.fingerprint() != engine.model().fingerprint {
            return Err(StartError::Replaced { folder: self.folder.clone() });
        }
        Ok(engine)
    }
}
