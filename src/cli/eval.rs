//! `cmal eval`: held-out figures, through the engine that serves or over HTTP.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::data::{Dataset, OnBad};
use crate::eval::{Asked, InProcess, Page, Part, ServedModel, Server, Subject, Submission, evaluate};
use crate::runtime::ModelInfo;

use super::engine_args::EngineArgs;
use super::exit::Failure;
use super::output::{complain, print};
use super::pictures::Pictures;
use super::progress::Progress;

/// Measure a model on a dataset: accuracy of every task, detection, retrieval, association.
#[derive(Args, Clone, Debug)]
pub struct EvalArgs {
    /// The bundle, as in `models/shapes`
    model: PathBuf,
    /// The dataset folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// One of vqa, entailment, grounding, detection, retrieval, association; can be given several times [default: all]
    #[arg(long = "task", value_name = "TASK")]
    tasks: Vec<Part>,
    /// Which pictures: train, val, test or all
    #[arg(long, value_name = "PART", default_value = "test", value_parser = Pictures::parse)]
    split: Pictures,
    /// No more pictures than this, the first by name
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Ask a running server instead, as in `http://127.0.0.1:8080`
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    /// Write the answers to questions as the official server of VQA v2 takes them
    #[arg(long, value_name = "FILE")]
    submission: Option<PathBuf>,
    /// Write report.html to a folder: figures, charts and examples
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Leave out lines of the dataset that cannot be used
    #[arg(long)]
    skip_bad: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// The server at `root`, if it answers with the same bundle, and what it says of it.
fn served(root: &str, model: &ModelInfo) -> Result<(Server, ServedModel), Failure> {
    let server = Server::new(root);
    let found = server.model(model.name())?;
    if found.fingerprint != model.fingerprint {
        return Err(Failure::run(format!(
            "{root} serves another `{}` than the bundle given here: start it with that bundle",
            model.name()
        )));
    }
    Ok((server, found))
}

/// Prints the figures.
pub fn run(args: &EvalArgs) -> Result<(), Failure> {
    let parts = if args.tasks.is_empty() { Part::ALL.to_vec() } else { args.tasks.clone() };
    if args.submission.is_some() && !parts.contains(&Part::Vqa) {
        return Err(Failure::usage("--submission needs the answers to questions: add `--task vqa`"));
    }
    let opened = Dataset::open(&args.data, if args.skip_bad { OnBad::Skip } else { OnBad::Stop })?;
    if !opened.skipped.is_empty() {
        complain(&format!("{} unusable lines left out", opened.skipped.len()));
    }
    let dataset = opened.dataset;
    let pictures = args.split.of(&dataset, args.limit);
    let submission = args.submission.as_deref().map(|path| Submission::begin(path, &pictures)).transpose()?;
    let page = args.report.as_deref().map(Page::begin).transpose()?;
    let engine = args.engine.start(&args.model)?;
    let model = engine.model().clone();
    let coarse = InProcess::new(engine)?;
    let server = args.http.as_deref().map(|root| served(root, &model)).transpose()?;
    let (subject, provider): (&dyn Subject, &str) = match &server {
        Some((server, found)) => (server, &found.provider),
        None => (&coarse, model.provider),
    };
    let passes = 1 + u64::from(parts.contains(&Part::Retrieval));
    let progress = Progress::new("asking", passes * pictures.len() as u64, "pictures");
    let asked = Asked { dataset: &dataset, pictures: &pictures, parts: &parts, subject, coarse: &coarse };
    let evaluation = evaluate(&asked, &|| progress.advance(1))?;
    progress.finish();
    submission.map_or(Ok(()), |submission| submission.finish(&evaluation))?;
    let through = args.http.as_deref().unwrap_or("engine");
    if let Some(page) = page {
        let mut about = vec![
            ("model", format!("{} {}", model.name(), model.version())),
            ("provider", provider.to_owned()),
            ("through", through.to_owned()),
            ("data", args.data.display().to_string()),
            ("pictures", format!("{} ({})", pictures.len(), args.split.name())),
        ];
        if evaluation.report.texts_cut > 0 {
            about
                .push(("texts of which the first words were asked", evaluation.report.texts_cut.to_string()));
        }
        page.finish(&about, &evaluation, &dataset)?;
    }
    let report = evaluation.report;
    if args.json {
        let report = json!({
            "model": model.name(),
            "version": model.version(),
            "provider": provider,
            "through": through,
            "data": args.data,
            "split": args.split.name(),
            "figures": report,
        });
        return print(&format!("{}\n", serde_json::to_string_pretty(&report)?));
    }
    let through = args.http.as_deref().unwrap_or(provider);
    print(&format!(
        "{} {} through {through}, {} pictures of {} ({})\n\n{report}",
        model.name(),
        model.version(),
        report.pictures,
        args.data.display(),
        args.split.name(),
    ))
}
