//! Every route of the server on one line; its contract is collected by the same line, but for what belongs to a page.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::discard;
use super::{AppState, Problem, layers, openapi, page, probes, v1, v2};

/// The server's routes behind its layers.
pub fn router(state: AppState) -> Router {
    let (routes, _) = routes_with_contract().split_for_parts();
    let routes = with_refusals(routes)
        .layer(from_fn_with_state(state.clone(), layers::auth))
        .layer(CatchPanicLayer::custom(layers::panicked));
    let routes = match state.origins() {
        Some(origins) => routes.layer(layers::cors(origins)),
        None => routes,
    };
    behind_layers(routes.layer(from_fn_with_state(state.clone(), layers::closing)), state)
}

/// What the ops listener serves; who reaches it needs no key.
pub fn ops(state: AppState) -> Router {
    let (routes, _) = ops_routes().split_for_parts();
    behind_layers(with_refusals(routes).layer(CatchPanicLayer::custom(layers::panicked)), state)
}

/// Answers what no route takes.
fn with_refusals(routes: Router<AppState>) -> Router<AppState> {
    routes.fallback(unknown_route).method_not_allowed_fallback(other_method)
}

/// From the outside in: request id, observation, problem documents; for the API then the end of connections, other origins, panics,
/// keys.
fn behind_layers(routes: Router<AppState>, state: AppState) -> Router {
    routes
        .layer(from_fn(layers::document))
        .layer(from_fn_with_state(state.clone(), layers::observe))
        .layer(from_fn_with_state(state.clone(), layers::request_id))
        .with_state(state)
}

/// The routes of those who operate the server.
fn ops_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(probes::live))
        .routes(routes!(probes::ready))
        .routes(routes!(probes::metrics))
        .routes(routes!(probes::contract_yaml))
        .routes(routes!(probes::contract_json))
}

/// Every route, and in the router's other half the contract of them all.
pub(super) fn routes_with_contract() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::outline())
        .routes(routes!(v1::vqa::vqa))
        .routes(routes!(v1::entailment::entailment))
        .routes(routes!(v1::grounding::grounding))
        .routes(routes!(v1::matching::matching))
        .routes(routes!(v1::objects::objects))
        .routes(routes!(v1::query::query))
        .routes(routes!(v1::associations::associations))
        .routes(routes!(v1::images::add))
        .routes(routes!(v1::images::one))
        .routes(routes!(v1::images::remove))
        .routes(routes!(v1::models::list))
        .routes(routes!(v1::models::one))
        .routes(routes!(v2::metadata::server))
        .routes(routes!(v2::metadata::live))
        .routes(routes!(v2::metadata::ready))
        .routes(routes!(v2::metadata::model))
        .routes(routes!(v2::metadata::model_version))
        .routes(routes!(v2::metadata::model_ready))
        .routes(routes!(v2::metadata::model_version_ready))
        .routes(routes!(v2::infer::infer))
        .routes(routes!(v2::infer::infer_version))
        .routes(routes!(page::index::page))
        .routes(routes!(page::docs::page))
        .route(page::docs::SCRIPT, get(page::docs::script))
        .route(page::docs::STYLE, get(page::docs::style))
        .merge(ops_routes())
}

async fn unknown_route(request: Request) -> Problem {
    discard(request).await;
    Problem::UnknownRoute
}

async fn other_method(request: Request) -> Problem {
    discard(request).await;
    Problem::Method
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use crate::http::Settings;
    use crate::metrics::Metrics;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_keeps_its_cause_to_itself() {
        async fn broken() -> Problem {
            panic!("the secret cause");
        }
        let metrics = Arc::new(Metrics::new());
        let state = AppState::new(Settings::default(), Arc::clone(&metrics));
        let routes = Router::new().route("/broken", get(broken));
        let routes = routes.layer(CatchPanicLayer::custom(layers::panicked));
        let service = behind_layers(routes, state);
        let request = Request::get("/broken").header("x-request-id", "p-1").body(Body::empty()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-request-id"]),
            (500, &"p-1".parse().unwrap())
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["status"], &problem["request_id"]), (&500.into(), &"p-1".into()));
        assert!(!problem.to_string().contains("secret"));
        assert!(metrics.render().contains(r#"route="/broken",status="500"} 1"#));
    }
}
