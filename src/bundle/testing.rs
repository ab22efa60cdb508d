//! A small bundle for the tests of this module: the graphs are only bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempfile::TempDir;

use super::form::{Convolutions, Form, Weights};
use super::golden::{Golden, GoldenGraph, GoldenTensor, Values};
use super::manifest::{
    Axis, Dimensions, FileEntry, Graph, Manifest, Preprocessing, Temperatures, TensorEntry, TokenizerFile,
    Training,
};
use super::names::{self, axis, graph};
use super::signature::{Slot, signature};
use super::write::{Draft, write};

pub(super) fn manifest() -> Manifest {
    Manifest {
        format: names::FORMAT,
        name: "test".into(),
        version: "1".into(),
        created: "2026-01-02T03:04:05Z".into(),
        source_commit: "unknown".into(),
        dimensions: Dimensions { width: 8, objects: 3, features: 5, coarse: 4 },
        graphs: graph::ALL.iter().map(|&name| (name.to_owned(), graph_entry(name))).collect(),
        preprocessing: Preprocessing { side: 16, padding: [127; 3] },
        tokenizer: TokenizerFile { file: names::TOKENIZER.into(), sha256: String::new(), max_tokens: 7 },
        golden: FileEntry { file: names::GOLDEN.into(), sha256: String::new() },
        form: Some(Form {
            weights: Weights::Int8,
            convolutions: Convolutions::Float,
            fused: false,
            tolerance: 0.25,
        }),
        answers: vec!["yes".into(), "no".into()],
        classes: vec!["circle".into()],
        attributes: vec!["red".into()],
        attribute_threshold: 0.5,
        temperatures: Temperatures { vqa: 1.5, entailment: 0.75 },
        metrics: BTreeMap::from([("vqa".into(), 0.875), ("scenes".into(), 500.0)]),
        comparison: None,
        training_data: "Drawn scenes.".into(),
        training: Some(Training {
            weights: FileEntry { file: names::WEIGHTS.into(), sha256: String::new() },
            model: serde_json::Map::from_iter([("width".to_owned(), 8.into())]),
        }),
    }
}

fn graph_entry(name: &str) -> Graph {
    let signature = signature(name).unwrap();
    let entries = |slots: &[Slot]| {
        let axes =
            |rank| (0..rank).map(|n| if n == 0 { Axis::Dynamic(axis::BATCH.into()) } else { Axis::Fixed(n) });
        slots
            .iter()
            .map(|slot| TensorEntry {
                name: slot.name.into(),
                dtype: slot.dtype,
                axes: axes(slot.rank).collect(),
            })
            .collect()
    };
    Graph {
        file: format!("{name}.onnx"),
        sha256: String::new(),
        inputs: entries(signature.inputs),
        outputs: entries(signature.outputs),
    }
}

pub(super) fn golden() -> Golden {
    let tensor = GoldenTensor::new(vec![1, 2], Values::F32(vec![0.5, -0.5])).unwrap();
    let outputs = BTreeMap::from([("match".to_owned(), tensor)]);
    Golden { graphs: BTreeMap::from([("fusion".to_owned(), GoldenGraph { outputs, ..Default::default() })]) }
}

pub(super) fn draft() -> Draft {
    let graphs = graph::ALL.map(|name| (format!("{name}.onnx"), format!("graph {name}").into_bytes()));
    let others = [
        (names::TOKENIZER.to_owned(), b"{}".to_vec()),
        (names::GOLDEN.to_owned(), golden().to_bytes()),
        (names::WEIGHTS.to_owned(), b"weights".to_vec()),
        (names::CARD.to_owned(), b"# test".to_vec()),
    ];
    Draft { manifest: manifest(), files: graphs.into_iter().chain(others).collect() }
}

/// The draft written as the folder `test` of a temporary home.
pub(super) fn written() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("test");
    write(&folder, draft()).unwrap();
    (home, folder)
}
