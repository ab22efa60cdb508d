use std::time::{Duration, Instant};

use crate::support::{finished, log};

const STAGES: [&str; 3] = ["detector", "pretrain", "finetune"];

#[test]
fn every_stage_learns_within_ninety_seconds() {
    let start = Instant::now();
    let run = finished();
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
    for stage in STAGES {
        let losses: Vec<f64> = log(run, stage).iter().filter_map(|line| line["loss"].as_f64()).collect();
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        assert!(last < 0.9 * first, "{stage}: the loss went from {first} to {last}");
    }
}

#[test]
fn every_stage_is_validated_and_leaves_its_best_and_last_weights() {
    let run = finished();
    for stage in STAGES {
        assert!(log(run, stage).iter().any(|line| line["figures"].is_object()), "{stage}");
        for weights in ["best/model.bpk", "last/model.bpk", "last/optimizer-0.bpk", "last/state.json"] {
            assert!(run.join(stage).join(weights).is_file(), "{stage}/{weights}");
        }
    }
    assert!(run.join("objects.safetensors").is_file());
}
