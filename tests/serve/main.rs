//! The server as its clients meet it: the real router on a real socket with a real engine on `models/shapes`.
//!
//! One file per route; beside them what holds for every route: bad input, batching, caching, the contract, what operators see, the life of
//! the process.

mod associations_route;
mod bad_input;
mod batching;
mod caching;
mod cancellation;
mod contract;
mod contract_examples;
mod cors;
mod dashboards;
mod evaluation;
mod health;
mod images_route;
mod keys;
mod life;
mod limits;
mod match_route;
mod models_route;
mod objects_route;
mod observed;
mod ops;
mod page_route;
mod process;
mod protocol;
mod protocol_refusals;
mod query_route;
mod support;
mod swap;
mod task_routes;
mod tracing;
mod tritonclient;
