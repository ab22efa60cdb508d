//! `POST /v1/associations`: which words of a text and which objects of a picture belong together.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::extract::{Asked, Picture};
use crate::http::openapi::Refusals;
use crate::runtime::{Association, Seen};
use crate::types::AnchorPoint;

use super::example;
use super::objects::ObjectView;

/// A picture and a text about it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssociationsRequest {
    image: Picture,
    /// In English.
    text: String,
}

/// The words of the text against the objects of the picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssociationsResponse {
    /// Words and punctuation marks in lower case.
    tokens: Vec<String>,
    /// By falling score; possibly none.
    objects: Vec<ObjectView>,
    /// The anchor points: pairs whose word is among the tags that the detector gave the object.
    anchors: Vec<AnchorView>,
    /// One row per token, one column per object: the probability, 0 to 1, that the word names the object, as the model judges when it sees
    /// the object in the place of the word. Only words that name objects were trained; those of other words mean little.
    associations: Vec<Vec<f32>>,
    /// The model that answered, as `NAME@VERSION`.
    model: String,
}

/// A word and an object that it names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Anchor)]
pub struct AnchorView {
    /// Index in `tokens`.
    token: usize,
    /// Index in `objects`.
    object: usize,
}

impl From<AnchorPoint> for AnchorView {
    fn from(AnchorPoint { object, token }: AnchorPoint) -> Self {
        Self { token, object }
    }
}

impl AssociationsResponse {
    fn new(seen: &Seen, association: Association, model: &str) -> Self {
        Self {
            tokens: association.words,
            objects: ObjectView::all(seen),
            anchors: association.anchors.into_iter().map(AnchorView::from).collect(),
            associations: association.probabilities,
            model: model.to_owned(),
        }
    }

    fn example() -> Self {
        Self {
            tokens: ["a", "red", "circle"].map(str::to_owned).to_vec(),
            objects: vec![ObjectView::example()],
            anchors: vec![AnchorView { token: 1, object: 0 }, AnchorView { token: 2, object: 0 }],
            associations: vec![vec![0.875], vec![0.96875], vec![0.984375]],
            model: example::MODEL.to_owned(),
        }
    }
}

/// Associate the words of a text with the objects of a picture
#[utoipa::path(
    post, path = "/v1/associations", tag = "tasks",
    request_body(
        content = AssociationsRequest,
        example = json!({"image": example::picture(), "text": "a red circle"}),
    ),
    responses(
        (status = 200, description = "Probabilities, words × objects.", body = AssociationsResponse,
            example = json!(AssociationsResponse::example())),
        Refusals,
    ),
)]
pub async fn associations(
    Asked { request, images, engine, call }: Asked<AssociationsRequest>,
) -> Result<Json<AssociationsResponse>, Problem> {
    let seen = engine.see(images.open(request.image)?, &call).await?;
    let association = engine.associate(&seen, &request.text, &call).await?;
    Ok(Json(AssociationsResponse::new(&seen, association, engine.model().id())))
}
