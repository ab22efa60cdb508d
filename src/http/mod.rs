//! The HTTP microservice: requests in, problems or answers out. What a model computes is the engine's business; this module reads
//! requests, calls the engine and shapes answers.
//!
//! The routes stand in [`router`], each with its contract; a status in [`problem`]; an endpoint in its file under `v1` or `v2`; what
//! browsers are shown under `page`.

mod extract;
mod images;
mod keys;
mod layers;
mod listener;
mod openapi;
mod ops;
mod page;
mod probes;
mod problem;
mod router;
mod run;
mod settings;
mod state;
mod swap;
mod traces;
mod v1;
mod v2;

pub use images::Images;
pub use keys::{KeyError, Keys, NewKey};
pub use layers::Origins;
pub use openapi::contract_yaml;
pub use ops::Ops;
pub use problem::Problem;
pub use router::router;
pub use run::{Failure, run};
pub use settings::Settings;
pub use state::{AppState, Edge};
pub use swap::{RefusedVersion, keep_up};
pub use traces::{Endpoint, Traces, TracesError};
