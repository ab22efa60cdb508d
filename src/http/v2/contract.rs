//! What the protocol's routes have in common in the contract.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema};

use crate::http::openapi::{JSON, described, example, named_refusals};
use crate::http::problem::Kind;

use super::{ErrorView, Refusal};

const ERROR_SCHEMA: &str = "InferenceError";

/// The refusals of a run.
const INFERRING: [Kind; 8] = [
    Kind::Malformed,
    Kind::NotFound,
    Kind::TooLarge,
    Kind::Unsupported,
    Kind::Overloaded,
    Kind::Fault,
    Kind::NotReady,
    Kind::Expired,
];

/// The refusals of a run.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&INFERRING)
    }
}

/// The refusal while no model is loaded or the server is shutting down.
pub(super) struct NotReady;

impl IntoResponses for NotReady {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[Kind::NotReady])
    }
}

/// The refusal of a model's name or version.
pub(super) struct UnknownModel;

impl IntoResponses for UnknownModel {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[Kind::NotFound])
    }
}

/// The refusal of a request without a key, where the server has keys.
pub fn unauthorized() -> BTreeMap<String, RefOr<Response>> {
    refusals(&[Kind::Unauthorized])
}

/// Adds what the operations refer to.
pub fn components(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = components.schema(ERROR_SCHEMA, ErrorView::schema());
    let all = INFERRING.into_iter().chain([Kind::Unauthorized]);
    all.fold(components, |components, kind| components.response(name(kind), refusal(kind)))
}

fn refusals(kinds: &[Kind]) -> BTreeMap<String, RefOr<Response>> {
    named_refusals(kinds, name)
}

/// The name of a refusal among the components.
fn name(kind: Kind) -> String {
    format!("Inference{kind:?}")
}

fn refusal(kind: Kind) -> Response {
    let problem = match kind {
        Kind::Malformed => Refusal::Malformed("input `token_mask` is missing".to_owned()).into(),
        Kind::NotFound => {
            let [name, served] = ["shapes.colours", "`shapes.objects`, `shapes.text`"].map(str::to_owned);
            Refusal::Model { name, served }.into()
        }
        Kind::Unsupported => Refusal::Encoding.into(),
        other => example(other),
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ERROR_SCHEMA)))
        .example(Some(json!(ErrorView::from(problem.document("")))))
        .build();
    described(kind, JSON, content)
}
