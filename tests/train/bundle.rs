use std::collections::BTreeMap;
use std::sync::Arc;

use cmal::bundle::Bundle;
use cmal::export::{Options, Report, export};
use cmal::metrics::Metrics;
use cmal::onnx::Weights;
use cmal::runtime::{Engine, Settings};
use tempfile::TempDir;

use crate::support::finished;

fn exported(weights: Weights) -> (TempDir, Report) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        run: finished().to_owned(),
        out: folder.path().join("tiny"),
        version: "1".to_owned(),
        weights,
        library: None,
        metrics: BTreeMap::new(),
    };
    let report = export(&options).unwrap();
    (folder, report)
}

#[test]
fn a_run_becomes_a_bundle_whose_graphs_agree_with_burn() {
    let (folder, report) = exported(Weights::F32);
    assert_eq!(report.parity.len(), 5);
    assert!(report.parity.values().all(|difference| *difference <= 1e-4), "{:?}", report.parity);
    let (_, half) = exported(Weights::F16);
    assert!(half.parity.values().all(|difference| *difference <= 5e-3), "{:?}", half.parity);
    assert!((half.bytes as f64) < 0.8 * report.bytes as f64, "{} {}", half.bytes, report.bytes);
    drop(folder);
}

#[test]
fn an_engine_proves_and_serves_an_exported_bundle() {
    let (folder, _) = exported(Weights::F16);
    let bundle = Bundle::open(&folder.path().join("tiny")).unwrap();
    let engine = Engine::start(bundle, &Settings::default(), Arc::new(Metrics::new())).unwrap();
    assert_eq!(engine.model().name(), "tiny");
}
