use std::sync::Arc;

use cmal::bundle::Bundle;
use cmal::metrics::Metrics;
use cmal::onnx::Weights;
use cmal::runtime::{Engine, Settings};

use crate::support::{bundle, export_as, finished};

#[test]
fn a_run_becomes_a_bundle_whose_graphs_agree_with_burn() {
    let folder = tempfile::tempdir().unwrap();
    let report = export_as(finished(), &folder.path().join("f32"), Weights::F32);
    assert_eq!(report.parity.len(), 5);
    assert!(report.parity.values().all(|difference| *difference <= 1e-4), "{:?}", report.parity);
    let half = export_as(finished(), &folder.path().join("f16"), Weights::F16);
    assert!(half.parity.values().all(|difference| *difference <= 5e-3), "{:?}", half.parity);
    assert!((half.bytes as f64) < 0.8 * report.bytes as f64, "{} {}", half.bytes, report.bytes);
}

#[test]
fn an_engine_proves_and_serves_an_exported_bundle() {
    let bundle = Bundle::open(bundle()).unwrap();
    let engine = Engine::start(bundle, &Settings::default(), Arc::new(Metrics::new())).unwrap();
    assert_eq!(engine.model().name(), "tiny");
}
