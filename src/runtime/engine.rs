//! The engine: the one handle through which pictures and texts become answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::bundle::{Bundle, GoldenTensor, Manifest};
use crate::input::{Limits, Picture, Tokenizer};
use crate::metrics::{Held, Metrics};
use crate::types::{Answer, Query};

use super::call::Call;
use super::error::{Error, StartError};
use super::executor::Executors;
use super::features::{ReadText, Seen};
use super::heads;
use super::queue::Refused;
use super::raw::{RawGraph, RawRun};
use super::settings::{Settings, processors};
use super::stage::{Logits, Pair, Pictures, Questions, Raws, Reading, Texts};
use super::workers::{Lane, Workers};

/// Items of one call in work at the same time: enough to fill batches, few enough that a large call leaves room in the queues.
const AT_ONCE: usize = 64;

/// A bundle at work. Clones share it; when the last one is dropped, the accepted work is finished and the threads end.
#[derive(Clone, Debug)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    model: ModelInfo,
    settings: Settings,
    metrics: Arc<Metrics>,
    tokenizer: Arc<Tokenizer>,
    places: Arc<Semaphore>,
    draining: AtomicBool,
    workers: Workers,
    executors: Executors,
    _shown: Held,
}

/// What is loaded and what it runs on.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    pub manifest: Manifest,
    /// Digest over the bundle's files; two bundles with the same one answer alike.
    pub fingerprint: String,
    /// `cpu` or `cuda`: what really runs, not what was asked for.
    pub provider: &'static str,
    /// Threads that run graphs.
    pub executors: usize,
    /// Bounds on the pictures that are decoded.
    pub pictures: Limits,
}

impl ModelInfo {
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    pub fn version(&self) -> &str {
        &self.manifest.version
    }
}

impl Engine {
    /// Loads a bundle, checks its graphs against the manifest, warms them up and proves them on the golden values. Blocks until the
    /// engine can answer.
    pub fn start(bundle: Bundle, settings: &Settings, metrics: Arc<Metrics>) -> Result<Self, StartError> {
        let manifest = bundle.manifest().clone();
        let tokenizer = Tokenizer::open(&bundle.tokenizer_path(), manifest.tokenizer.max_tokens)?;
        let executors = Executors::start(&bundle, tokenizer.pad(), settings, &metrics)?;
        let threads = settings.workers.unwrap_or_else(processors);
        let pace = Arc::clone(executors.pace());
        let workers = Workers::start(threads, settings.queue, Arc::clone(&metrics), pace)
            .map_err(StartError::Thread)?;
        let model = ModelInfo {
            fingerprint: bundle.fingerprint().to_owned(),
            provider: executors.provider(),
            executors: executors.count(),
            pictures: settings.pictures,
            manifest,
        };
        let shown = metrics.model_loaded(model.name(), model.version(), model.provider);
        tracing::info!(
            model = model.name(),
            version = model.version(),
            provider = model.provider,
            executors = model.executors,
            "model ready"
        );
        Ok(Self {
            shared: Arc::new(Shared {
                model,
                settings: settings.clone(),
                metrics,
                tokenizer: Arc::new(tokenizer),
                places: Arc::new(Semaphore::new(settings.in_flight.get())),
                draining: AtomicBool::new(false),
                workers,
                executors,
                _shown: shown,
            }),
        })
    }

    /// Accepts a request, or says why not: the one place where calls are refused before they cost anything.
    ///
    /// `deadline` is when the caller stops waiting; a call that reaches it ends with [`Error::Expired`] on its own.
    pub fn admit(&self, deadline: Option<Instant>) -> Result<Call, Error> {
        let refused = |refused| {
            let bound = self.shared.settings.in_flight.get();
            Error::refused(refused, &self.shared.metrics, || self.shared.executors.pace().retry_after(bound))
        };
        if !self.is_accepting() {
            return Err(refused(Refused::Closed));
        }
        let place =
            Arc::clone(&self.shared.places).try_acquire_owned().map_err(|_| refused(Refused::Full))?;
        Ok(Call::new(deadline, place))
    }

    /// The picture side of the model: decodes an encoded picture, finds its objects, computes its visual states.
    pub async fn see(
        &self,
        picture: impl AsRef<[u8]> + Send + 'static,
        call: &Call,
    ) -> Result<Arc<Seen>, Error> {
        let shared = &self.shared;
        let limits = shared.settings.pictures;
        let preprocessing = shared.model.manifest.preprocessing;
        let (frame, pixels) = shared
            .workers
            .run(Lane::Pictures, call, move || {
                let picture = Picture::decode(picture.as_ref(), &limits)?;
                Ok((picture.frame(), picture.pixels(preprocessing.side, preprocessing.padding)))
            })
            .await?;
        let (objects, states) = shared.executors.submit::<Pictures>(pixels, call).await?;
        Ok(Arc::new(Seen::new(frame, objects, states)))
    }

    /// [`see`](Self::see) for several pictures at once; the first failure ends all.
    pub async fn see_all<P>(&self, pictures: Vec<P>, call: &Call) -> Result<Vec<Arc<Seen>>, Error>
    where
        P: AsRef<[u8]> + Send + 'static,
    {
        self.all(pictures, call, |engine, picture, call| async move { engine.see(picture, &call).await })
            .await
    }

    /// The text side of the model: splits a text into tokens and computes its textual states.
    pub async fn read(&self, text: &str, call: &Call) -> Result<Arc<ReadText>, Error> {
        let tokens = self.split(text, call).await?;
        Ok(Arc::new(self.shared.executors.submit::<Texts>(tokens, call).await?))
    }

    /// [`read`](Self::read) for several texts at once; the first failure ends all.
    pub async fn read_all(&self, texts: Vec<String>, call: &Call) -> Result<Vec<Arc<ReadText>>, Error> {
        self.all(texts, call, |engine, text, call| async move { engine.read(&text, &call).await }).await
    }

    /// Answers a query about a picture that was seen.
    pub async fn ask(&self, picture: &Arc<Seen>, query: &Query, call: &Call) -> Result<Answer, Error> {
        let tokens = self.split(query.text(), call).await?;
        self.ask_read(picture, Reading::Tokens(tokens), query, call).await
    }

    /// [`ask`](Self::ask) for several queries at once, each with its own outcome, in their order.
    pub async fn ask_all(
        &self,
        picture: &Arc<Seen>,
        queries: Vec<Query>,
        call: &Call,
    ) -> Result<Vec<Result<Answer, Error>>, Error> {
        self.all(queries, call, |engine, query, call| {
            let picture = Arc::clone(picture);
            async move { Ok(engine.ask(&picture, &query, &call).await) }
        })
        .await
    }

    /// Answers a query about an encoded picture.
    pub async fn answer(
        &self,
        picture: impl AsRef<[u8]> + Send + 'static,
        query: &Query,
        call: &Call,
    ) -> Result<Answer, Error> {
        // Beside its picture a text costs no time where an executor is free for it; else it is cheaper in the batch of its question.
        let (picture, text) = if self.shared.executors.idle() > 1 {
            let read = async { Ok(Reading::Read(self.read(query.text(), call).await?)) };
            tokio::try_join!(self.see(picture, call), read)?
        } else {
            let split = async { Ok(Reading::Tokens(self.split(query.text(), call).await?)) };
            tokio::try_join!(self.see(picture, call), split)?
        };
        self.ask_read(&picture, text, query, call).await
    }

    /// Probability that each text describes each picture: one row per picture, one column per text.
    pub async fn match_all(
        &self,
        pictures: &[Arc<Seen>],
        texts: &[Arc<ReadText>],
        call: &Call,
    ) -> Result<Vec<Vec<f32>>, Error> {
        if texts.is_empty() {
            return Ok(vec![Vec::new(); pictures.len()]);
        }
        let pairs = pictures
            .iter()
            .flat_map(|picture| texts.iter().map(|text| (Arc::clone(picture), Arc::clone(text))))
            .collect();
        let scores = self
            .all(pairs, call, |engine, (picture, text), call| async move {
                engine.match_pair(&picture, &text, &call).await
            })
            .await?;
        Ok(scores.chunks(texts.len()).map(<[f32]>::to_vec).collect())
    }

    /// Probability that a text describes a picture.
    pub async fn match_pair(
        &self,
        picture: &Arc<Seen>,
        text: &Arc<ReadText>,
        call: &Call,
    ) -> Result<f32, Error> {
        let logits = self.fuse(picture, Reading::Read(Arc::clone(text)), call).await?;
        Ok(heads::match_probability(&logits))
    }

    /// The graph of the bundle called `name`, to be run on tensors of the caller's own.
    pub fn graph(&self, name: &str) -> Option<RawGraph<'_>> {
        let Shared { model, settings, tokenizer, .. } = &*self.shared;
        RawGraph::of(&model.manifest, name, settings.batch, tokenizer.vocabulary())
    }

    /// Runs a graph on the caller's own tensors; `run` was made for this engine. The outputs come in the order in which it names them.
    pub async fn run(&self, run: RawRun, call: &Call) -> Result<Vec<GoldenTensor>, Error> {
        self.shared.executors.submit::<Raws>(run, call).await
    }

    pub fn model(&self) -> &ModelInfo {
        &self.shared.model
    }

    /// Whether new calls are accepted.
    pub fn is_accepting(&self) -> bool {
        !self.shared.draining.load(Ordering::Acquire)
    }

    /// Refuses new calls from now on; those already accepted go on.
    pub fn begin_drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }

    /// Refuses new calls, finishes the work that waits and ends the threads. Blocks until they have ended.
    pub fn shutdown(&self) {
        self.begin_drain();
        self.shared.workers.stop();
        self.shared.executors.stop();
    }

    /// Token ids of a text.
    async fn split(&self, text: &str, call: &Call) -> Result<Vec<i64>, Error> {
        let (tokenizer, text) = (Arc::clone(&self.shared.tokenizer), text.to_owned());
        self.shared.workers.run(Lane::Texts, call, move || Ok(tokenizer.encode(&text)?.ids)).await
    }

    async fn ask_read(
        &self,
        picture: &Arc<Seen>,
        text: Reading,
        query: &Query,
        call: &Call,
    ) -> Result<Answer, Error> {
        let logits = self.fuse(picture, text, call).await?;
        Ok(heads::answer(query, &logits, picture, heads::Reading::of(&self.shared.model.manifest)))
    }

    async fn fuse(&self, picture: &Arc<Seen>, text: Reading, call: &Call) -> Result<Logits, Error> {
        let pair = Pair { picture: Arc::clone(picture), text };
        self.shared.executors.submit::<Questions>(pair, call).await
    }

    /// Runs `work` on the items, some at a time, and keeps their order. The tasks end when the returned future is dropped.
    async fn all<I, T, F, W>(&self, items: Vec<I>, call: &Call, work: F) -> Result<Vec<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Engine, I, Call) -> W,
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let mut done: Vec<Option<T>> = items.iter().map(|_| None).collect();
        let mut waiting = items.into_iter().enumerate();
        let mut tasks = JoinSet::new();
        loop {
            for (index, item) in waiting.by_ref().take(AT_ONCE - tasks.len()) {
                let running = work(self.clone(), item, call.clone());
                tasks.spawn(async move { (index, running.await) });
            }
            let Some(task) = tasks.join_next().await else { break };
            let (index, outcome) = task.map_err(|_| Error::Interrupted { stage: "request" })?;
            done[index] = Some(outcome?);
        }
        Ok(done.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::num::NonZeroUsize;
    use std::path::PathBuf;
    use std::time::Duration;

    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

    use super::super::bare::Bare;
    use super::super::call::{Phase, Timing};
    use super::super::graphs::tests::shapes;
    use super::super::provider::{Cuda, Provider};
    use super::*;
    use crate::metrics::Rejection;

    fn engine(settings: &Settings) -> Engine {
        Engine::start(shapes(), settings, Arc::new(Metrics::new())).unwrap()
    }

    /// A picture whose content depends on `shade`.
    fn picture(shade: u8) -> Vec<u8> {
        let image = RgbImage::from_fn(90, 60, |x, y| {
            if (20..50).contains(&x) && (15..45).contains(&y) {
                Rgb([shade, 20, 20])
            } else {
                Rgb([230, 230, 225])
            }
        });
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn queries() -> Vec<Query> {
        vec![
            Query::Vqa { question: "how many red circles are there?".to_owned(), top_k: 3 },
            Query::Entailment { hypothesis: "there is a square".to_owned() },
            Query::Grounding {
                expression: "the large red square on the left of the picture".to_owned(),
                top_k: 2,
            },
            Query::Match { text: "a red square".to_owned() },
        ]
    }

    /// The numbers of an answer, for comparing with a tolerance.
    fn numbers(answer: &Answer) -> Vec<f32> {
        match answer {
            Answer::Vqa(vqa) => vqa.answers.iter().map(|scored| scored.score).collect(),
            Answer::Entailment(scores) => vec![scores.entailment, scores.neutral, scores.contradiction],
            Answer::Grounding(grounding) => {
                let scores = grounding.candidates.iter().map(|candidate| candidate.score);
                scores.chain([grounding.present]).collect()
            }
            Answer::Match(score) => vec![*score],
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_callers_at_once_get_what_each_gets_alone() {
        let engine = engine(&Settings::default());
        let asked: Vec<(Vec<u8>, Query)> = (0..8)
            .flat_map(|shade| queries().into_iter().map(move |query| (picture(shade * 30), query)))
            .collect();
        let mut bare = Bare::load(&shapes(), &Settings::default()).unwrap();
        let alone: Vec<Answer> = asked
            .iter()
            .map(|(picture, query)| bare.answer(&[(picture, query)], &Timing::default()).unwrap().remove(0))
            .collect();
        let tasks: Vec<_> = asked
            .into_iter()
            .map(|(picture, query)| {
                let engine = engine.clone();
                tokio::spawn(async move {
                    let call = engine.admit(None).unwrap();
                    engine.answer(picture, &query, &call).await.unwrap()
                })
            })
            .collect();
        for (task, alone) in tasks.into_iter().zip(alone) {
            let (together, alone) = (numbers(&task.await.unwrap()), numbers(&alone));
            let apart = together.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(together.len() == alone.len() && apart <= 1e-4, "{together:?} against {alone:?}");
        }
    }

    #[tokio::test]
    async fn a_call_knows_where_its_time_went() {
        let engine = engine(&Settings::default());
        let call = engine.admit(None).unwrap();
        engine.answer(picture(200), &queries()[0], &call).await.unwrap();
        for phase in Phase::ANSWER {
            assert!(call.timing().get(phase) > Duration::ZERO, "no time in {}", phase.name());
        }
    }

    #[tokio::test]
    async fn matching_gives_a_row_per_picture_and_a_column_per_text() {
        let engine = engine(&Settings::default());
        let call = engine.admit(None).unwrap();
        let pictures = engine.see_all(vec![picture(0), picture(250)], &call).await.unwrap();
        let texts = ["a red square", "a blue circle", "two stars"].map(str::to_owned).to_vec();
        let texts = engine.read_all(texts, &call).await.unwrap();
        let scores = engine.match_all(&pictures, &texts, &call).await.unwrap();
        assert_eq!(scores.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
        let one = engine.match_pair(&pictures[1], &texts[2], &call).await.unwrap();
        assert!((scores[1][2] - one).abs() <= 1e-4);
    }

    #[tokio::test]
    async fn bad_pictures_and_texts_are_the_callers_errors() {
        let engine = engine(&Settings::default());
        let call = engine.admit(None).unwrap();
        assert!(matches!(engine.see(b"no picture".to_vec(), &call).await, Err(Error::Picture(_))));
        assert!(matches!(engine.read("", &call).await, Err(Error::Text(_))));
        assert!(matches!(engine.read(&"word ".repeat(10_000), &call).await, Err(Error::Text(_))));
    }

    #[tokio::test]
    async fn a_passed_deadline_ends_a_call() {
        let engine = engine(&Settings::default());
        let call = engine.admit(Some(Instant::now())).unwrap();
        assert!(matches!(engine.see(picture(1), &call).await, Err(Error::Expired)));
        assert!(engine.shared.metrics.rejections(Rejection::Expired) >= 1);
    }

    #[tokio::test]
    async fn calls_beyond_the_bound_are_refused_until_one_is_done() {
        let settings = Settings { in_flight: NonZeroUsize::MIN, ..Settings::default() };
        let engine = engine(&settings);
        let first = engine.admit(None).unwrap();
        assert!(matches!(engine.admit(None), Err(Error::Overloaded { .. })));
        drop(first);
        assert!(engine.admit(None).is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_draining_engine_finishes_what_it_accepted() {
        let engine = engine(&Settings::default());
        let accepted = engine.admit(None).unwrap();
        engine.begin_drain();
        assert!(matches!(engine.admit(None), Err(Error::Draining)));
        assert!(!engine.is_accepting());
        engine.answer(picture(9), &queries()[0], &accepted).await.unwrap();
        engine.shutdown();
        assert!(matches!(engine.see(picture(9), &accepted).await, Err(Error::Draining)));
    }

    #[test]
    fn cuda_without_a_gpu_is_refused_and_auto_says_what_runs() {
        let start = |provider| {
            let settings = Settings { provider, ..Settings::default() };
            Engine::start(shapes(), &settings, Arc::new(Metrics::new()))
        };
        let auto = start(Provider::Auto(Cuda::default())).unwrap();
        match start(Provider::Cuda(Cuda::default())) {
            Ok(cuda) => assert_eq!((cuda.model().provider, auto.model().provider), ("cuda", "cuda")),
            Err(_) => assert_eq!(auto.model().provider, "cpu"),
        }
    }

    #[test]
    fn a_missing_library_stops_the_start() {
        let settings =
            Settings { library: Some(PathBuf::from("/nowhere/libonnxruntime.so")), ..Settings::default() };
        let error = Engine::start(shapes(), &settings, Arc::new(Metrics::new())).unwrap_err();
        assert!(matches!(error, StartError::Library(_)), "{error}");
    }
}
