//! What a server has at its edge: keys, other origins, traces.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;

use crate::cli::exit::Failure;
use crate::http::{Edge, Endpoint, Keys, Origins, Traces};

/// What was asked for.
#[derive(Debug)]
pub struct EdgeSettings {
    pub api_keys: Option<PathBuf>,
    pub origins: Option<Origins>,
    pub otlp_endpoint: Option<Endpoint>,
    pub otlp_ratio: Ratio,
}

impl EdgeSettings {
    /// Reads the keys and starts what sends traces.
    pub fn open(&self) -> Result<Edge, Failure> {
        let keys = self.api_keys.as_deref().map(Keys::open).transpose().map_err(Failure::usage)?;
        let Ratio(ratio) = self.otlp_ratio;
        let traces = self.otlp_endpoint.as_ref().map(|endpoint| Traces::start(endpoint, ratio)).transpose();
        let traces = traces.map_err(Failure::usage)?;
        Ok(Edge { keys: keys.map(Arc::new), origins: self.origins.clone(), traces: traces.map(Arc::new) })
    }
}

/// Reads the keys again at each signal, for as long as it can come. A broken file changes nothing.
pub async fn reload_keys(keys: Arc<Keys>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let keys = Arc::clone(&keys);
        match spawn_blocking(move || keys.reload()).await {
            Ok(Ok(count)) => tracing::info!(keys = count, "API keys read again"),
            Ok(Err(error)) => tracing::error!(%error, "the API keys stay as they were"),
            Err(error) => tracing::error!(%error, "the API keys stay as they were"),
        }
    }
}

/// A share, 0 to 1.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub struct Ratio(f64);

impl Default for Ratio {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for Ratio {
    type Error = String;

    fn try_from(ratio: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&ratio) { Ok(Self(ratio)) } else { Err(format!("{ratio} is not 0 to 1")) }
    }
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<f64>().map_err(|error| error.to_string())?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_zero_to_one() {
        for (text, ratio) in [("0", 0.0), ("0.25", 0.25), ("1", 1.0)] {
            assert!(matches!(text.parse(), Ok(Ratio(read)) if read == ratio), "{text}");
        }
        for text in ["-0.1", "1.5", "NaN", "half", ""] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
    }
}
