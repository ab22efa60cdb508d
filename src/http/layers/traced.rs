//! What the inner layers and the handlers leave behind for whoever watches the request from outside.

use std::sync::{Arc, OnceLock};

use crate::runtime::{Call, Engine, Timing};

/// Notes about the request at hand; its clones are the same notes. Of what is noted twice the first stays.
#[derive(Clone, Default)]
pub struct Traced(Arc<Notes>);

#[derive(Default)]
struct Notes {
    call: OnceLock<Call>,
    model: OnceLock<String>,
    key: OnceLock<Arc<str>>,
}

impl Traced {
    /// Notes the call that answers the request, so that its durations can be shown.
    pub fn set(&self, call: &Call) {
        self.0.call.get_or_init(|| call.clone());
    }

    /// Notes which model answers.
    pub fn by_model(&self, engine: &Engine) {
        self.0.model.get_or_init(|| engine.model().name().to_owned());
    }

    /// Notes the name of the API key that the request came with.
    pub fn with_key(&self, name: Arc<str>) {
        self.0.key.get_or_init(|| name);
    }

    pub fn timing(&self) -> Option<&Timing> {
        self.0.call.get().map(Call::timing)
    }

    pub fn model(&self) -> Option<&str> {
        self.0.model.get().map(String::as_str)
    }

    pub fn key(&self) -> Option<&str> {
        self.0.key.get().map(AsRef::as_ref)
    }
}
