//! The way to the collector. A thread of the exporter's own sends what has come together; requests never wait for it.

use std::env;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use axum::http::uri::{Scheme, Uri};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use serde::Deserialize;
use ureq::Agent;

use super::RequestSpan;

/// How long a collector may take for one delivery.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the end of the server waits for the last delivery.
const LAST: Duration = Duration::from_secs(2);

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces can't be sent to {endpoint}: {source}")]
pub struct TracesError {
    endpoint: String,
    source: ExporterBuildError,
}

/// Root of a collector's OTLP interface over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Endpoint(String);

impl FromStr for Endpoint {
    type Err = String;

    /// Reads an address such as `http://127.0.0.1:4318`; `/v1/traces` is added to it.
    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("`{text}` is no address: {error}"))?;
        if uri.scheme() == Some(&Scheme::HTTPS) {
            return Err("traces are sent without TLS: name a collector near this server by http".to_owned());
        }
        if uri.scheme() != Some(&Scheme::HTTP) || uri.authority().is_none() {
            return Err(format!("`{text}` is no address of a collector, such as http://127.0.0.1:4318"));
        }
        Ok(Self(format!("{}/v1/traces", text.trim_end_matches('/'))))
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Sends the traces of one server.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Sends to `endpoint` the share `ratio`, 0 to 1, of the traces that begin here; one that began elsewhere is sent if it was there.
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_BSP_…` of the environment apply.
    ///
    /// # Errors
    /// The environment has OTLP settings that can't be met, such as a compression.
    pub fn start(endpoint: &Endpoint, ratio: f64) -> Result<Self, TracesError> {
        let Endpoint(url) = endpoint;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|source| TracesError { endpoint: url.clone(), source })?;
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("cmal");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("cmal");
        Ok(Self { provider, tracer })
    }

    /// The span of a request that came just now.
    pub fn begin(&self, headers: &HeaderMap, method: &'static str, route: &str) -> RequestSpan {
        RequestSpan::begin(&self.tracer, headers, method, route)
    }

    /// Sends what is left; blocks until it is there, for two seconds at most.
    pub fn finish(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}

/// Tells of a collector that can't be reached once, and again when it can.
#[derive(Debug)]
struct Client {
    agent: Agent,
    failing: AtomicBool,
}

impl Client {
    fn new() -> Self {
        let config =
            Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).proxy(None);
        Self { agent: config.build().into(), failing: AtomicBool::new(false) }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let (parts, mut body) = self.agent.run(Request::from_parts(parts, &*body))?.into_parts();
        Ok(Response::from_parts(parts, body.read_to_vec()?.into()))
    }

    fn tell(&self, failure: Option<String>) {
        let failed = failure.is_some();
        if self.failing.swap(failed, Ordering::Relaxed) == failed {
            return;
        }
        match failure {
            Some(reason) => {
                tracing::warn!(reason, "the collector takes no traces, they are lost until it does")
            }
            None => tracing::info!("the collector takes traces again"),
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    /// Blocks: only the exporter's own thread comes here.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request);
        self.tell(match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(error.to_string()),
        });
        Ok(sent?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_root_of_a_collector() {
        for root in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"] {
            assert_eq!(root.parse(), Ok(Endpoint("http://127.0.0.1:4318/v1/traces".to_owned())));
        }
        for wrong in ["", "127.0.0.1:4318", "grpc://collector:4317", "/v1/traces", "not an address"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong:?}");
        }
        assert!("https://collector".parse::<Endpoint>().unwrap_err().contains("TLS"));
    }
}
