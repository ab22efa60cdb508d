//! `GET` below `/v2`: what the server is, what its models take and give, whether they are ready.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::bundle::{Axis, TensorEntry};
use crate::http::{AppState, Problem};
use crate::runtime::{Engine, RawGraph};

use super::address::{self, Address};
use super::contract::{NotReady, UnknownModel};
use super::datatype;

/// The protocol's name for what runs the graphs.
const PLATFORM: &str = "onnxruntime_onnx";

/// The server as the protocol describes it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceServer)]
pub struct ServerView {
    name: &'static str,
    version: &'static str,
    /// Extensions of the protocol that it understands.
    extensions: [&'static str; 1],
}

/// The server runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceLive)]
pub struct LiveView {
    live: bool,
}

/// All models answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceReady)]
pub struct ReadyView {
    ready: bool,
}

/// A model answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceModelReady)]
pub struct ModelReadyView {
    name: String,
    ready: bool,
}

/// A graph of the bundle as a model of the protocol.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceModel)]
pub struct ModelView {
    name: String,
    /// The version of the bundle.
    versions: [String; 1],
    platform: &'static str,
    inputs: Vec<TensorView>,
    outputs: Vec<TensorView>,
}

/// A tensor that a model takes or gives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceTensor)]
pub struct TensorView {
    name: String,
    /// `FP32`, `INT64`, `UINT8` or `BOOL`.
    datatype: &'static str,
    /// Sizes of the axes; -1 is one that the request chooses.
    shape: Vec<i64>,
}

impl ServerView {
    fn new() -> Self {
        let extensions = ["binary_tensor_data"];
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), extensions }
    }
}

impl ModelView {
    fn new(engine: &Engine, graph: RawGraph<'_>) -> Self {
        let served = engine.model();
        let views = |entries: &[TensorEntry]| entries.iter().map(TensorView::from).collect();
        Self {
            name: address::name(served, graph.name()),
            versions: [served.version().to_owned()],
            platform: PLATFORM,
            inputs: views(graph.inputs()),
            outputs: views(graph.outputs()),
        }
    }

    fn example() -> Self {
        let view = |name: &str, datatype, shape: &[i64]| {
            let (name, shape) = (name.to_owned(), shape.to_vec());
            TensorView { name, datatype, shape }
        };
        Self {
            name: "shapes.text".to_owned(),
            versions: ["10".to_owned()],
            platform: PLATFORM,
            inputs: vec![view("tokens", "INT64", &[-1, -1]), view("token_mask", "BOOL", &[-1, -1])],
            outputs: vec![view("textual", "FP32", &[-1, -1, 128]), view("textual_coarse", "FP32", &[-1, 96])],
        }
    }
}

impl From<&TensorEntry> for TensorView {
    fn from(entry: &TensorEntry) -> Self {
        let size = |axis: &Axis| match axis {
            Axis::Fixed(size) => i64::try_from(*size).unwrap_or(i64::MAX),
            Axis::Dynamic(_) => -1,
        };
        Self {
            name: entry.name.clone(),
            datatype: datatype(entry.dtype),
            shape: entry.axes.iter().map(size).collect(),
        }
    }
}

/// Describe the server
#[utoipa::path(
    get, path = "/v2", tag = "inference protocol", operation_id = "inferenceServer",
    responses((status = 200, description = "The server.", body = ServerView, example = json!(ServerView::new()))),
)]
pub async fn server() -> Json<ServerView> {
    Json(ServerView::new())
}

/// The server runs
#[utoipa::path(
    get, path = "/v2/health/live", tag = "inference protocol", operation_id = "inferenceLive",
    responses((status = 200, description = "It does.", body = LiveView, example = json!({"live": true}))),
)]
pub async fn live() -> Json<LiveView> {
    Json(LiveView { live: true })
}

/// All models are ready
#[utoipa::path(
    get, path = "/v2/health/ready", tag = "inference protocol", operation_id = "inferenceReady",
    responses((status = 200, description = "They are.", body = ReadyView, example = json!({"ready": true})), NotReady),
)]
pub async fn ready(State(state): State<AppState>) -> Result<Json<ReadyView>, Problem> {
    state.ready().map(|()| Json(ReadyView { ready: true }))
}

/// Describe what a graph takes and gives
#[utoipa::path(
    get, path = "/v2/models/{model}", tag = "inference protocol", operation_id = "inferenceModel",
    params(Address),
    responses(
        (status = 200, description = "The model.", body = ModelView, example = json!(ModelView::example())),
        UnknownModel,
        NotReady,
    ),
)]
pub async fn model(State(state): State<AppState>, address: Address) -> Result<Json<ModelView>, Problem> {
    let engine = state.engine()?;
    Ok(Json(ModelView::new(&engine, address.graph(&engine)?)))
}

/// Describe what a graph takes and gives, in one version
#[utoipa::path(
    get, path = "/v2/models/{model}/versions/{version}", tag = "inference protocol",
    operation_id = "inferenceModelVersion",
    params(
        Address,
        ("version" = String, Path, description = "Version of the bundle.", example = "10"),
    ),
    responses(
        (status = 200, description = "The model.", body = ModelView, example = json!(ModelView::example())),
        UnknownModel,
        NotReady,
    ),
)]
pub async fn model_version(state: State<AppState>, address: Address) -> Result<Json<ModelView>, Problem> {
    model(state, address).await
}

/// A graph is ready
#[utoipa::path(
    get, path = "/v2/models/{model}/ready", tag = "inference protocol", operation_id = "inferenceModelReady",
    params(Address),
    responses(
        (status = 200, description = "It is.", body = ModelReadyView, example = json!({"name": "shapes.text", "ready": true})),
        UnknownModel,
        NotReady,
    ),
)]
pub async fn model_ready(
    State(state): State<AppState>,
    address: Address,
) -> Result<Json<ModelReadyView>, Problem> {
    address.graph(&state.engine()?)?;
    state.ready()?;
    Ok(Json(ModelReadyView { name: address.model, ready: true }))
}

/// A graph is ready in one version
#[utoipa::path(
    get, path = "/v2/models/{model}/versions/{version}/ready", tag = "inference protocol",
    operation_id = "inferenceModelVersionReady",
    params(
        Address,
        ("version" = String, Path, description = "Version of the bundle.", example = "10"),
    ),
    responses(
        (status = 200, description = "It is.", body = ModelReadyView, example = json!({"name": "shapes.text", "ready": true})),
        UnknownModel,
        NotReady,
    ),
)]
pub async fn model_version_ready(
    state: State<AppState>,
    address: Address,
) -> Result<Json<ModelReadyView>, Problem> {
    model_ready(state, address).await
}
