//! Which graph a path is about.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::bundle::names::graph;
use crate::runtime::{Engine, ModelInfo, RawGraph};

use super::Refusal;

/// A model's name, and its version if the path has one. The contract has the version with the paths that have it, where it can't be left
/// out.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Address {
    /// Bundle and graph.
    #[param(example = "shapes.text")]
    pub model: String,
    #[param(ignore)]
    version: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<Self>::from_request_parts(parts, state).await;
        // A name that isn't even text names no model.
        Ok(path
            .map_or_else(|error| Self { model: error.body_text(), version: None }, |Path(address)| address))
    }
}

impl Address {
    /// The graph at this address.
    pub fn graph<'a>(&self, engine: &'a Engine) -> Result<RawGraph<'a>, Refusal> {
        let served = engine.model();
        let graph = self.model.strip_prefix(served.name()).and_then(|rest| rest.strip_prefix('.'));
        let graph = graph.and_then(|name| engine.graph(name)).ok_or_else(|| Refusal::Model {
            name: self.model.clone(),
            served: graph::ALL.map(|graph| format!("`{}`", name(served, graph))).join(", "),
        })?;
        match &self.version {
            Some(version) if version != served.version() => Err(Refusal::Version {
                name: self.model.clone(),
                version: version.clone(),
                served: served.version().to_owned(),
            }),
            _ => Ok(graph),
        }
    }
}

/// The protocol's name of a graph.
pub fn name(served: &ModelInfo, graph: &str) -> String {
    format!("{}.{graph}", served.name())
}
