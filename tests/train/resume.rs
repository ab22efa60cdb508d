use cmal::train::Error;
use serde_json::Value;

use crate::support::{finished, log, tiny, train_until};

#[test]
fn a_run_stopped_many_times_has_the_losses_and_figures_of_an_uninterrupted_one() {
    const EVERY: usize = 37;
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let recipe = tiny();
    let steps = recipe.detector.steps + recipe.pretrain.schedule.steps + recipe.finetune.schedule.steps;
    let pictures = recipe.world.unwrap().scenes;
    let mut stops = 0;
    while let Err(error) = train_until(&recipe, &run, EVERY) {
        assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
        stops += 1;
        assert!(stops <= (steps + pictures) / EVERY + 1, "the run doesn't end");
    }
    assert!(stops > 3);
    for stage in ["detector", "pretrain", "finetune"] {
        assert_eq!(told(&log(&run, stage)), told(&log(finished(), stage)), "{stage}");
    }
}

/// The lines of a log without how fast it went.
fn told(lines: &[Value]) -> Vec<Value> {
    let mut lines = lines.to_vec();
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("samples_per_second");
    }
    lines
}
