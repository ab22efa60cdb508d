//! Figures of an evaluation as a flat list for the manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::Error;

/// The figures that `cmal eval --json` printed to a file, by their path, as in `vqa.overall`.
pub fn read_metrics(path: impl AsRef<Path>) -> Result<BTreeMap<String, f64>, Error> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let report: Value =
        serde_json::from_str(&text).map_err(|source| Error::Metrics { path: path.to_owned(), source })?;
    let mut metrics = BTreeMap::new();
    collect("", &report["figures"], &mut metrics);
    Ok(metrics)
}

fn collect(name: &str, value: &Value, metrics: &mut BTreeMap<String, f64>) {
    let Some(fields) = value.as_object() else {
        return;
    };
    if let Some(figure) = fields.get("value").and_then(Value::as_f64) {
        metrics.insert(name.to_owned(), figure);
        return;
    }
    for (field, value) in fields {
        let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
        collect(&name, value, metrics);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_named_by_their_path_and_counts_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eval.json");
        let report = r#"{"model":"x","figures":{"pictures":5,"vqa":{"overall":{"value":0.5,"count":4}}}}"#;
        fs::write(&path, report).unwrap();
        assert_eq!(read_metrics(&path).unwrap(), BTreeMap::from([("vqa.overall".to_owned(), 0.5)]));
    }
}
