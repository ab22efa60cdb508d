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
        for weights in
            ["best/model.bpk", "last/model.bpk", "last/optimizer-0.bpk", "last/state.json", "curves.svg"]
        {
            assert!(run.join(stage).join(weights).is_file(), "{stage}/{weights}");
        }
    }
    assert!(run.join("objects.safetensors").is_file());
}

#[test]
fn the_curves_of_a_stage_hold_every_series_of_its_log() {
    let run = finished();
    for stage in STAGES {
        let svg = std::fs::read_to_string(run.join(stage).join("curves.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{stage}");
        let log = log(run, stage);
        let mut points = 0;
        for line in &log {
            for kind in ["parts", "figures"] {
                for (name, _) in line[kind].as_object().into_iter().flatten() {
                    assert!(svg.lines().any(|text| text.trim() == name), "{stage}: {name}");
                    points += 1;
                }
            }
            points += usize::from(line["loss"].is_number());
        }
        assert_eq!(svg.matches("<circle").count(), points, "{stage}");
    }
}
