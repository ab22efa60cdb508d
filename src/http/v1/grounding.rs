//! `POST /v1/grounding`: where in a picture is what an expression refers to.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::extract::{Asked, Picture, whole_number};
use crate::http::openapi::Refusals;
use crate::types::{Candidate, GroundingAnswer, PixelBox, Query, Tags};

use super::answer::{AnswerView, BoxView, TagsView};
use super::{example, top_k};

/// A picture and an expression that refers to something in it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroundingRequest {
    image: Picture,
    /// Such as "the small red star left of the square".
    expression: String,
    /// Candidates to list.
    #[serde(default = "default_top_k", deserialize_with = "whole_number")]
    #[schema(minimum = 1, maximum = 20, default = default_top_k)]
    top_k: i64,
}

pub(super) fn default_top_k() -> i64 {
    1
}

/// Where the expression points.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroundingResponse {
    /// Probability that the expression refers to anything in the picture.
    #[schema(minimum = 0, maximum = 1)]
    present: f32,
    /// Box of the best candidate; null if no object was found in the picture.
    #[serde(rename = "box")]
    #[schema(required = true)]
    bbox: Option<BoxView>,
    /// Score of the best candidate; 0 if there is none.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
    /// By falling score.
    candidates: Vec<CandidateView>,
    /// The model that answered, as `NAME@VERSION`.
    model: String,
}

/// An object that the expression may refer to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Candidate)]
pub struct CandidateView {
    #[serde(rename = "box")]
    bbox: BoxView,
    /// Probability among the picture's objects.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
    tags: TagsView,
}

impl From<Candidate> for CandidateView {
    fn from(Candidate { bbox, score, tags }: Candidate) -> Self {
        Self { bbox: bbox.into(), score, tags: tags.into() }
    }
}

impl GroundingResponse {
    pub fn new(answer: GroundingAnswer, model: String) -> Self {
        let candidates: Vec<CandidateView> = answer.candidates.into_iter().map(CandidateView::from).collect();
        let best = candidates.first();
        Self {
            present: answer.present,
            bbox: best.map(|best| best.bbox),
            score: best.map_or(0.0, |best| best.score),
            candidates,
            model,
        }
    }

    pub(super) fn example() -> Self {
        let candidate = Candidate {
            bbox: PixelBox { x: 6.0, y: 6.0, width: 20.0, height: 20.0 },
            score: 0.9921875,
            tags: Tags { class: "circle".to_owned(), attributes: vec!["red".to_owned()] },
        };
        Self::new(
            GroundingAnswer { present: 0.984375, candidates: vec![candidate] },
            example::MODEL.to_owned(),
        )
    }
}

/// Find what an expression refers to
#[utoipa::path(
    post, path = "/v1/grounding", tag = "tasks",
    request_body(
        content = GroundingRequest,
        example = json!({"image": example::picture(), "expression": "the red circle"}),
    ),
    responses(
        (status = 200, description = "The best box and the candidates.", body = GroundingResponse,
            example = json!(GroundingResponse::example())),
        Refusals,
    ),
)]
pub async fn grounding(
    Asked { request, images, engine, call }: Asked<GroundingRequest>,
) -> Result<Json<AnswerView>, Problem> {
    let query = Query::Grounding { expression: request.expression, top_k: top_k(request.top_k)? };
    let answer = engine.answer(images.open(request.image)?, &query, &call).await?;
    Ok(Json(AnswerView::new(answer, engine.model().id())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_without_objects_has_no_box() {
        let none = GroundingResponse::new(GroundingAnswer { present: 0.1, candidates: vec![] }, "m".into());
        let json = serde_json::to_value(none).unwrap();
        assert_eq!((&json["box"], &json["score"]), (&serde_json::Value::Null, &json!(0.0)));
    }
}
