use std::fs;
use std::path::Path;
use std::sync::Arc;

use cmal::bundle::{self, Bundle};
use cmal::data::{Dataset, Entry, OnBad};
use cmal::export::{self, Error, HeldOut};
use cmal::metrics::Metrics;
use cmal::onnx::{self, Weights};
use cmal::runtime::{Bare, Engine, Settings, Timing};
use cmal::train;
use cmal::types::{Answer, Query};

use crate::support::{bundle, data, export_as, finished, options};

#[test]
fn a_run_becomes_a_bundle_whose_graphs_agree_with_burn() {
    let folder = tempfile::tempdir().unwrap();
    let report = export_as(finished(), &folder.path().join("f32"), Weights::F32);
    assert_eq!(report.parity.len(), 5);
    assert!(report.parity.values().all(|difference| difference.largest <= 1e-4), "{:?}", report.parity);
    let plain = onnx::Options { weights: Weights::F32, plain: true };
    let plain = export::export(&options(finished(), &folder.path().join("plain"), plain), None).unwrap();
    assert!(plain.parity.values().all(|difference| difference.largest <= 1e-4), "{:?}", plain.parity);
    let half = export_as(finished(), &folder.path().join("f16"), Weights::F16);
    assert!(half.parity.values().all(|difference| difference.largest <= 5e-3), "{:?}", half.parity);
    assert!((half.bytes as f64) < 0.8 * report.bytes as f64, "{} {}", half.bytes, report.bytes);
}

#[test]
fn an_engine_proves_and_serves_an_exported_bundle() {
    let bundle = Bundle::open(bundle()).unwrap();
    let engine = Engine::start(bundle, &Settings::default(), Arc::new(Metrics::new())).unwrap();
    assert_eq!(engine.model().name(), "tiny");
}

#[test]
fn an_int8_bundle_of_a_bundle_is_smaller_and_answers_alike_alone_and_in_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let half = export_as(bundle(), &folder.path().join("f16"), Weights::F16);
    let report = export_as(bundle(), &folder.path().join("int8"), Weights::Int8);
    let fusion =
        |name: &str| fs::metadata(folder.path().join(name).join("fusion.onnx")).unwrap().len() as f64;
    assert!(fusion("int8") < 0.85 * fusion("f16"), "{} {}", fusion("int8"), fusion("f16"));
    assert!(report.bytes < half.bytes && report.parity["fusion"].largest > half.parity["fusion"].largest);
    let opened = Bundle::open(&folder.path().join("int8")).unwrap();
    assert_eq!(opened.manifest().form.unwrap().weights, bundle::Weights::Int8);
    let apart = apart_in_a_batch(&opened);
    // Rounding may change a code, and one answer with it; a scale that the batch sets would change them all.
    assert!(apart.iter().filter(|apart| **apart > 1e-4).count() <= 1, "{apart:?}");
}

#[test]
fn a_calibrated_bundle_finds_its_objects_by_integers() {
    let folder = tempfile::tempdir().unwrap();
    let (float, int8) = (folder.path().join("float"), folder.path().join("int8"));
    let float_report = export_as(bundle(), &float, Weights::F16);
    let dataset = Dataset::open(data(), OnBad::Stop).unwrap().dataset;
    let calibration: Vec<_> = dataset.pictures.iter().map(|entry| dataset.path(entry)).collect();
    let options = options(bundle(), &int8, onnx::Options { weights: Weights::F16, plain: false });
    let options = export::Options { calibration, ..options };
    let report = export::export(&options, None).unwrap();
    let apart = |report: &export::Report| report.parity["objects"].mean;
    assert!(apart(&report) > 100.0 * apart(&float_report), "{:?}", report.parity);
    assert_eq!(report.parity["fusion"], float_report.parity["fusion"], "only the detector changes");
    let size = |folder: &Path| fs::metadata(folder.join("objects.onnx")).unwrap().len() as f64;
    assert!(size(&int8) < 0.9 * size(&float), "{} {}", size(&int8), size(&float));
    let opened = Bundle::open(&int8).unwrap();
    assert_eq!(opened.manifest().form.unwrap().convolutions, bundle::Convolutions::Int8);
    let apart = apart_in_a_batch(&opened);
    assert!(apart.iter().all(|apart| *apart <= 1e-4), "{apart:?}");
}

#[test]
fn what_is_no_picture_does_not_calibrate() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.png");
    fs::write(&broken, "no picture").unwrap();
    let out = folder.path().join("out");
    let options = options(bundle(), &out, onnx::Options::default());
    let options = export::Options { calibration: vec![broken], ..options };
    let error = export::export(&options, None).unwrap_err();
    assert!(error.to_string().ends_with("broken.png` is no picture to calibrate with"), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_bundle_written_again_in_its_own_form_is_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    export_as(bundle(), &once, Weights::F16);
    export_as(&once, &twice, Weights::F16);
    let read = |folder: &Path, file: &str| fs::read(folder.join(file)).unwrap();
    for file in ["objects.onnx", "weights.safetensors", "tokenizer.json"] {
        assert!(read(bundle(), file) == read(&once, file), "{file} differs");
    }
    // Graphs keep a run's small tensors as f32, so theirs are the same from the first time on.
    for file in ["vision.onnx", "text.onnx", "fusion.onnx", "association.onnx", "golden.safetensors"] {
        assert!(read(&once, file) == read(&twice, file), "{file} differs");
    }
    let manifest = |folder: &Path| Bundle::open(folder).unwrap().manifest().clone();
    let (first, mut again) = (manifest(bundle()), manifest(&once));
    again.created.clone_from(&first.created);
    again.graphs.clone_from(&first.graphs);
    again.golden.clone_from(&first.golden);
    assert_eq!(first, again);
}

#[test]
fn forms_are_compared_on_the_card_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(data(), OnBad::Stop).unwrap().dataset;
    let pictures: Vec<&Entry> = dataset.pictures.iter().take(24).collect();
    let (out, form) = (folder.path().join("compared"), onnx::Options { weights: Weights::F16, plain: true });
    let about = "24 drawn pictures".to_owned();
    let held_out = HeldOut { dataset: &dataset, pictures: &pictures, about, progress: &|| {} };
    let report = export::export(&options(bundle(), &out, form), Some(&held_out)).unwrap();
    let comparison = report.comparison.unwrap();
    let told: Vec<String> = comparison.forms.iter().map(|compared| compared.form.to_string()).collect();
    assert_eq!(told, ["f32, plain", "f32", "f16", "int8", "f16, plain"]);
    let bytes: Vec<usize> = comparison.forms.iter().map(|compared| compared.bytes).collect();
    assert!(bytes[1] > bytes[2] && bytes[2] > bytes[3], "{bytes:?}");
    for compared in &comparison.forms {
        assert_eq!(compared.accuracy.len(), 4, "{compared:?}");
        assert!(compared.alone.model > 0.0 && compared.alone.model < compared.alone.whole, "{compared:?}");
    }
    assert_eq!(comparison.forms[0].accuracy, comparison.forms[1].accuracy, "fused or not is no other model");
    assert_eq!(Bundle::open(&out).unwrap().manifest().comparison.as_ref(), Some(&comparison));
    assert!(fs::read_to_string(out.join("README.md")).unwrap().contains(&comparison.to_string()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let held_out = HeldOut { pictures: &[], ..held_out };
    let error = export::export(&options(bundle(), &out, form), Some(&held_out)).unwrap_err();
    assert!(matches!(error, Error::NothingToAsk), "{error}");
}

#[test]
fn a_bundle_without_weights_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(bundle()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let mut manifest = Bundle::open(&copy).unwrap().manifest().clone();
    manifest.training = None;
    fs::write(copy.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let out = folder.path().join("out");
    let error = export::export(&options(&copy, &out, onnx::Options::default()), None).unwrap_err();
    assert!(matches!(error, Error::Source(train::Error::NoWeights { .. })), "{error}");
    assert!(!out.exists());
}

/// How far the scores of questions are from those of the same questions asked together. Loading holds the bundle against its golden
/// values, too.
fn apart_in_a_batch(bundle: &Bundle) -> Vec<f32> {
    let mut model = Bare::load(bundle, &Settings::default()).unwrap();
    let asked = questions(data());
    let asked: Vec<(&[u8], &Query)> = asked.iter().map(|(bytes, query)| (bytes.as_slice(), query)).collect();
    let among = model.answer(&asked, &Timing::default()).unwrap();
    let apart = asked.iter().zip(&among).map(|(one, among)| {
        let alone = model.answer(&[*one], &Timing::default()).unwrap();
        let (Answer::Vqa(alone), Answer::Vqa(among)) = (&alone[0], among) else { panic!("{alone:?}") };
        (alone.answers[0].score - among.answers[0].score).abs()
    });
    apart.collect()
}

/// A question about each of nine pictures.
fn questions(data: &Path) -> Vec<(Vec<u8>, Query)> {
    let dataset = Dataset::open(data, OnBad::Stop).unwrap().dataset;
    let asked = dataset.pictures.iter().filter_map(|entry| Some((entry, entry.vqa.first()?)));
    let asked = asked.take(9).map(|(entry, asked)| {
        let query = Query::Vqa { question: asked.question.clone(), top_k: 5 };
        (fs::read(dataset.path(entry)).unwrap(), query)
    });
    asked.collect()
}
