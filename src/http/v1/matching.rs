//! `POST /v1/match`: how well texts describe pictures.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::http::extract::{Asked, Picture};
use crate::http::openapi::Refusals;
use crate::http::{AppState, Problem};

use super::example;

/// What is matched, as it was sent.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct MatchRequest(Fields);

/// One or several pictures, one or several texts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// Either this or `images`.
    #[schema(nullable = false)]
    image: Option<Picture>,
    /// Either this or `image`.
    #[schema(nullable = false, min_items = 1)]
    images: Option<Vec<Picture>>,
    /// Either this or `texts`.
    #[schema(nullable = false)]
    text: Option<String>,
    /// Either this or `text`.
    #[schema(nullable = false, min_items = 1)]
    texts: Option<Vec<String>>,
}

impl ToSchema for MatchRequest {
    fn name() -> Cow<'static, str> {
        "MatchRequest".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Fields::schemas(schemas);
    }
}

impl PartialSchema for MatchRequest {
    fn schema() -> RefOr<Schema> {
        let either = |one, more| json!({"oneOf": [{"required": [one]}, {"required": [more]}]});
        let both = json!([either("image", "images"), either("text", "texts")]);
        let mut schema = Fields::schema();
        if let RefOr::T(Schema::Object(fields)) = &mut schema {
            // An object of the contract's writer has no place for `allOf`; its extensions are written as they are.
            fields.extensions = Some(Extensions::from_iter([("allOf", both)]));
        }
        schema
    }
}

/// A score for each pair of a picture and a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchResponse {
    /// One row per picture, one column per text: the probability, 0 to 1, that the text describes the picture.
    pub scores: Vec<Vec<f32>>,
    /// The model that answered, as `NAME@VERSION`.
    pub model: String,
}

impl MatchResponse {
    pub(super) fn example<const TEXTS: usize>(scores: &[[f32; TEXTS]]) -> Self {
        Self { scores: scores.iter().map(|row| row.to_vec()).collect(), model: example::MODEL.to_owned() }
    }
}

/// Score how well texts describe pictures
#[utoipa::path(
    post, path = "/v1/match", tag = "tasks", operation_id = "match",
    request_body(
        content = MatchRequest,
        examples(
            ("pictures" = (
                summary = "Several pictures, one text",
                value = json!({"images": [example::picture(), {"id": example::ID}], "text": "a red circle"}),
            )),
            ("texts" = (
                summary = "One picture, several texts",
                value = json!({"image": example::picture(), "texts": ["a red circle", "a blue square"]}),
            )),
        ),
    ),
    responses(
        (status = 200, description = "Scores, pictures × texts.", body = MatchResponse, examples(
            ("pictures" = (
                summary = "Several pictures, one text",
                value = json!(MatchResponse::example(&[[0.96875], [0.96875]])),
            )),
            ("texts" = (
                summary = "One picture, several texts",
                value = json!(MatchResponse::example(&[[0.96875, 0.03125]])),
            )),
        )),
        Refusals,
    ),
)]
pub async fn matching(
    State(state): State<AppState>,
    Asked { request, images, engine, call }: Asked<MatchRequest>,
) -> Result<Json<MatchResponse>, Problem> {
    let MatchRequest(asked) = request;
    let pictures = one_or_more(asked.image, asked.images, ("image", "images"))?;
    let texts = one_or_more(asked.text, asked.texts, ("text", "texts"))?;
    check_pairs(pictures.len(), texts.len(), state.settings().max_pairs.get())?;
    let pictures = pictures.into_iter().map(|picture| images.open(picture)).collect::<Result<_, _>>()?;
    let (pictures, texts) = tokio::try_join!(engine.see_all(pictures, &call), engine.read_all(texts, &call))?;
    let scores = engine.match_all(&pictures, &texts, &call).await?;
    Ok(Json(MatchResponse { scores, model: engine.model().id().to_owned() }))
}

/// Things are given singly or as a list, never both, never none.
fn one_or_more<T>(
    one: Option<T>,
    more: Option<Vec<T>>,
    (single, plural): (&str, &'static str),
) -> Result<Vec<T>, Problem> {
    match (one, more) {
        (Some(one), None) => Ok(vec![one]),
        (None, Some(more)) if !more.is_empty() => Ok(more),
        (None, Some(_)) => Err(Problem::Unusable { field: plural, reason: "is empty".to_owned() }),
        (None, None) => Err(Problem::Malformed {
            field: Some(single.to_owned()),
            reason: format!("the request lacks `{single}` or `{plural}`"),
        }),
        (Some(_), Some(_)) => Err(Problem::Malformed {
            field: Some(plural.to_owned()),
            reason: format!("the request gives both `{single}` and `{plural}`: send one of them"),
        }),
    }
}

fn check_pairs(pictures: usize, texts: usize, limit: usize) -> Result<(), Problem> {
    if pictures.saturating_mul(texts) <= limit {
        return Ok(());
    }
    let (field, asked) = if texts > 1 { ("texts", texts) } else { ("images", pictures) };
    let reason = format!(
        "has {asked} items; {pictures} × {texts} pairs are more than the {limit} a request may ask for"
    );
    Err(Problem::Unusable { field, reason })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn texts_are_given_singly_or_as_a_list() {
        let read = |one, more| one_or_more(one, more, ("text", "texts"));
        assert_eq!(read(Some("a"), None).unwrap(), ["a"]);
        assert_eq!(read(None, Some(vec!["a", "b"])).unwrap(), ["a", "b"]);
        for (one, more, status) in [
            (None, Some(vec![]), StatusCode::UNPROCESSABLE_ENTITY),
            (None, None, StatusCode::BAD_REQUEST),
            (Some("a"), Some(vec!["b"]), StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(read(one, more).unwrap_err().status(), status);
        }
    }

    #[test]
    fn pairs_beyond_the_limit_are_refused() {
        assert!(check_pairs(16, 16, 256).is_ok());
        assert!(matches!(check_pairs(16, 17, 256), Err(Problem::Unusable { field: "texts", .. })));
        assert!(matches!(check_pairs(257, 1, 256), Err(Problem::Unusable { field: "images", .. })));
        assert!(check_pairs(usize::MAX, 2, 256).is_err());
    }
}
