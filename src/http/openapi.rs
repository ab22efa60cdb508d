//! The contract: collected from the routes, completed with what all of them have in common, served and printed.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{
    Array, ArrayItems, Components, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::runtime;

use super::extract::{Picture, PictureFile};
use super::layers::needs_key;
use super::problem::{Kind, Problem, ProblemDocument};
use super::{router, v2};

pub(super) const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";
const PROBLEM_SCHEMA: &str = "Problem";
const REQUEST_ID: &str = "X-Request-Id";
const TIMEOUT: &str = "X-Request-Timeout-Ms";
const TIMING: &str = "Server-Timing";
const RETRY_AFTER: &str = "Retry-After";
const CHALLENGE: &str = "WWW-Authenticate";
const BEARER: &str = "bearer";
const API_KEY: &str = "apiKey";
const UNKNOWN_PICTURE: &str = "UnknownPicture";

/// The refusals of a request to the model, but for that of a picture's id.
const ASKING: [Kind; 8] = [
    Kind::Malformed,
    Kind::TooLarge,
    Kind::Unsupported,
    Kind::Unusable,
    Kind::Overloaded,
    Kind::Fault,
    Kind::NotReady,
    Kind::Expired,
];

/// The contract as text.
pub(super) struct Rendered {
    pub yaml: String,
    pub json: String,
}

/// The contract in the form of `openapi.yaml`.
pub fn contract_yaml() -> &'static str {
    &rendered().yaml
}

/// The contract, put together at the first call.
pub(super) fn rendered() -> &'static Rendered {
    static RENDERED: LazyLock<Rendered> = LazyLock::new(|| {
        let contract = complete(router::routes_with_contract().into_openapi());
        Rendered {
            yaml: contract.to_yaml().expect("a contract of strings, numbers and maps is YAML"),
            json: contract.to_pretty_json().expect("a contract of strings, numbers and maps is JSON"),
        }
    });
    &RENDERED
}

/// What stands in the contract before any route.
pub(super) fn outline() -> OpenApi {
    let license =
        LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("cmal")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Questions about pictures, answered by CMAL. A picture is sent as base64 in JSON, or as a file in a multipart form \
             whose fields have the same names; or once, to be named by its id from then on. Every error is an RFC 9457 problem document, \
             but below /v2, where it has the form of the Open Inference Protocol. A server that has API keys wants one with each \
             request but for probes, this contract and pages.",
        ))
        .license(Some(license));
    let tag = |name, description| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(info)
        .tags(Some([
            tag("tasks", "What the model answers."),
            tag("images", "Pictures that are kept to be asked about."),
            tag("models", "What is loaded."),
            tag(
                "inference protocol",
                "The Open Inference Protocol, version 2, over the graphs of the model.",
            ),
            tag("operation", "Probes, metrics and this contract."),
            tag("pages", "For people with a browser."),
        ]))
        .components(Some(shared()))
        .build()
}

/// What operations refer to: the problem document, refusals, and headers.
fn shared() -> Components {
    let documented = ASKING.into_iter().chain([Kind::Unauthorized, Kind::NotFound]);
    let components = Components::builder()
        .schema(PROBLEM_SCHEMA, ProblemDocument::schema())
        .parameter(REQUEST_ID, request_id_parameter())
        .parameter(TIMEOUT, timeout_parameter())
        .header(REQUEST_ID, text_header("The request's id."))
        .header(
            TIMING,
            text_header(
                "Milliseconds spent in decode, objects, vision, text, queue, fusion, association and raw.",
            ),
        )
        .header(RETRY_AFTER, retry_after())
        .header(CHALLENGE, text_header("How to send a key."))
        .security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    let components = documented
        .fold(components, |components, kind| components.response(name(kind), refusal(kind, &example(kind))))
        .response(UNKNOWN_PICTURE, refusal(Kind::NotFound, &unknown_picture()));
    v2::components(components).build()
}

/// The refusals of a request to the model.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = refusals(&ASKING);
        responses.extend(UnknownPicture::responses());
        responses
    }
}

/// The refusals of a picture that is to be kept.
pub(super) struct UploadRefusals;

impl IntoResponses for UploadRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&ASKING)
    }
}

/// The refusal of a picture's id.
pub(super) struct UnknownPicture;

impl IntoResponses for UnknownPicture {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let status = Kind::NotFound.status().as_str().to_owned();
        BTreeMap::from([(status, Ref::from_response_name(UNKNOWN_PICTURE).into())])
    }
}

/// The refusal while no model is loaded or the server is shutting down.
pub(super) struct NotReady;

impl IntoResponses for NotReady {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[Kind::NotReady])
    }
}

/// The refusal of a model's name.
pub(super) struct UnknownModel;

impl IntoResponses for UnknownModel {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[Kind::NotFound])
    }
}

fn refusals(kinds: &[Kind]) -> BTreeMap<String, RefOr<Response>> {
    named_refusals(kinds, name)
}

/// References to the refusals of these kinds by status; `name` is that of a kind's among the components.
pub(super) fn named_refusals(
    kinds: &[Kind],
    name: impl Fn(Kind) -> String,
) -> BTreeMap<String, RefOr<Response>> {
    let reference = |kind| Ref::from_response_name(name(kind)).into();
    kinds.iter().map(|&kind| (kind.status().as_str().to_owned(), reference(kind))).collect()
}

/// The name of a refusal among the components.
fn name(kind: Kind) -> String {
    format!("{kind:?}")
}

fn refusal(kind: Kind, example: &Problem) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(PROBLEM_SCHEMA)))
        .example(Some(json!(example.document("5f2a7c31d09be864-1f"))))
        .build();
    described(kind, ProblemDocument::MEDIA_TYPE, content)
}

/// A refusal with the headers that it comes with.
pub(super) fn described(kind: Kind, media_type: &str, content: Content) -> Response {
    let description = format!("{}.", kind.title());
    let mut response = ResponseBuilder::new().description(description).content(media_type, content).build();
    response.headers.insert(REQUEST_ID.to_owned(), header(REQUEST_ID));
    if matches!(kind.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers.insert(RETRY_AFTER.to_owned(), header(RETRY_AFTER));
    }
    if kind == Kind::Unauthorized {
        response.headers.insert(CHALLENGE.to_owned(), header(CHALLENGE));
    }
    response
}

/// A problem of each kind as a client may meet it.
pub(super) fn example(kind: Kind) -> Problem {
    match kind {
        Kind::Malformed => Problem::Malformed {
            field: Some("image.base64".to_owned()),
            reason: "the request can't be read at `image.base64`: not base64: '?' is no character of it"
                .to_owned(),
        },
        Kind::Unauthorized => Problem::NoKey,
        Kind::NotFound => Problem::UnknownModel { name: "circles".to_owned() },
        Kind::Method => Problem::Method,
        Kind::TooLarge => Problem::BodyTooLarge { limit: 20 << 20 },
        Kind::Unsupported => Problem::BodyType,
        Kind::Unusable => {
            Problem::Unusable { field: "top_k", reason: "is 50, it must be 1 to 20".to_owned() }
        }
        Kind::Overloaded => {
            Problem::Engine(runtime::Error::Overloaded { retry_after: Duration::from_secs(2) })
        }
        Kind::Fault => Problem::Panic { message: String::new() },
        Kind::NotReady => Problem::Loading,
        Kind::Expired => Problem::Expired,
    }
}

fn unknown_picture() -> Problem {
    Problem::UnknownPicture { id: "9f2c41d7a05be8836e1407bd52ac90f3".to_owned() }
}

/// Adds to every operation what the layers and the body's reader give it.
fn complete(mut contract: OpenApi) -> OpenApi {
    let components = contract.components.clone().unwrap_or_default();
    for (address, path) in &mut contract.paths.paths {
        if let Some(operation) = &mut path.post {
            if !v2::speaks(address) {
                add_form(operation, &components);
            }
            operation.parameters.get_or_insert_default().push(parameter(TIMEOUT));
            add_header(operation, TIMING);
        }
        for operation in [&mut path.get, &mut path.post, &mut path.delete].into_iter().flatten() {
            operation.parameters.get_or_insert_default().push(parameter(REQUEST_ID));
            add_header(operation, REQUEST_ID);
        }
        if needs_key(address) {
            let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
            let refused =
                if v2::speaks(address) { v2::unauthorized() } else { refusals(&[Kind::Unauthorized]) };
            operations.into_iter().flatten().for_each(|operation| ask_for_key(operation, &refused));
        }
    }
    contract
}

/// The operation takes a key in either header, or none where the server has no keys.
fn ask_for_key(operation: &mut Operation, refused: &BTreeMap<String, RefOr<Response>>) {
    let given = |name| SecurityRequirement::new::<_, [&str; 0], _>(name, []);
    operation.security = Some(vec![given(BEARER), given(API_KEY), SecurityRequirement::default()]);
    operation.responses.responses.extend(refused.clone());
}

fn parameter(name: &str) -> RefOr<Parameter> {
    RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")))
}

fn header(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

fn text_header(description: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(text)).description(Some(description)).build()
}

fn retry_after() -> Header {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds after which to try again.")).build()
}

fn timeout_parameter() -> Parameter {
    ParameterBuilder::new()
        .name(TIMEOUT)
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "Milliseconds after which the client stops waiting; the server's maximum applies too.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1))))
        .example(Some(json!(20_000)))
        .build()
}

fn request_id_parameter() -> Parameter {
    ParameterBuilder::new()
        .name(REQUEST_ID)
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "An id of the client's own, 1 to 128 letters, digits and `-_.:/+=@`; else the server makes one.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some(json!("order-4711")))
        .build()
}

/// Adds a header to what the operation answers; its refusals have theirs.
fn add_header(operation: &mut Operation, name: &str) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.insert(name.to_owned(), header(name));
        }
    }
}

/// The form that an operation takes has the fields of its JSON object, with files for pictures.
fn add_form(operation: &mut Operation, components: &Components) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let Some(RefOr::T(json)) = body.content.get(JSON) else { return };
    let Some(RefOr::Ref(reference)) = &json.schema else { return };
    let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
    let Some(RefOr::T(Schema::Object(object))) = components.schemas.get(name) else { return };
    let form = Content::new(Some(Schema::Object(with_files(object.clone()))));
    body.content.insert(FORM.to_owned(), form.into());
}

fn with_files(mut object: Object) -> Object {
    for property in object.properties.values_mut() {
        match property {
            RefOr::Ref(reference) => {
                if let Some(file) = file_of(reference) {
                    *property = file.into();
                }
            }
            RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(item), .. })) => {
                if let RefOr::Ref(reference) = &**item
                    && let Some(file) = file_of(reference)
                {
                    **item = file.into();
                }
            }
            _ => {}
        }
    }
    object
}

/// What a form has in the place of a picture. Any bytes may be a file, so a schema can't tell the JSON of an id apart; the description does.
fn file_of(reference: &Ref) -> Option<Schema> {
    let description = match reference.ref_location.rsplit('/').next()? {
        name if name == Picture::name() => {
            r#"A PNG, JPEG or WebP file, or the JSON that a JSON body has here, such as `{"id": "…"}`."#
        }
        name if name == PictureFile::name() => "A PNG, JPEG or WebP file.",
        _ => return None,
    };
    let file = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .description(Some(description));
    Some(file.into())
}
