//! The steps of an export: record, convert, prove, describe, write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::module::Module;
use jiff::Timestamp;
use ort::environment::Environment;

use super::error::Error;
use super::parity::{Check, LIMIT_F16, LIMIT_F32, check};
use crate::bundle::{
    self, Axis, DType, Dimensions, Draft, FileEntry, Golden, Manifest, Preprocessing, Statement, TensorEntry,
    TokenizerFile, Training, names,
};
use crate::model::{self, Dims, Graph};
use crate::onnx::{self, Kind, Weights};
use crate::runtime::library;
use crate::train::{self, ATTRIBUTE_THRESHOLD, PADDING, Trained};

/// What to export and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The finished run.
    pub run: PathBuf,
    /// The bundle folder, `models/NAME`.
    pub out: PathBuf,
    /// Version of the bundle.
    pub version: String,
    /// Of the association model; the detector's are always f32.
    pub weights: Weights,
    /// ONNX Runtime's library, where it is not in one of its usual places.
    pub library: Option<PathBuf>,
    /// Figures on held-out data for the manifest and the card.
    pub metrics: BTreeMap<String, f64>,
}

/// What an export found and wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Largest difference between burn and ONNX Runtime, by graph.
    pub parity: BTreeMap<&'static str, f32>,
    /// Bytes of all graphs.
    pub bytes: usize,
}

/// Writes the bundle of a finished run, if every graph agrees with burn.
pub fn export(options: &Options) -> Result<Report, Error> {
    let trained = train::open(&options.run)?;
    let environment = library::load(options.library.as_deref())?;
    let (dims, vocabulary) = (&trained.recipe.model, &trained.lexicon.vocabulary());
    let mut written = Written::new(&environment, &trained);
    // The detector is small, and where it puts a peak is a yes or no that half precision could turn.
    written.add(names::graph::OBJECTS, &model::objects(dims, vocabulary), &trained.detector, Weights::F32)?;
    let weights = options.weights;
    written.add(names::graph::VISION, &model::vision(dims), &trained.cmal, weights)?;
    written.add(names::graph::TEXT, &model::text(dims), &trained.cmal, weights)?;
    written.add(names::graph::FUSION, &model::fusion(dims, vocabulary), &trained.cmal, weights)?;
    written.add(names::graph::ASSOCIATION, &model::association(dims), &trained.cmal, weights)?;
    let report = Report {
        parity: written.parity.clone(),
        bytes: written.files.iter().map(|(_, content)| content.len()).sum(),
    };
    bundle::write(&options.out, written.draft(&trained, options)?)?;
    Ok(report)
}

/// Graphs as they come.
struct Written<'a> {
    environment: &'a Environment,
    tokens: usize,
    vocabulary: usize,
    graphs: BTreeMap<String, bundle::Graph>,
    files: Vec<(String, Vec<u8>)>,
    golden: Golden,
    parity: BTreeMap<&'static str, f32>,
}

impl<'a> Written<'a> {
    fn new(environment: &'a Environment, trained: &Trained) -> Self {
        Self {
            environment,
            tokens: trained.recipe.model.max_tokens,
            vocabulary: trained.lexicon.tokenizer.vocabulary(),
            graphs: BTreeMap::new(),
            files: Vec::new(),
            golden: Golden::default(),
            parity: BTreeMap::new(),
        }
    }

    /// Converts a graph and proves it.
    fn add<M: Module>(
        &mut self,
        name: &'static str,
        graph: &Graph<M>,
        module: &M,
        weights: Weights,
    ) -> Result<(), Error> {
        let options = onnx::Options { weights };
        let model = onnx::convert(&graph.signature, module, options, graph.forward)
            .map_err(|source| Error::Convert { graph: name, source })?;
        let bytes = model.to_bytes();
        let (difference, golden) = check(
            graph,
            module,
            &Check {
                name,
                environment: self.environment,
                bytes: &bytes,
                tokens: self.tokens,
                vocabulary: self.vocabulary,
                limit: match weights {
                    Weights::F32 => LIMIT_F32,
                    Weights::F16 => LIMIT_F16,
                },
            },
        )?;
        let file = format!("{name}.onnx");
        self.graphs.insert(name.to_owned(), entry(name, &file, &model)?);
        self.files.push((file, bytes));
        self.golden.graphs.insert(name.to_owned(), golden);
        self.parity.insert(name, difference);
        Ok(())
    }

    fn draft(self, trained: &Trained, options: &Options) -> Result<Draft, Error> {
        let Self { graphs, mut files, golden, .. } = self;
        let dims = &trained.recipe.model;
        let unpinned = |file: &str| FileEntry { file: file.to_owned(), sha256: String::new() };
        let manifest = Manifest {
            format: names::FORMAT,
            name: trained.recipe.name.clone(),
            version: options.version.clone(),
            created: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            source_commit: commit(),
            dimensions: Dimensions {
                width: dims.width,
                objects: dims.objects,
                features: dims.features,
                coarse: dims.coarse,
            },
            graphs,
            preprocessing: Preprocessing { side: dims.side as u32, padding: PADDING },
            tokenizer: TokenizerFile {
                file: names::TOKENIZER.to_owned(),
                sha256: String::new(),
                max_tokens: dims.max_tokens,
            },
            golden: unpinned(names::GOLDEN),
            answers: trained.lexicon.words.answers.clone(),
            classes: trained.lexicon.words.classes.clone(),
            attributes: trained.lexicon.words.attributes.clone(),
            attribute_threshold: ATTRIBUTE_THRESHOLD,
            temperatures: trained.temperatures,
            metrics: options.metrics.clone(),
            training_data: statement_of_data(trained),
            training: Some(Training { weights: unpinned(names::WEIGHTS), model: sizes(dims) }),
        };
        let card = bundle::card(&manifest, &statement(&options.out));
        files.push((names::TOKENIZER.to_owned(), trained.lexicon.tokenizer.to_json().as_bytes().to_vec()));
        files.push((names::GOLDEN.to_owned(), golden.to_bytes()));
        files.push((names::WEIGHTS.to_owned(), train::weights(&trained.detector, &trained.cmal)));
        files.push((names::CARD.to_owned(), card.into_bytes()));
        Ok(Draft { manifest, files })
    }
}

fn entry(graph: &'static str, file: &str, model: &onnx::Model) -> Result<bundle::Graph, Error> {
    let tensors = |ports: &[onnx::Port]| -> Result<Vec<_>, Error> {
        ports.iter().map(|port| tensor(graph, port)).collect()
    };
    Ok(bundle::Graph {
        file: file.to_owned(),
        sha256: String::new(),
        inputs: tensors(model.inputs())?,
        outputs: tensors(model.outputs())?,
    })
}

fn tensor(graph: &'static str, port: &onnx::Port) -> Result<TensorEntry, Error> {
    let dtype = match port.kind() {
        Some(Kind::F32) => DType::F32,
        Some(Kind::I64) => DType::I64,
        Some(Kind::U8) => DType::U8,
        Some(Kind::Bool) => DType::Bool,
        Some(Kind::I32) | None => return Err(Error::Tensor { graph, tensor: port.name.clone() }),
    };
    let axis = |axis: &onnx::Axis| match axis {
        onnx::Axis::Fixed(size) => Axis::Fixed(*size),
        onnx::Axis::Named { name, .. } => Axis::Dynamic(name.clone()),
    };
    Ok(TensorEntry { name: port.name.clone(), dtype, axes: port.axes.iter().map(axis).collect() })
}

/// Commit of the checkout that the export is run in; `unknown` outside one.
fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.and_then(|text| String::from_utf8(text).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// The `[model]` of a recipe with every size stated.
fn sizes(dims: &Dims) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(dims) {
        Ok(serde_json::Value::Object(sizes)) => sizes,
        other => unreachable!("sizes are numbers under names, not {other:?}"),
    }
}

fn statement_of_data(trained: &Trained) -> String {
    let data = statement_of_pictures(trained);
    match &trained.data.text {
        Some(text) => format!(
            "{data} Its text encoder started from the checkpoint `{}`, whose training data and licence concern this model too.",
            text.name
        ),
        None => data,
    }
}

fn statement_of_pictures(trained: &Trained) -> String {
    let data = &trained.data;
    let start = data
        .start
        .as_ref()
        .map_or_else(String::new, |start| format!("Fine-tuned from the bundle `{}` on ", start.name));
    let counts = format!("{start}{} pictures to train on, {} to validate", data.train, data.val);
    match trained.recipe.world.filter(|_| data.drawn) {
        Some(world) => format!(
            "{counts}: scenes drawn by `cmal world` with seed {} (no photograph, no person, no third party's data).",
            world.seed
        ),
        None => format!("{counts}, from the dataset folder `{}`.", data.folder),
    }
}

fn statement(out: &Path) -> Statement {
    Statement {
        description: "CMAL answers questions about a picture, tells whether a statement follows from it, finds what an expression \
                      refers to, and tells whether a text describes it: one model for four tasks, trained by cross-modal association \
                      (Ma et al., ACM Multimedia 2022)."
            .to_owned(),
        intended_use: "Trying out, testing and operating the service, and as the start of a model of one's own.".to_owned(),
        limits: vec![
            "It knows the classes, attributes and answers of its manifest and no others.".to_owned(),
            "It answers every question, also those that its training never asked; the score is no measure of that.".to_owned(),
            "Figures hold for pictures like those it was trained on.".to_owned(),
        ],
        figures_command: format!("cmal eval {} --data DIR", out.display()),
        licence: "MIT OR Apache-2.0".to_owned(),
    }
}
