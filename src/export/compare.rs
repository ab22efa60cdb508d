//! The forms of a model side by side: size, accuracy through the engine that serves, and speed in this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::assemble::{Conversion, Form, Options};
use super::error::Error;
use crate::bundle::{self, Bundle, Compared, Comparison, Convolutions, Refused, Speed};
use crate::data::{Dataset, Entry};
use crate::eval::{Asked, InProcess, Part, Report, evaluate};
use crate::metrics::Metrics;
use crate::onnx::{self, Weights};
use crate::runtime::{Bare, Engine, Phase, Settings, Timing};
use crate::types::Query;

/// Pictures that are timed, and those of them in a batch and in a turn.
const TIMED: usize = 64;
const BATCH: usize = 16;
/// The forms are timed in short turns, so that whatever else the machine does meets them all; the median of a form's turns counts.
const TURNS: usize = 48;
/// Figures that the form can change; of detection, the share of objects that are found.
const PARTS: [Part; 4] = [Part::Vqa, Part::Entailment, Part::Grounding, Part::Detection];

/// Pictures that the forms are measured on.
pub struct HeldOut<'a> {
    pub dataset: &'a Dataset,
    /// The pictures, all of the dataset.
    pub pictures: &'a [&'a Entry],
    /// What they are, for the card.
    pub about: String,
    /// Told of each picture that a form was asked about.
    pub progress: &'a (dyn Fn() + Sync),
}

/// The forms that are measured for a bundle of form `written`.
pub fn forms(written: Form) -> Vec<Form> {
    let form = |weights, plain| onnx::Options { weights, plain };
    let models = [
        form(Weights::F32, true),
        form(Weights::F32, false),
        form(Weights::F16, false),
        form(Weights::Int8, false),
    ];
    let mut forms = models.map(|model| Form { model, convolutions: Convolutions::Float }).to_vec();
    if !forms.contains(&written) {
        forms.push(written);
    }
    forms
}

/// Writes the model in every form to a folder of its own, and measures them. A form other than the one asked for that strays too far from
/// the model is told as refused.
pub(super) fn compare(
    conversion: &Conversion,
    options: &Options,
    held_out: &HeldOut,
) -> Result<Comparison, Error> {
    let samples = Samples::take(held_out)?;
    let settings = Settings { library: options.library.clone(), ..Settings::default() };
    let folder = Aside::beside(&options.out);
    let (mut measured, mut refused) = (Vec::new(), Vec::new());
    for (number, form) in forms(options.form()).into_iter().enumerate() {
        let written = match conversion.convert(form) {
            Err(error @ Error::Parity { .. }) if form != options.form() => {
                refused.push(Refused { form: form.told(), reason: error.to_string() });
                continue;
            }
            written => written?,
        };
        let (form, bytes) = (written.form(), written.bytes());
        let bundle =
            bundle::write(&folder.0.join(number.to_string()), written.draft(conversion.source, options))?;
        let report = accuracy(&bundle, form, &settings, held_out)?;
        measured.push(Measured {
            form,
            bytes,
            report,
            bare: load(&bundle, form, &settings)?,
            alone: Vec::new(),
            batched: Vec::new(),
        });
    }
    for batch in samples.0.chunks(BATCH).cycle().take(TURNS) {
        for form in &mut measured {
            let (alone, batched) = (form.time(batch, 1)?, form.time(batch, BATCH)?);
            form.alone.push(alone);
            form.batched.push(batched);
        }
    }
    let forms = measured.into_iter().map(Measured::compared).collect();
    Ok(Comparison { data: held_out.about.clone(), batch: BATCH, forms, refused })
}

fn accuracy(
    bundle: &Bundle,
    form: bundle::Form,
    settings: &Settings,
    held_out: &HeldOut,
) -> Result<Report, Error> {
    let engine = Engine::start(bundle.clone(), settings, Arc::new(Metrics::new()))
        .map_err(|source| Error::Start { form: form.to_string(), source })?;
    let subject = InProcess::new(engine)?;
    let HeldOut { dataset, pictures, progress, .. } = held_out;
    let asked = Asked { dataset, pictures, parts: &PARTS, subject: &subject, coarse: &subject };
    Ok(evaluate(&asked, progress)?.report)
}

fn load(bundle: &Bundle, form: bundle::Form, settings: &Settings) -> Result<Bare, Error> {
    Bare::load(bundle, settings).map_err(|source| Error::Start { form: form.to_string(), source })
}

/// A form while it is measured.
struct Measured {
    form: bundle::Form,
    bytes: usize,
    report: Report,
    bare: Bare,
    alone: Vec<Speed>,
    batched: Vec<Speed>,
}

impl Measured {
    /// Answers every sample once, in batches of `rows`.
    fn time(&mut self, samples: &[Sample], rows: usize) -> Result<Speed, Error> {
        let timing = Timing::default();
        let begun = Instant::now();
        for batch in samples.chunks(rows) {
            let batch: Vec<_> = batch.iter().map(|(picture, query)| (picture.as_slice(), query)).collect();
            self.bare
                .answer(&batch, &timing)
                .map_err(|source| Error::Answer { form: self.form.to_string(), source })?;
        }
        let whole = begun.elapsed();
        let model = [Phase::Vision, Phase::Text, Phase::Fusion].map(|phase| timing.get(phase)).iter().sum();
        let each = |time: Duration| time.as_secs_f64() * 1e3 / samples.len() as f64;
        Ok(Speed { whole: each(whole), model: each(model) })
    }

    fn compared(self) -> Compared {
        let Report { vqa, entailment, grounding, detection, .. } = self.report;
        let accuracy = [
            (Part::Vqa, vqa.map(|score| score.accuracy)),
            (Part::Entailment, entailment.map(|score| score.accuracy)),
            (Part::Grounding, grounding.map(|score| score.accuracy)),
            (Part::Detection, detection.map(|score| score.recall)),
        ];
        let accuracy = accuracy.into_iter().filter_map(|(part, figure)| {
            let figure = figure.filter(|figure| figure.count > 0)?;
            Some((part.name().to_owned(), figure.value))
        });
        Compared {
            form: self.form,
            bytes: self.bytes,
            accuracy: accuracy.collect(),
            alone: median(&self.alone),
            batched: median(&self.batched),
        }
    }
}

fn median(turns: &[Speed]) -> Speed {
    let middle = |of: fn(&Speed) -> f64| {
        let mut times: Vec<f64> = turns.iter().map(of).collect();
        times.sort_unstable_by(f64::total_cmp);
        // To a tenth of a microsecond, so that a manifest that is read again says the same.
        (times[times.len() / 2] * 1e4).round() / 1e4
    };
    Speed { whole: middle(|speed| speed.whole), model: middle(|speed| speed.model) }
}

/// An encoded picture and a query about it.
type Sample = (Vec<u8>, Query);

/// At least one.
struct Samples(Vec<Sample>);

impl Samples {
    fn take(held_out: &HeldOut) -> Result<Self, Error> {
        let asked = held_out.pictures.iter().filter_map(|entry| Some((entry, query(entry)?)));
        let samples = asked.take(TIMED).map(|(entry, query)| {
            let path = held_out.dataset.path(entry);
            let picture = fs::read(&path).map_err(|source| Error::Read { path, source })?;
            Ok((picture, query))
        });
        let samples: Vec<_> = samples.collect::<Result<_, Error>>()?;
        if samples.is_empty() { Err(Error::NothingToAsk) } else { Ok(Self(samples)) }
    }
}

fn query(entry: &Entry) -> Option<Query> {
    let question = entry.vqa.first().map(|asked| Query::Vqa { question: asked.question.clone(), top_k: 5 });
    let hypothesis =
        || entry.entailment.first().map(|asked| Query::Entailment { hypothesis: asked.hypothesis.clone() });
    let expression = || {
        let asked = entry.referring.first()?;
        Some(Query::Grounding { expression: asked.expression.clone(), top_k: 1 })
    };
    question.or_else(hypothesis).or_else(expression)
}

/// A folder beside the bundle to be, deleted at the end.
struct Aside(PathBuf);

impl Aside {
    fn beside(out: &Path) -> Self {
        let name = out.file_name().unwrap_or(out.as_os_str()).to_string_lossy();
        Self(out.with_file_name(format!(".{name}.forms-{}", std::process::id())))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What remains of a failed attempt is removed as far as it can be.
        let _ = fs::remove_dir_all(&self.0);
    }
}
