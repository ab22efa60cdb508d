//! `POST /v2/models/{model}/infer`: one graph of the bundle on the caller's own tensors.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::bundle::{GoldenTensor, TensorEntry};
use crate::http::extract::{PARSE_HERE, Sent};
use crate::http::{AppState, Problem};

use super::address::Address;
use super::contract::Refusals;
use super::encoding::Encoding;
use super::read::read;
use super::reply::{InferResponse, write};
use super::request::InferRequest;

/// Answers with more values than this are written away from the threads that serve connections.
const WRITE_HERE: usize = 16 << 10;

/// Run a graph on tensors
///
/// Tensors come and go as JSON, as binary data behind it, or some of each; then the header `Inference-Header-Content-Length` says how many
/// bytes the JSON has. Bodies may be compressed with gzip or deflate, and answers are if `Accept-Encoding` asks for it. A run may have as
/// many rows as a batch of the server.
#[utoipa::path(
    post, path = "/v2/models/{model}/infer", tag = "inference protocol", operation_id = "infer",
    params(
        Address,
        ("Inference-Header-Content-Length" = Option<u64>, Header, nullable = false,
            description = "Bytes of the JSON in front of binary data."),
    ),
    request_body(content(
        (InferRequest = "application/json", example = json!(request_example())),
        (String = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "The outputs.", headers(
            ("Inference-Header-Content-Length" = u64, description = "Bytes of the JSON in front of binary data, if there is any."),
        ), content(
            (InferResponse = "application/json", example = json!(response_example())),
            (String = "application/octet-stream"),
        )),
        Refusals,
    ),
)]
pub async fn infer(
    State(state): State<AppState>,
    address: Address,
    Sent { headers, body, engine, call }: Sent,
) -> Result<Response<Body>, Problem> {
    let accepted = Encoding::accepted(&headers);
    let encoding = Encoding::of_body(&headers)?;
    let limit = state.settings().max_body.get();
    let (at, reader) = (address.clone(), engine.clone());
    let (run, wanted) = aside(encoding.is_some() || body.len() > PARSE_HERE, move || {
        let graph = at.graph(&reader)?;
        match encoding {
            Some(encoding) => read(&graph, &headers, &encoding.inflate(&body, limit)?),
            None => read(&graph, &headers, &body),
        }
    })
    .await?;
    let entries = run.outputs().to_vec();
    let tensors = engine.run(run, &call).await?;
    let outputs: Vec<(TensorEntry, GoldenTensor)> = entries.into_iter().zip(tensors).collect();
    let values: usize = outputs.iter().map(|(_, tensor)| tensor.values().len()).sum();
    aside(accepted.is_some() || values > WRITE_HERE, move || {
        write((&address.model, engine.model().version()), &outputs, &wanted, accepted)
    })
    .await
}

/// Run a graph on tensors, in one version
#[utoipa::path(
    post, path = "/v2/models/{model}/versions/{version}/infer", tag = "inference protocol",
    operation_id = "inferVersion",
    params(
        Address,
        ("version" = String, Path, description = "Version of the bundle.", example = "10"),
        ("Inference-Header-Content-Length" = Option<u64>, Header, nullable = false,
            description = "Bytes of the JSON in front of binary data."),
    ),
    request_body(content(
        (InferRequest = "application/json", example = json!(request_example())),
        (String = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "The outputs.", headers(
            ("Inference-Header-Content-Length" = u64, description = "Bytes of the JSON in front of binary data, if there is any."),
        ), content(
            (InferResponse = "application/json", example = json!(response_example())),
            (String = "application/octet-stream"),
        )),
        Refusals,
    ),
)]
pub async fn infer_version(
    state: State<AppState>,
    address: Address,
    sent: Sent,
) -> Result<Response<Body>, Problem> {
    infer(state, address, sent).await
}

/// Does work here, or on a thread that may be kept busy if it is `large`.
async fn aside<T: Send + 'static>(
    large: bool,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if !large {
        return work();
    }
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Problem::Panic { message: error.to_string() }))
}

/// "a red square".
fn request_example() -> Value {
    json!({
        "id": "7",
        "inputs": [
            {"name": "tokens", "shape": [1, 5], "datatype": "INT64", "data": [2, 11, 163, 200, 3]},
            {"name": "token_mask", "shape": [1, 5], "datatype": "BOOL", "data": [[true, true, true, true, true]]},
        ],
        "outputs": [{"name": "textual_coarse"}],
    })
}

/// Shortened: the vector is as long as the model makes it.
fn response_example() -> Value {
    json!({
        "model_name": "shapes.text",
        "model_version": "10",
        "id": "7",
        "outputs": [
            {"name": "textual_coarse", "datatype": "FP32", "shape": [1, 4], "data": [0.5, -0.5, 0.5, 0.5]},
        ],
    })
}
