//! What operators and their tools ask: probes, metrics, the contract.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::openapi::{self, NotReady};
use super::{AppState, Problem};

/// The process runs
#[utoipa::path(get, path = "/health/live", tag = "operation", operation_id = "live", responses(
    (status = 200, description = "It does.", body = String, content_type = "text/plain", example = "live"),
))]
pub async fn live() -> &'static str {
    "live"
}

/// Requests should be sent here
///
/// Not ready while the model is loading, and from the moment the server was told to stop.
#[utoipa::path(get, path = "/health/ready", tag = "operation", operation_id = "ready", responses(
    (status = 200, description = "They should.", body = String, content_type = "text/plain", example = "ready"),
    NotReady,
))]
pub async fn ready(State(state): State<AppState>) -> Result<&'static str, Problem> {
    state.ready().map(|()| "ready")
}

/// Metrics in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "metrics", responses(
    (status = 200, description = "All metrics.", body = String, content_type = "text/plain"),
))]
pub async fn metrics(State(state): State<AppState>) -> Response {
    // Set when it is told, so that it can't say anything else than `/health/ready`.
    state.metrics().ready.set(i64::from(state.ready().is_ok()));
    ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], state.metrics().render()).into_response()
}

/// This contract as YAML
#[utoipa::path(get, path = "/openapi.yaml", tag = "operation", operation_id = "contractYaml", responses(
    (status = 200, description = "The contract.", body = serde_json::Value, content_type = "application/yaml"),
))]
pub async fn contract_yaml() -> Response {
    ([(CONTENT_TYPE, "application/yaml")], openapi::rendered().yaml.as_str()).into_response()
}

/// This contract as JSON
#[utoipa::path(get, path = "/openapi.json", tag = "operation", operation_id = "contractJson", responses(
    (status = 200, description = "The contract.", body = serde_json::Value, content_type = "application/json"),
))]
pub async fn contract_json() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi::rendered().json.as_str()).into_response()
}
