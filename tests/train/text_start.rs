use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use cmal::bundle::{Bundle, names};
use cmal::input::Tokenizer;
use cmal::runtime::{Bare, Settings, Timing};
use cmal::train::{Error, Goal, Recipe, Start, TextStart};
use cmal::types::{Answer, Query};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::start::{own_questions, tuned};
use crate::support::{data, export, log, tiny, train_from, train_reading, train_until};

const WIDTH: usize = 32;
const INNER: usize = 40;
const POSITIONS: usize = 64;

/// The tiny recipe in fewer steps.
fn short() -> Recipe {
    let mut recipe = tiny();
    recipe.detector.steps = 30;
    recipe.detector.validate_every = 30;
    recipe.pretrain.schedule.steps = 16;
    recipe.pretrain.schedule.validate_every = 8;
    recipe.finetune.schedule.steps = 24;
    recipe.finetune.schedule.validate_every = 12;
    recipe
}

/// The texts of the dataset's captions.
fn captions() -> Vec<String> {
    let lines = fs::read_to_string(data().join("captions.jsonl")).unwrap();
    let caption =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["caption"].as_str().unwrap().to_owned();
    lines.lines().map(caption).collect()
}

fn tokenizer() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        Tokenizer::train(captions().into_iter(), 200, POSITIONS).unwrap().to_json().to_owned()
    });
    &JSON
}

/// A checkpoint of BERT with two layers, and more words than its tokenizer has.
fn checkpoint(folder: &Path, seed: u32) {
    let tokens = Tokenizer::from_json(tokenizer(), POSITIONS).unwrap().vocabulary() + 3;
    let mut shapes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut part = |name: String, to: usize, from: Option<usize>| {
        shapes.insert(format!("{name}.weight"), [Some(to), from].into_iter().flatten().collect());
        shapes.insert(format!("{name}.bias"), vec![to]);
    };
    for layer in 0..2 {
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
        for square in ["self.query", "self.key", "self.value", "output.dense"] {
            part(name(&format!("attention.{square}")), WIDTH, Some(WIDTH));
        }
        part(name("intermediate.dense"), INNER, Some(WIDTH));
        part(name("output.dense"), WIDTH, Some(INNER));
        part(name("attention.output.LayerNorm"), WIDTH, None);
        part(name("output.LayerNorm"), WIDTH, None);
    }
    part("bert.embeddings.LayerNorm".to_owned(), WIDTH, None);
    for (table, rows) in [("word", tokens), ("position", POSITIONS), ("token_type", 2)] {
        shapes.insert(format!("bert.embeddings.{table}_embeddings.weight"), vec![rows, WIDTH]);
    }
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 65_536.0 - 0.5
    };
    let packed: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let middle = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
            let count: usize = shape.iter().product();
            let bytes = (0..count).flat_map(|_| (random() * 0.3 + middle).to_le_bytes()).collect();
            (name, shape, bytes)
        })
        .collect();
    let views = packed.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer()).unwrap();
    let config = json!({
        "model_type": "bert", "vocab_size": tokens, "hidden_size": WIDTH, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": INNER, "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

/// A checkpoint in a folder of its own, and opened for the tiny recipe.
fn opened(seed: u32) -> (TempDir, TextStart) {
    let home = tempfile::tempdir().unwrap();
    checkpoint(&home.path().join("reader"), seed);
    let text = TextStart::open(&home.path().join("reader"), tiny().model.max_tokens).unwrap();
    (home, text)
}

/// An answer of the bundle to a question about a picture of the dataset.
fn answer(bundle: &Path, question: &str) -> Answer {
    let bundle = Bundle::open(bundle).unwrap();
    let picture = fs::read_dir(data().join("images")).unwrap().next().unwrap().unwrap().path();
    let mut bare = Bare::load(&bundle, &Settings::default()).unwrap();
    let query = Query::Vqa { question: question.to_owned(), top_k: 1 };
    let bytes = fs::read(picture).unwrap();
    bare.answer(&[(&bytes, &query)], &Timing::default()).unwrap().remove(0)
}

#[test]
fn a_model_that_starts_from_a_text_encoder_is_trained_exported_asked_and_tuned_again() {
    let (checkpoint, text) = opened(7);
    let home = tempfile::tempdir().unwrap();
    let (run, out) = (home.path().join("run"), home.path().join("read"));
    train_reading(&short(), &run, &text, usize::MAX).unwrap();
    drop(checkpoint);
    let losses: Vec<f64> = log(&run, "finetune").iter().filter_map(|line| line["loss"].as_f64()).collect();
    assert!(losses[losses.len() - 1] < losses[0], "{losses:?}");

    let report = export(&run, &out);
    assert!(report.parity["text"].largest <= 5e-3, "{:?}", report.parity);
    let written = fs::read_to_string(out.join(names::TOKENIZER)).unwrap();
    assert_eq!(written, tokenizer(), "the tokenizer is the checkpoint's");
    let manifest = Bundle::open(&out).unwrap().manifest().clone();
    assert_eq!(manifest.training.unwrap().model["bert"]["width"], WIDTH);
    let card = fs::read_to_string(out.join(names::CARD)).unwrap();
    assert!(card.contains("text encoder started from the checkpoint `reader`"), "{card}");
    assert!(matches!(answer(&out, "Is there a red circle?"), Answer::Vqa(_)));

    let (start, own) = (Start::open(&out).unwrap(), own_questions());
    let recipe = tuned(&start, own.path(), Goal::Vqa).unwrap();
    let (run, out) = (home.path().join("again"), home.path().join("own"));
    train_from(&recipe, own.path(), &run, Some(&start)).unwrap();
    export(&run, &out);
    let grown = fs::read_to_string(out.join(names::TOKENIZER)).unwrap();
    assert!(grown.contains("\"wherewithal\"") && !tokenizer().contains("\"wherewithal\""));
    assert!(matches!(answer(&out, "Wherewithal hereabouts?"), Answer::Vqa(_)));
}

#[test]
fn a_run_goes_on_without_the_checkpoint_once_it_has_been_taken_over() {
    let (_checkpoint, text) = opened(7);
    let home = tempfile::tempdir().unwrap();
    let (run, recipe) = (home.path().join("run"), short());
    let pictures = recipe.world.unwrap().scenes;

    assert!(matches!(train_reading(&recipe, &run, &text, 5), Err(Error::Interrupted { .. })));
    let error = train_until(&recipe, &run, usize::MAX).unwrap_err();
    assert!(matches!(error, Error::TextMissing { .. }) && error.to_string().contains("`reader`"), "{error}");
    let (_other, other) = opened(8);
    let error = train_reading(&recipe, &run, &other, usize::MAX).unwrap_err();
    assert!(matches!(error, Error::OtherText { .. }) && error.to_string().contains("--init-text"), "{error}");

    let until_pretrained = recipe.detector.steps + pictures;
    let stopped = train_reading(&recipe, &run, &text, until_pretrained);
    assert!(matches!(stopped, Err(Error::Interrupted { stage: "pretrain", .. })), "{stopped:?}");
    train_until(&recipe, &run, usize::MAX).unwrap();
    assert!(cmal::train::open(&run).unwrap().recipe.model.bert.is_some());
}

#[test]
fn a_checkpoint_that_cannot_be_used_is_refused_before_anything_runs() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("reader");
    checkpoint(&folder, 7);
    let refused = |max_tokens: usize| {
        let error = TextStart::open(&folder, max_tokens).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        (error.to_string(), cause.unwrap_or_default())
    };
    let (sentence, cause) = refused(POSITIONS + 1);
    assert!(sentence.contains("cannot start the text encoder from"), "{sentence}");
    assert!(cause.contains("max_tokens = 65 is more than the 64 tokens"), "{cause}");
    let config = fs::read_to_string(folder.join("config.json")).unwrap();
    fs::write(folder.join("config.json"), config.replace("\"bert\"", "\"gpt2\"")).unwrap();
    let (_, cause) = refused(12);
    assert!(cause.contains("`gpt2`") && cause.contains("distilbert"), "{cause}");
    fs::remove_file(folder.join("model.safetensors")).unwrap();
    assert!(refused(12).0.contains("model.safetensors"));
}

#[test]
fn a_recipe_of_a_bert_needs_its_weights() {
    let (_checkpoint, text) = opened(7);
    let home = tempfile::tempdir().unwrap();
    let mut recipe = short();
    recipe.model.bert = Some(text.dims());
    let error = train_until(&recipe, &home.path().join("run"), 1).unwrap_err();
    assert!(
        error.to_string().contains("[model.bert]") && error.to_string().contains("--init-text"),
        "{error}"
    );
}

#[test]
fn a_bundle_and_a_text_encoder_cannot_both_be_the_start() {
    let asked = ["train", "recipe.toml", "--init", "models/shapes", "--init-text", "reader"];
    let output = Command::new(env!("CARGO_BIN_EXE_cmal")).args(asked).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--init-text <DIR>") && said.contains("cannot be used with"), "{said}");
}
