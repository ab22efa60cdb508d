//! `POST /v1/vqa`: a question about a picture.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::extract::{Asked, Picture, whole_number};
use crate::http::openapi::Refusals;
use crate::types::{Query, ScoredAnswer, VqaAnswer};

use super::answer::AnswerView;
use super::{example, top_k};

/// A picture and a question about it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VqaRequest {
    image: Picture,
    /// In English, as one would ask a person.
    question: String,
    /// Answers to list.
    #[serde(default = "default_top_k", deserialize_with = "whole_number")]
    #[schema(minimum = 1, maximum = 20, default = default_top_k)]
    top_k: i64,
}

pub(super) fn default_top_k() -> i64 {
    5
}

/// The most probable answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct VqaResponse {
    /// The most probable one.
    answer: String,
    /// By falling score.
    answers: Vec<AnswerScore>,
    /// The model that answered, as `NAME@VERSION`.
    model: String,
}

/// An answer and its probability.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerScore {
    answer: String,
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
}

impl From<ScoredAnswer> for AnswerScore {
    fn from(ScoredAnswer { answer, score }: ScoredAnswer) -> Self {
        Self { answer, score }
    }
}

impl VqaResponse {
    pub fn new(answer: VqaAnswer, model: String) -> Self {
        let answers: Vec<AnswerScore> = answer.answers.into_iter().map(AnswerScore::from).collect();
        Self { answer: answers.first().map(|best| best.answer.clone()).unwrap_or_default(), answers, model }
    }

    pub(super) fn example() -> Self {
        let scored = |answer: &str, score| ScoredAnswer { answer: answer.to_owned(), score };
        Self::new(
            VqaAnswer { answers: vec![scored("red", 0.96875), scored("orange", 0.015625)] },
            example::MODEL.to_owned(),
        )
    }
}

/// Answer a question about a picture
#[utoipa::path(
    post, path = "/v1/vqa", tag = "tasks",
    request_body(
        content = VqaRequest,
        examples(
            ("file" = (
                summary = "A picture",
                value = json!({"image": example::picture(), "question": "What colour is the circle?", "top_k": 2}),
            )),
            ("kept" = (
                summary = "A picture that was left here before, by its id",
                value = json!({"image": {"id": example::ID}, "question": "What colour is the circle?", "top_k": 2}),
            )),
        ),
    ),
    responses(
        (status = 200, description = "The most probable answers.", body = VqaResponse, example = json!(VqaResponse::example())),
        Refusals,
    ),
)]
pub async fn vqa(
    Asked { request, images, engine, call }: Asked<VqaRequest>,
) -> Result<Json<AnswerView>, Problem> {
    let query = Query::Vqa { question: request.question, top_k: top_k(request.top_k)? };
    let answer = engine.answer(images.open(request.image)?, &query, &call).await?;
    Ok(Json(AnswerView::new(answer, engine.model().id())))
}
