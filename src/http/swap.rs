//! Hot swap: another version in the bundle's folder is noticed, started beside the one that serves, and takes its place.
//!
//! A version serves only after the proof that every engine starts with, so a broken one changes nothing but what `/v1/models` tells.
//! Requests take the engine once: those in flight finish on the one they began with, which ends with the last of them.

use std::future::pending;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::bundle::Stamp;
use crate::metrics::Reload;
use crate::runtime::{Engine, Source, StartError};
use crate::types::sentence;

use super::AppState;

/// A folder that looks the same after this time is not being copied to any more.
const SETTLED: Duration = Duration::from_secs(1);

/// A new version that can't be served.
#[derive(Clone, Debug)]
pub struct RefusedVersion {
    /// What its manifest states, if it can be read that far.
    pub version: Option<String>,
    /// Digest over its manifest, if there is one.
    pub fingerprint: Option<String>,
    pub reason: String,
    pub at: Timestamp,
}

/// Serves what `source` holds, from the first engine on: looks for another version every `period`, if there is one, and at once when
/// `hangup` comes. Never ends.
pub async fn keep_up(state: AppState, source: Source, period: Option<Duration>, mut hangup: Signal) {
    state.loaded().await;
    let mut watch = Watch { state, source, period, changing: None, refused: None };
    loop {
        let pause = watch.pause();
        tokio::select! {
            heard = hangup.recv() => match heard {
                Some(()) => watch.told().await,
                // No signal comes any more: the runtime ends.
                None => return,
            },
            () = passed(pause) => watch.look().await,
        }
    }
}

/// Waits so long; without a time for ever.
async fn passed(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => pending().await,
    }
}

struct Watch {
    state: AppState,
    source: Source,
    period: Option<Duration>,
    /// What is new and was seen once: it may still be on its way into the folder.
    changing: Option<Stamp>,
    /// What was tried in vain: not tried again before it changes.
    refused: Option<Stamp>,
}

impl Watch {
    /// Time until the next look.
    fn pause(&self) -> Option<Duration> {
        self.period.map(|period| if self.changing.is_some() { period.min(SETTLED) } else { period })
    }

    /// Tries what is new, once it has stopped changing.
    async fn look(&mut self) {
        let seen = self.stamp().await.filter(|stamp| self.is_new(stamp));
        if seen.is_some() && seen == self.changing {
            self.try_it(seen).await;
        } else {
            self.changing = seen;
        }
    }

    /// Somebody says that there is something new: tries it at once, though it may have been refused before.
    async fn told(&mut self) {
        let seen = self.stamp().await;
        if seen.as_ref().is_some_and(|stamp| self.serves(stamp)) {
            tracing::info!(folder = %self.source.folder().display(), "the version in the folder already serves");
            self.forget();
        } else {
            self.try_it(seen).await;
        }
    }

    async fn stamp(&self) -> Option<Stamp> {
        let source = self.source.clone();
        // An error means that the runtime ends.
        spawn_blocking(move || source.stamp()).await.unwrap_or_default()
    }

    fn is_new(&mut self, stamp: &Stamp) -> bool {
        if self.serves(stamp) {
            self.forget();
            return false;
        }
        self.refused.as_ref() != Some(stamp)
    }

    fn serves(&self, stamp: &Stamp) -> bool {
        self.state.engine().is_ok_and(|engine| engine.model().fingerprint == stamp.fingerprint())
    }

    /// What serves lies in the folder: whatever was refused is gone.
    fn forget(&mut self) {
        self.refused = None;
        self.state.refuse(None);
    }

    async fn try_it(&mut self, seen: Option<Stamp>) {
        self.changing = None;
        if self.state.is_draining() {
            return;
        }
        let source = self.source.clone();
        let started = spawn_blocking(move || source.start()).await;
        match started.unwrap_or(Err(StartError::Interrupted)) {
            Ok(engine) => self.switch(engine),
            Err(error) => self.refuse(seen, &error),
        }
    }

    fn switch(&mut self, engine: Engine) {
        let to = engine.model().id().to_owned();
        let Some(former) = self.state.serve_with(engine) else { return };
        self.forget();
        self.state.metrics().reloaded(Reload::Switched);
        tracing::info!(from = former.model().id(), to, "another version serves now");
        tokio::spawn(former.retire());
    }

    fn refuse(&mut self, seen: Option<Stamp>, error: &StartError) {
        let version = seen.as_ref().and_then(|stamp| stamp.version().map(str::to_owned));
        let reason = sentence(error);
        self.state.metrics().reloaded(Reload::Refused);
        tracing::error!(
            folder = %self.source.folder().display(),
            version,
            reason,
            "a new version is refused, the former one goes on serving"
        );
        let fingerprint = seen.as_ref().map(|stamp| stamp.fingerprint().to_owned());
        self.state.refuse(Some(RefusedVersion { version, fingerprint, reason, at: Timestamp::now() }));
        self.refused = seen;
    }
}
