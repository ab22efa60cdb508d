//! `POST /v1/objects`: what is in a picture.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::extract::{Asked, Picture};
use crate::http::openapi::Refusals;
use crate::runtime::Seen;
use crate::types::{PixelBox, Tags};

use super::answer::{BoxView, TagsView};
use super::example;

/// A picture.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectsRequest {
    image: Picture,
}

/// The objects found in the picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct ObjectsResponse {
    /// Of the picture, in pixels.
    width: u32,
    /// Of the picture, in pixels.
    height: u32,
    /// By falling score; possibly none.
    objects: Vec<ObjectView>,
    /// The model that answered, as `NAME@VERSION`.
    model: String,
}

/// An object in the picture.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Object)]
pub struct ObjectView {
    #[serde(rename = "box")]
    bbox: BoxView,
    tags: TagsView,
    /// Confidence of the detector.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
}

impl ObjectView {
    /// The objects of a picture, in their order.
    pub fn all(seen: &Seen) -> Vec<Self> {
        let view = |object| {
            let bbox = seen.pixel_box(object).into();
            Self { bbox, tags: object.tags.clone().into(), score: object.score }
        };
        seen.objects().iter().map(view).collect()
    }

    pub fn example() -> Self {
        let tags = Tags { class: "circle".to_owned(), attributes: vec!["red".to_owned()] };
        let bbox = PixelBox { x: 6.0, y: 6.0, width: 20.0, height: 20.0 };
        Self { bbox: bbox.into(), tags: tags.into(), score: 0.9921875 }
    }
}

impl ObjectsResponse {
    fn new(seen: &Seen, model: &str) -> Self {
        let (size, objects) = (seen.size(), ObjectView::all(seen));
        Self { width: size.width, height: size.height, objects, model: model.to_owned() }
    }

    fn example() -> Self {
        Self { width: 32, height: 32, objects: vec![ObjectView::example()], model: example::MODEL.to_owned() }
    }
}

/// Find the objects in a picture
#[utoipa::path(
    post, path = "/v1/objects", tag = "tasks",
    request_body(content = ObjectsRequest, example = json!({"image": example::picture()})),
    responses(
        (status = 200, description = "The objects, by falling score.", body = ObjectsResponse,
            example = json!(ObjectsResponse::example())),
        Refusals,
    ),
)]
pub async fn objects(
    Asked { request, images, engine, call }: Asked<ObjectsRequest>,
) -> Result<Json<ObjectsResponse>, Problem> {
    let seen = engine.see(images.open(request.image)?, &call).await?;
    Ok(Json(ObjectsResponse::new(&seen, engine.model().id())))
}
