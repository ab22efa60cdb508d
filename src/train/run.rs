//! The one training loop. A stage gives it steps and validations; nobody copies the loop.
//!
//! Weights come from, in this order: the stage's own last checkpoint (`--resume`), the weights it is handed (a former stage's, or a
//! bundle's), random ones.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::tensor::Tensor;
use serde_json::{Map, Value, json};

use super::checkpoint::{Checkpoints, State};
use super::curves;
use super::error::Error;
use super::optimizer::{Optimizer, Weighed};
use super::schedule::Schedule;
use super::team::Team;

/// Steps between lines of the log.
const LOG_EVERY: usize = 50;
/// Time between checkpoints that no validation calls for.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(300);

/// One stage of a training.
pub trait Stage: Sync {
    type Model: Module + Weighed;

    fn name(&self) -> &'static str;

    fn schedule(&self) -> Schedule;

    /// The loss of one shard of a batch, a mean over its samples. Shards are numbered through all steps; the loss depends on the stage,
    /// the weights and the number alone.
    fn loss(&self, model: &Self::Model, shard: usize) -> Result<Loss, Error>;

    /// Figures on the validation part, with the model in inference mode.
    fn validate(&self, model: &Self::Model) -> Result<Figures, Error>;
}

/// A shard's loss and the parts it is made of.
pub struct Loss {
    pub total: Tensor<1>,
    pub parts: Vec<(&'static str, Tensor<1>)>,
}

impl Loss {
    /// The sum of weighted parts.
    ///
    /// # Panics
    /// Without any part.
    pub fn sum(parts: Vec<(&'static str, f64, Tensor<1>)>) -> Self {
        let weighted = parts.iter().map(|(_, weight, part)| part.clone().mul_scalar(*weight));
        let total = weighted.reduce(|sum, part| sum + part).expect("a step has at least one loss");
        Self { total, parts: parts.into_iter().map(|(name, _, part)| (name, part.detach())).collect() }
    }

    /// Without the graph that gradients flow through.
    pub fn detached(self) -> Self {
        Self { total: self.total.detach(), ..self }
    }
}

/// What a validation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Decides which weights are best; higher is better.
    pub score: f64,
    pub named: Vec<(&'static str, f64)>,
}

impl Figures {
    /// Figures that decide alike.
    pub fn mean(named: Vec<(&'static str, f64)>) -> Self {
        let sum: f64 = named.iter().map(|(_, figure)| figure).sum();
        Self { score: sum / named.len().max(1) as f64, named }
    }
}

/// Told what a training does while it runs.
pub trait Observer: Sync {
    /// A stage begins at step `from` of `steps`.
    fn stage(&self, name: &str, from: usize, steps: usize);
    /// `count` more steps (or pictures) are done.
    fn advance(&self, count: usize);
    /// Something worth a line.
    fn note(&self, text: &str);
}

/// Where a stage runs and who watches.
pub struct Context<'a> {
    /// Folder of the stage.
    pub folder: &'a Path,
    pub observer: &'a dyn Observer,
    /// Set from outside to stop after the current step.
    pub stop: &'a AtomicBool,
}

/// Runs a stage to its end, from its last checkpoint if it has one, and returns the weights that validated best.
pub fn run<S: Stage>(stage: &S, model: S::Model, context: &Context) -> Result<S::Model, Error> {
    let schedule = stage.schedule();
    let checkpoints = Checkpoints::new(context.folder);
    fs::create_dir_all(context.folder).map_err(Error::file("create", context.folder))?;
    let team = Team::new(schedule.workers)?;
    let mut optimizer = Optimizer::new(model.hidden(), model.gentle(), schedule.workers);
    let mut model = model;
    let mut state = State::default();
    if let Some(last) = checkpoints.state()? {
        state = last;
        if state.step < schedule.steps {
            (model, optimizer) = checkpoints.load_last(model, optimizer)?;
        }
    }
    context.observer.stage(stage.name(), state.step, schedule.steps);
    let mut log = Log::open(context.folder, state.step)?;
    let mut saved = Instant::now();
    while state.step < schedule.steps {
        let step = state.step;
        let outcome = team.step(stage, &model, step)?;
        let total = mean(outcome.losses.iter().map(|loss| scalar(loss.total.clone())));
        if !total.is_finite() {
            return Err(Error::NonFinite { stage: stage.name(), step, loss: total });
        }
        model = optimizer.step(schedule.rate_at(step), model, outcome.gradients, &team);
        state.step += 1;
        context.observer.advance(1);
        if step.is_multiple_of(LOG_EVERY) || state.step == schedule.steps {
            log.step(step, &schedule, total, &outcome.losses)?;
        }
        let validate = state.step.is_multiple_of(schedule.validate_every) || state.step == schedule.steps;
        if validate {
            let figures = stage.validate(&model.valid())?;
            log.figures(state.step, &figures)?;
            curves::draw(context.folder, stage.name())?;
            context.observer.note(&line(stage.name(), &state, total, &figures));
            if state.best.is_none_or(|best| figures.score > best) {
                state.best = Some(figures.score);
                checkpoints.save_best(&model)?;
            }
        }
        let stopped = context.stop.load(Ordering::Relaxed);
        if validate || stopped || saved.elapsed() > CHECKPOINT_EVERY {
            checkpoints.save_last(&model, &optimizer, state)?;
            saved = Instant::now();
        }
        if stopped && state.step < schedule.steps {
            return Err(Error::Interrupted { stage: stage.name(), step: state.step });
        }
    }
    curves::draw(context.folder, stage.name())?;
    match state.best {
        Some(_) => checkpoints.load_best(model),
        None => Ok(model),
    }
}

/// The value of a one-element tensor.
pub fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(tensor.into_scalar::<f32>())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

fn line(stage: &str, state: &State, loss: f64, figures: &Figures) -> String {
    let named: String = figures.named.iter().map(|(name, value)| format!(", {name} {value:.4}")).collect();
    format!("{stage} step {}: loss {loss:.4}{named}", state.step)
}

/// `log.jsonl` of a stage: a line each for steps and for validations.
struct Log {
    file: fs::File,
    path: std::path::PathBuf,
    last: (Instant, Option<usize>),
}

impl Log {
    /// Continues the log of the first `done` steps; lines of later ones are of steps that a kill has undone.
    fn open(folder: &Path, done: usize) -> Result<Self, Error> {
        let path = folder.join(curves::LOG);
        if path.is_file() {
            let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
            let holds = |line: &&str| {
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                let step = line["step"].as_u64().unwrap_or(u64::MAX);
                // Figures are of the weights after so many steps, a loss is of the step with that number.
                if line["figures"].is_object() { step <= done as u64 } else { step < done as u64 }
            };
            let kept: String = text.lines().filter(holds).map(|line| format!("{line}\n")).collect();
            fs::write(&path, kept).map_err(Error::file("write", &path))?;
        }
        let file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(Error::file("open", &path))?;
        Ok(Self { file, path, last: (Instant::now(), None) })
    }

    fn step(&mut self, step: usize, schedule: &Schedule, loss: f64, losses: &[Loss]) -> Result<(), Error> {
        let now = Instant::now();
        let rate = self.last.1.map(|last| {
            (step - last) as f64 * schedule.batch as f64 / now.duration_since(self.last.0).as_secs_f64()
        });
        self.last = (now, Some(step));
        // Shards may differ in their parts: one without, say, any masked object has no loss for them.
        let mut parts: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (name, part) in losses.iter().flat_map(|loss| &loss.parts) {
            parts.entry(name).or_default().push(scalar(part.clone()));
        }
        let parts: Map<String, Value> = parts
            .into_iter()
            .map(|(name, shards)| (name.to_owned(), json!(mean(shards.into_iter()))))
            .collect();
        self.write(json!({
            "step": step, "loss": loss, "parts": parts, "rate": schedule.rate_at(step), "samples_per_second": rate,
        }))
    }

    fn figures(&mut self, step: usize, figures: &Figures) -> Result<(), Error> {
        let named: Map<String, Value> =
            figures.named.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.write(json!({ "step": step, "score": figures.score, "figures": named }))
    }

    fn write(&mut self, line: Value) -> Result<(), Error> {
        writeln!(self.file, "{line}").map_err(Error::file("write", &self.path))
    }
}
