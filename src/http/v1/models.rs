//! `GET /v1/models` and `GET /v1/models/{name}`: what is loaded and what it can do.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{NotReady, UnknownModel};
use crate::http::{AppState, Problem, RefusedVersion};
use crate::runtime::Engine;

use super::{MAX_TOP_K, example};

/// The models that are served.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelsResponse {
    models: Vec<ModelView>,
}

impl ModelsResponse {
    fn example() -> Self {
        Self { models: vec![ModelView::example()] }
    }
}

/// A model and what it runs on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub struct ModelView {
    name: String,
    version: String,
    /// UTC, RFC 3339.
    #[schema(format = DateTime)]
    created: String,
    /// Commit of the code that made the model.
    source_commit: String,
    /// Digest over the model's files; two models with the same one answer alike.
    fingerprint: String,
    /// What the model runs on: `cpu` or `cuda`.
    provider: &'static str,
    /// Threads that run it.
    executors: usize,
    limits: LimitsView,
    /// Answers that it can give to questions.
    answers: usize,
    /// Classes of the objects that it finds.
    classes: Vec<String>,
    /// Attributes of the objects that it finds.
    attributes: Vec<String>,
    /// Figures on held-out data, by name.
    metrics: BTreeMap<String, f64>,
    /// What it was trained on.
    training_data: String,
    /// The version that was to take its place and can't be served.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refused: Option<RefusedView>,
}

/// A version that was tried and refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedVersion)]
pub struct RefusedView {
    /// Left out if its manifest can't be read that far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<String>,
    /// Left out if it has no manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    fingerprint: Option<String>,
    /// What is wrong with it.
    reason: String,
    /// UTC, RFC 3339.
    #[schema(format = DateTime)]
    at: String,
}

impl From<&RefusedVersion> for RefusedView {
    fn from(refused: &RefusedVersion) -> Self {
        Self {
            version: refused.version.clone(),
            fingerprint: refused.fingerprint.clone(),
            reason: refused.reason.clone(),
            at: refused.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

/// The most that one request may ask.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Limits)]
pub struct LimitsView {
    /// Size of a request's body.
    body_bytes: usize,
    /// Width × height of a picture.
    picture_pixels: u64,
    /// Tokens of a text; a word is one or a few.
    text_tokens: usize,
    /// Objects found in a picture.
    objects: usize,
    /// Candidates listed in an answer.
    top_k: usize,
    /// Pictures × texts of a match request.
    pairs: usize,
    /// Queries of a query request.
    queries: usize,
    /// Time until the answer, in milliseconds.
    request_ms: u64,
}

impl ModelView {
    fn new(engine: &Engine, state: &AppState) -> Self {
        let (model, settings) = (engine.model(), state.settings());
        let manifest = &model.manifest;
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            created: manifest.created.clone(),
            source_commit: manifest.source_commit.clone(),
            fingerprint: model.fingerprint.clone(),
            provider: model.provider,
            executors: model.executors,
            limits: LimitsView {
                body_bytes: settings.max_body.get(),
                picture_pixels: model.pictures.pixels,
                text_tokens: manifest.tokenizer.max_tokens,
                objects: manifest.dimensions.objects,
                top_k: MAX_TOP_K,
                pairs: settings.max_pairs.get(),
                queries: settings.max_queries.get(),
                request_ms: u64::try_from(settings.max_time.as_millis()).unwrap_or(u64::MAX),
            },
            answers: manifest.answers.len(),
            classes: manifest.classes.clone(),
            attributes: manifest.attributes.clone(),
            metrics: manifest.metrics.clone(),
            training_data: manifest.training_data.clone(),
            refused: state.refused().as_deref().map(RefusedView::from),
        }
    }

    fn example() -> Self {
        let (name, version) = example::MODEL.split_once('@').unwrap_or_default();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            created: "2026-11-26T09:22:21Z".to_owned(),
            source_commit: "23efa0f63da0".to_owned(),
            fingerprint: "1d0b5e9c44a7f2835d6e10b7c98f3a2e6407d1bb85f9ce20a3647e18f5c2d90b".to_owned(),
            provider: "cpu",
            executors: 2,
            limits: LimitsView {
                body_bytes: 20 << 20,
                picture_pixels: 40_000_000,
                text_tokens: 48,
                objects: 16,
                top_k: MAX_TOP_K,
                pairs: 256,
                queries: 64,
                request_ms: 30_000,
            },
            answers: 46,
            classes: words(&["circle", "square", "star"]),
            attributes: words(&["solid", "small", "red", "blue"]),
            metrics: BTreeMap::from([("vqa.accuracy".to_owned(), 0.96875)]),
            training_data: "Scenes drawn by `cmal world`.".to_owned(),
            refused: None,
        }
    }
}

/// List the models that are served
#[utoipa::path(get, path = "/v1/models", tag = "models", operation_id = "models", responses(
    (status = 200, description = "The models.", body = ModelsResponse, example = json!(ModelsResponse::example())),
    NotReady,
))]
pub async fn list(State(state): State<AppState>) -> Result<Json<ModelsResponse>, Problem> {
    let model = ModelView::new(&state.engine()?, &state);
    Ok(Json(ModelsResponse { models: vec![model] }))
}

/// Describe one model
#[utoipa::path(
    get, path = "/v1/models/{name}", tag = "models", operation_id = "model",
    params(("name" = String, Path, description = "Name of the model, or `NAME@VERSION` as answers give it.", example = "shapes")),
    responses(
        (status = 200, description = "The model.", body = ModelView, example = json!(ModelView::example())),
        UnknownModel,
        NotReady,
    ),
)]
pub async fn one(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<ModelView>, Problem> {
    let engine = state.engine()?;
    let model = engine.model();
    match name {
        Ok(Path(name)) if name == model.name() || name == model.id() => {
            Ok(Json(ModelView::new(&engine, &state)))
        }
        Ok(Path(name)) => Err(Problem::UnknownModel { name }),
        // A name that isn't even text names no model.
        Err(rejection) => Err(Problem::UnknownModel { name: rejection.body_text() }),
    }
}
