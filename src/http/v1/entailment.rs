//! `POST /v1/entailment`: does a picture bear out a statement.

use std::borrow::Cow;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::http::Problem;
use crate::http::extract::{Asked, Picture};
use crate::http::openapi::Refusals;
use crate::types::{Entailment, EntailmentScores, Query};

use super::answer::AnswerView;
use super::example;

/// A picture and a statement about it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntailmentRequest {
    image: Picture,
    /// A statement in English.
    hypothesis: String,
}

/// How the statement relates to the picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntailmentResponse {
    /// The most probable label.
    label: Label,
    scores: LabelScores,
    /// The model that answered, as `NAME@VERSION`.
    model: String,
}

/// The picture bears the statement out, leaves it open, or contradicts it.
#[derive(Debug, Serialize)]
pub struct Label(Entailment);

impl ToSchema for Label {
    fn name() -> Cow<'static, str> {
        "Label".into()
    }
}

impl PartialSchema for Label {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The picture bears the statement out, leaves it open, or contradicts it."))
            .enum_values(Some(Entailment::ALL.map(Entailment::name)))
            .into()
    }
}

/// Probabilities of the three labels; they sum to one.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelScores {
    #[schema(minimum = 0, maximum = 1)]
    entailment: f32,
    #[schema(minimum = 0, maximum = 1)]
    neutral: f32,
    #[schema(minimum = 0, maximum = 1)]
    contradiction: f32,
}

impl EntailmentResponse {
    pub fn new(scores: EntailmentScores, model: String) -> Self {
        let EntailmentScores { entailment, neutral, contradiction } = scores;
        Self {
            label: Label(scores.label()),
            scores: LabelScores { entailment, neutral, contradiction },
            model,
        }
    }

    pub(super) fn example() -> Self {
        Self::new(EntailmentScores::new([0.9375, 0.046875, 0.015625]), example::MODEL.to_owned())
    }
}

/// Tell whether a picture bears out a statement
#[utoipa::path(
    post, path = "/v1/entailment", tag = "tasks",
    request_body(
        content = EntailmentRequest,
        example = json!({"image": example::picture(), "hypothesis": "There is a red circle."}),
    ),
    responses(
        (status = 200, description = "The label and its probabilities.", body = EntailmentResponse,
            example = json!(EntailmentResponse::example())),
        Refusals,
    ),
)]
pub async fn entailment(
    Asked { request, images, engine, call }: Asked<EntailmentRequest>,
) -> Result<Json<AnswerView>, Problem> {
    let query = Query::Entailment { hypothesis: request.hypothesis };
    let answer = engine.answer(images.open(request.image)?, &query, &call).await?;
    Ok(Json(AnswerView::new(answer, engine.model().id())))
}
