//! The curves of a stage: losses and validation figures over its steps, as `curves.svg` beside the log they are read from.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::Error;
use crate::chart::{Legend, Panel, Point, Series, lines};

/// The log of a stage, and the chart of it.
pub const LOG: &str = "log.jsonl";
pub const CURVES: &str = "curves.svg";

/// Draws the log in the folder of a stage.
pub fn draw(folder: &Path, stage: &str) -> Result<(), Error> {
    let path = folder.join(LOG);
    let log = fs::read_to_string(&path).map_err(Error::file("read", path))?;
    let path = folder.join(CURVES);
    fs::write(&path, lines(&panels(&log, stage), 2, Legend::Each)?).map_err(Error::file("write", path))
}

/// Losses, and figures. A line that a crash cut off is no point.
fn panels(log: &str, stage: &str) -> [Panel; 2] {
    let (mut losses, mut figures) = (Vec::new(), Vec::new());
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let Some(step) = line["step"].as_f64() else { continue };
        add(&mut losses, "loss", step, &line["loss"]);
        for (name, part) in line["parts"].as_object().into_iter().flatten() {
            add(&mut losses, name, step, part);
        }
        for (name, figure) in line["figures"].as_object().into_iter().flatten() {
            add(&mut figures, name, step, figure);
        }
    }
    let panel = |title: String, y: &str, series| Panel {
        title,
        x: "step".to_owned(),
        y: y.to_owned(),
        places: Vec::new(),
        series,
    };
    [
        panel(format!("{stage}: losses"), "loss", losses),
        panel(format!("{stage}: validation"), "share that is right", figures),
    ]
}

fn add(series: &mut Vec<Series>, name: &str, x: f64, y: &Value) {
    let Some(y) = y.as_f64() else { return };
    let point = Point { x, y, spread: 0.0 };
    match series.iter_mut().find(|known| known.name == name) {
        Some(known) => known.points.push(point),
        None => series.push(Series { name: name.to_owned(), points: vec![point] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_of_a_log_is_drawn_on_labelled_axes() {
        let folder = tempfile::tempdir().unwrap();
        let log = r#"{"step":0,"loss":3.5,"parts":{"mlm":2.5,"amc_text":1.0},"rate":0.1}
{"step":50,"loss":2.0,"parts":{"mlm":1.5,"amc_text":0.5},"rate":0.1}
{"step":50,"score":0.5,"figures":{"matching":0.5}}
{"step":99,"lo"#;
        fs::write(folder.path().join(LOG), log).unwrap();
        draw(folder.path(), "pretrain").unwrap();
        let svg = fs::read_to_string(folder.path().join(CURVES)).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 7);
        for text in ["pretrain: losses", "mlm", "amc_text", "matching", "step", "share that is right"] {
            assert!(svg.lines().any(|line| line.trim() == text), "{text}: {svg}");
        }
    }
}
