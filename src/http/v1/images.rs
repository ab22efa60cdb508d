//! `POST /v1/images`, `GET` and `DELETE /v1/images/{id}`: pictures that are asked about more than once.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::extract::{Asked, PictureFile};
use crate::http::openapi::{UnknownPicture, UploadRefusals};
use crate::http::{AppState, Problem};
use crate::types::Size;

use super::example;

/// A picture to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRequest {
    image: PictureFile,
}

/// How to ask about the picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImageResponse {
    /// Stands for the picture as `{"id": "…"}`.
    id: String,
    /// Of the picture, in pixels.
    width: u32,
    /// Of the picture, in pixels.
    height: u32,
    /// Seconds after which the picture is dropped if nobody asks about it; each use starts the time anew.
    expires_in: u64,
}

impl ImageResponse {
    fn new(id: String, Size { width, height }: Size, left: Duration) -> Self {
        Self { id, width, height, expires_in: left.as_secs() }
    }

    fn example() -> Self {
        Self { id: example::ID.to_owned(), width: 32, height: 32, expires_in: 600 }
    }
}

/// Leave a picture here
///
/// It is decoded once to see that it can be answered about. When room is needed for others, those go that were used least recently.
#[utoipa::path(
    post, path = "/v1/images", tag = "images",
    request_body(content = ImageRequest, example = json!({"image": example::picture()})),
    responses(
        (status = 201, description = "The picture's id.", body = ImageResponse, example = json!(ImageResponse::example())),
        UploadRefusals,
    ),
)]
pub async fn add(
    Asked { request, images, engine, call }: Asked<ImageRequest>,
) -> Result<(StatusCode, Json<ImageResponse>), Problem> {
    let (size, picture) = engine.check(request.image.0, &call).await?;
    let id = images.add(picture, size)?;
    Ok((StatusCode::CREATED, Json(ImageResponse::new(id, size, images.lifetime()))))
}

/// See whether a picture is still here
///
/// The answer is that of the upload, with the time that is left. Looking does not count as a use: the time runs on.
#[utoipa::path(
    get, path = "/v1/images/{id}", tag = "images", operation_id = "image",
    params(("id" = String, Path, description = "Id of the picture.", example = json!(example::ID))),
    responses(
        (status = 200, description = "It is.", body = ImageResponse, example = json!(ImageResponse::example())),
        UnknownPicture,
    ),
)]
pub async fn one(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ImageResponse>, Problem> {
    let id = named(id);
    let (size, left) = state.images().describe(&id)?;
    Ok(Json(ImageResponse::new(id, size, left)))
}

/// Forget a picture
///
/// What the model made of it may stay in memory for a while, under a digest of its bytes.
#[utoipa::path(
    delete, path = "/v1/images/{id}", tag = "images", operation_id = "forget",
    params(("id" = String, Path, description = "Id of the picture.", example = json!(example::ID))),
    responses((status = 204, description = "It is forgotten."), UnknownPicture),
)]
pub async fn remove(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    state.images().remove(&named(id)).map(|()| StatusCode::NO_CONTENT)
}

/// The id in a path; one that isn't even text names no picture.
fn named(id: Result<Path<String>, PathRejection>) -> String {
    id.map_or_else(|rejection| rejection.body_text(), |Path(id)| id)
}
