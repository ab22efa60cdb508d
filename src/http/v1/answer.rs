//! Answers of every task as JSON, and what they have in common.

use serde::Serialize;
use utoipa::ToSchema;

use crate::types::{Answer, PixelBox, Tags};

use super::entailment::EntailmentResponse;
use super::grounding::GroundingResponse;
use super::matching::MatchResponse;
use super::vqa::VqaResponse;

/// An answer in the shape that its own endpoint gives it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Answer)]
pub enum AnswerView {
    Vqa(VqaResponse),
    Entailment(EntailmentResponse),
    Grounding(GroundingResponse),
    Match(MatchResponse),
}

impl AnswerView {
    pub fn new(answer: Answer, model: &str) -> Self {
        let model = model.to_owned();
        match answer {
            Answer::Vqa(answer) => Self::Vqa(VqaResponse::new(answer, model)),
            Answer::Entailment(scores) => Self::Entailment(EntailmentResponse::new(scores, model)),
            Answer::Grounding(answer) => Self::Grounding(GroundingResponse::new(answer, model)),
            Answer::Match(score) => Self::Match(MatchResponse { scores: vec![vec![score]], model }),
        }
    }
}

/// A box in pixels of the picture sent: top-left corner and extent, y down.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Box)]
pub struct BoxView {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

impl From<PixelBox> for BoxView {
    fn from(PixelBox { x, y, width, height }: PixelBox) -> Self {
        Self { x, y, width, height }
    }
}

/// What a detector calls an object.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Tags)]
pub struct TagsView {
    class: String,
    attributes: Vec<String>,
}

impl From<Tags> for TagsView {
    fn from(Tags { class, attributes }: Tags) -> Self {
        Self { class, attributes }
    }
}
