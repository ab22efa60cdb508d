//! The HTTP microservice: requests in, problems or answers out. What a model computes is the engine's business; this module reads
//! requests, calls the engine and shapes answers.
//!
//! The routes stand in [`router`], each with its contract; a status in [`problem`]; an endpoint in its file under `v1`.

mod extract;
mod images;
mod layers;
mod openapi;
mod probes;
mod problem;
mod router;
mod run;
mod settings;
mod state;
mod v1;

pub use images::Images;
pub use openapi::contract_yaml;
pub use problem::Problem;
pub use router::router;
pub use run::{Failure, run};
pub use settings::Settings;
pub use state::AppState;
