//! The steps of an export: record, convert, prove, describe, write.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use burn::module::Module;
use jiff::Timestamp;
use ort::environment::Environment;

use super::calibrate::calibrate;
use super::compare::{HeldOut, compare};
use super::error::Error;
use super::parity::{self, Check, Difference, LIMIT_F16, LIMIT_F32, LIMIT_INT8, Limit};
use super::source::Source;
use crate::bundle::{
    self, Axis, Comparison, Convolutions, DType, Dimensions, Draft, FileEntry, Golden, GoldenGraph, Manifest,
    Preprocessing, Statement, TensorEntry, TokenizerFile, Training, names,
};
use crate::model::{self, Dims, Graph};
use crate::onnx::{self, Kind, Weights};
use crate::runtime::library;
use crate::train;

/// What to export and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The finished run, or a bundle.
    pub source: PathBuf,
    /// The bundle folder, `models/NAME`.
    pub out: PathBuf,
    /// Version of the bundle; none for that of the bundle it is made from, or 1.
    pub version: Option<String>,
    /// How the association model is written; the detector is not narrowed by it.
    pub model: onnx::Options,
    /// Pictures to find ranges on, to have the detector's convolutions computed in 8-bit integers; none to have them in floats.
    pub calibration: Vec<PathBuf>,
    /// ONNX Runtime's library, where it is not in one of its usual places.
    pub library: Option<PathBuf>,
    /// Figures on held-out data for the manifest and the card.
    pub metrics: BTreeMap<String, f64>,
    /// More for the card, in Markdown; empty for nothing.
    pub notes: String,
}

/// What an export found and wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Between burn and ONNX Runtime, by graph.
    pub parity: BTreeMap<&'static str, Difference>,
    /// Bytes of all graphs.
    pub bytes: usize,
    pub comparison: Option<Comparison>,
}

/// Writes the bundle of a finished run, or a bundle in another form, if every graph agrees with burn. With held-out pictures, all forms
/// are measured on them for the manifest and the card.
pub fn export(options: &Options, held_out: Option<&HeldOut>) -> Result<Report, Error> {
    let source = Source::open(&options.source)?;
    let environment = library::load(options.library.as_deref())?;
    let ranges = calibrate(&environment, &source, &options.calibration)?;
    let conversion = Conversion { environment: &environment, source: &source, ranges: &ranges };
    let written = conversion.convert(options.form())?;
    let comparison = held_out.map(|held_out| compare(&conversion, options, held_out)).transpose()?;
    let report = Report { parity: written.parity.clone(), bytes: written.bytes(), comparison };
    let mut draft = written.draft(&source, options);
    draft.manifest.comparison.clone_from(&report.comparison);
    let card = bundle::card(&draft.manifest, &statement(options));
    draft.files.push((names::CARD.to_owned(), card.into_bytes()));
    bundle::write(&options.out, draft)?;
    Ok(report)
}

/// A form that a model's graphs can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub model: onnx::Options,
    pub convolutions: Convolutions,
}

impl Options {
    /// The form that is asked for.
    pub fn form(&self) -> Form {
        let convolutions = if self.calibration.is_empty() { Convolutions::Float } else { Convolutions::Int8 };
        Form { model: self.model, convolutions }
    }
}

impl Form {
    /// How a manifest tells it.
    pub(super) fn told(self) -> bundle::Form {
        let weights = match self.model.weights {
            Weights::F32 => bundle::Weights::F32,
            Weights::F16 => bundle::Weights::F16,
            Weights::Int8 => bundle::Weights::Int8,
        };
        let integers = weights == bundle::Weights::Int8;
        bundle::Form {
            weights,
            convolutions: self.convolutions,
            fused: !self.model.plain && !integers,
            tolerance: if integers { bundle::COARSE } else { 5e-3 },
        }
    }
}

/// All graphs of a model, converted and proven.
pub(super) struct Written {
    form: bundle::Form,
    graphs: BTreeMap<String, bundle::Graph>,
    files: Vec<(String, Vec<u8>)>,
    golden: Golden,
    parity: BTreeMap<&'static str, Difference>,
}

/// What the graphs of a model are made with.
pub(super) struct Conversion<'a> {
    pub environment: &'a Environment,
    pub source: &'a Source,
    /// Of what the detector's convolutions read and give.
    pub ranges: &'a [onnx::Range],
}

impl Conversion<'_> {
    /// The graphs in a form.
    pub(super) fn convert(&self, form: Form) -> Result<Written, Error> {
        let Source { dims, detector, cmal, .. } = self.source;
        let vocabulary = &self.source.lexicon.vocabulary();
        let mut written = Written {
            form: form.told(),
            graphs: BTreeMap::new(),
            files: Vec::new(),
            golden: Golden::default(),
            parity: BTreeMap::new(),
        };
        let objects = model::objects(dims, vocabulary);
        // The detector is small, so that narrow weights gain nothing, and where it puts a peak is a yes or no that they could turn.
        // Integers gain time; what they cost is measured on pictures, and what they are made from is proven as any graph.
        let exact = onnx::Options { weights: Weights::F32, ..form.model };
        let mut seeing = How { options: exact, convolutions: onnx::Convolutions::Float, limit: LIMIT_F32 };
        if form.convolutions == Convolutions::Int8 {
            self.proven(names::graph::OBJECTS, &objects, detector, seeing)?;
            seeing = How { convolutions: onnx::Convolutions::Int8(self.ranges), limit: LIMIT_INT8, ..seeing };
        }
        let limit = match form.model.weights {
            Weights::F32 => LIMIT_F32,
            Weights::F16 => LIMIT_F16,
            Weights::Int8 => LIMIT_INT8,
        };
        let how = How { options: form.model, convolutions: onnx::Convolutions::Float, limit };
        self.add(&mut written, names::graph::OBJECTS, &objects, detector, seeing)?;
        self.add(&mut written, names::graph::VISION, &model::vision(dims), cmal, how)?;
        self.add(&mut written, names::graph::TEXT, &model::text(dims), cmal, how)?;
        self.add(&mut written, names::graph::FUSION, &model::fusion(dims, vocabulary), cmal, how)?;
        self.add(&mut written, names::graph::ASSOCIATION, &model::association(dims), cmal, how)?;
        Ok(written)
    }

    /// Adds a graph, proven.
    fn add<M: Module>(
        &self,
        written: &mut Written,
        name: &'static str,
        graph: &Graph<M>,
        module: &M,
        how: How,
    ) -> Result<(), Error> {
        let Proven { model, bytes, difference, golden } = self.proven(name, graph, module, how)?;
        let file = format!("{name}.onnx");
        written.graphs.insert(name.to_owned(), entry(name, &file, &model)?);
        written.files.push((file, bytes));
        written.golden.graphs.insert(name.to_owned(), golden);
        written.parity.insert(name, difference);
        Ok(())
    }

    /// Converts a graph and proves it.
    fn proven<M: Module>(
        &self,
        name: &'static str,
        graph: &Graph<M>,
        module: &M,
        How { options, convolutions, limit }: How,
    ) -> Result<Proven, Error> {
        let model = onnx::convert_with(&graph.signature, module, options, convolutions, graph.forward)
            .map_err(|source| Error::Convert { graph: name, source })?;
        let bytes = model.to_bytes();
        let check = Check {
            name,
            environment: self.environment,
            bytes: &bytes,
            tokens: self.source.dims.max_tokens,
            vocabulary: self.source.lexicon.vocabulary().tokens,
            limit,
        };
        let (difference, golden) = parity::check(graph, module, &check)?;
        Ok(Proven { model, bytes, difference, golden })
    }
}

/// A graph that agrees with burn.
struct Proven {
    model: onnx::Model,
    /// The ONNX file.
    bytes: Vec<u8>,
    difference: Difference,
    golden: GoldenGraph,
}

/// How a graph is converted, and how close it has to be.
#[derive(Clone, Copy)]
struct How<'a> {
    options: onnx::Options,
    convolutions: onnx::Convolutions<'a>,
    limit: Limit,
}

impl Written {
    pub(super) fn form(&self) -> bundle::Form {
        self.form
    }

    /// Bytes of all graphs.
    pub(super) fn bytes(&self) -> usize {
        self.files.iter().map(|(_, content)| content.len()).sum()
    }

    /// The bundle to be, without its card.
    pub(super) fn draft(self, source: &Source, options: &Options) -> Draft {
        let Self { form, graphs, mut files, golden, .. } = self;
        let dims = &source.dims;
        let unpinned = |file: &str| FileEntry { file: file.to_owned(), sha256: String::new() };
        let manifest = Manifest {
            format: names::FORMAT,
            name: source.name.clone(),
            version: options.version.clone().unwrap_or_else(|| source.version.clone()),
            created: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            source_commit: commit(),
            dimensions: Dimensions {
                width: dims.width,
                objects: dims.objects,
                features: dims.features,
                coarse: dims.coarse,
            },
            graphs,
            preprocessing: Preprocessing { side: dims.side as u32, padding: source.padding },
            tokenizer: TokenizerFile {
                file: names::TOKENIZER.to_owned(),
                sha256: String::new(),
                max_tokens: dims.max_tokens,
            },
            golden: unpinned(names::GOLDEN),
            form: Some(form),
            answers: source.lexicon.words.answers.clone(),
            classes: source.lexicon.words.classes.clone(),
            attributes: source.lexicon.words.attributes.clone(),
            attribute_threshold: source.attribute_threshold,
            temperatures: source.temperatures,
            metrics: options.metrics.clone(),
            comparison: None,
            training_data: source.training_data.clone(),
            training: Some(Training { weights: unpinned(names::WEIGHTS), model: sizes(dims) }),
        };
        files.push((names::TOKENIZER.to_owned(), source.lexicon.tokenizer.to_json().as_bytes().to_vec()));
        files.push((names::GOLDEN.to_owned(), golden.to_bytes()));
        files.push((names::WEIGHTS.to_owned(), train::weights(&source.detector, &source.cmal)));
        Draft { manifest, files }
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

fn statement(options: &Options) -> Statement {
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
        figures_command: format!("cmal eval {} --data DIR", options.out.display()),
        notes: options.notes.clone(),
        licence: "MIT OR Apache-2.0".to_owned(),
    }
}
