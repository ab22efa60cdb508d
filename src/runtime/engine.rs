//! The engine: the one handle through which pictures and texts become answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::bundle::{Bundle, GoldenTensor, Manifest};
use crate::input::{Limits, Picture, Tokenizer, Tokens};
use crate::metrics::Metrics;
use crate::types::{Answer, Query, Size};

use super::cache::Cache;
use super::call::{Call, Caller};
use super::encoded::Encoded;
use super::error::{Error, StartError};
use super::executor::Executors;
use super::features::{ReadText, Seen};
use super::heads;
use super::job::Job;
use super::meeting::Meeting;
use super::queue::Refused;
use super::raw::{RawGraph, RawRun};
use super::settings::{Settings, processors};
use super::stage::{Asked, Pair, Pictures, Questions, Raws, Reading, Sight, Stage, Texts};
use super::workers::{Lane, Workers};

/// Items of one call in work at the same time: enough to fill batches, few enough that a large call leaves room in the queues.
const AT_ONCE: usize = 64;

/// A bundle at work. Clones share it; when the last one is dropped, the accepted work is finished and the threads end.
#[derive(Clone, Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    // Dropped after `shared`: when nobody listens any more, nobody else holds the engine either.
    listener: watch::Receiver<()>,
}

#[derive(Debug)]
struct Shared {
    model: ModelInfo,
    settings: Settings,
    metrics: Arc<Metrics>,
    tokenizer: Arc<Tokenizer>,
    places: Arc<Semaphore>,
    draining: AtomicBool,
    pictures: Cache<blake3::Hash, Seen>,
    texts: Cache<Arc<str>, ReadText>,
    workers: Workers,
    /// The workers hand decoded pictures on to them.
    executors: Arc<Executors>,
    /// Every handle listens to it, so that it knows when the last one is gone.
    handles: watch::Sender<()>,
}

/// What is loaded and what it runs on.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    id: String,
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
    /// `NAME@VERSION`, by which an answer names the model that gave it.
    pub fn id(&self) -> &str {
        &self.id
    }

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
        let executors = Arc::new(Executors::start(&bundle, tokenizer.pad(), settings, &metrics)?);
        let threads = settings.workers.unwrap_or_else(processors);
        let pace = Arc::clone(executors.pace());
        let workers = Workers::start(threads, settings.queue, Arc::clone(&metrics), pace)
            .map_err(StartError::Thread)?;
        let model = ModelInfo {
            id: format!("{}@{}", manifest.name, manifest.version),
            fingerprint: bundle.fingerprint().to_owned(),
            provider: executors.provider(),
            executors: executors.count(),
            pictures: settings.pictures,
            manifest,
        };
        tracing::info!(
            model = model.name(),
            version = model.version(),
            provider = model.provider,
            executors = model.executors,
            "model ready"
        );
        let (handles, listener) = watch::channel(());
        Ok(Self {
            shared: Arc::new(Shared {
                model,
                settings: settings.clone(),
                pictures: Cache::new("pictures", settings.cache_pictures, &metrics),
                texts: Cache::new("texts", settings.cache_texts, &metrics),
                metrics,
                tokenizer: Arc::new(tokenizer),
                places: Arc::new(Semaphore::new(settings.in_flight.get())),
                draining: AtomicBool::new(false),
                workers,
                executors,
                handles,
            }),
            listener,
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

    /// Whether an encoded picture can be answered about; if so its size, and the picture in memory of its own, to be kept.
    pub async fn check(&self, picture: Encoded, call: &Call) -> Result<(Size, Encoded), Error> {
        let limits = self.shared.settings.pictures;
        let check = move || Ok((Picture::decode(picture.bytes(), &limits)?.size(), picture.detached()));
        self.shared.workers.run(Lane::Pictures, call, check).await
    }

    /// The picture side of the model: decodes an encoded picture, finds its objects, computes its visual states; or finds these in the
    /// cache.
    pub async fn see(&self, picture: impl Into<Encoded> + Send, call: &Call) -> Result<Arc<Seen>, Error> {
        let picture = picture.into();
        let key = *picture.key();
        self.shared.pictures.get(&key, call, || self.see_anew(picture, None, call)).await
    }

    /// From the worker that decodes it a picture goes to the executors, and from there to the question at `awaited`.
    async fn see_anew(
        &self,
        picture: Encoded,
        awaited: Option<Arc<Meeting>>,
        call: &Call,
    ) -> Result<Arc<Seen>, Error> {
        let Shared { settings, model, workers, executors, metrics, .. } = &*self.shared;
        let (limits, preprocessing) = (settings.pictures, model.manifest.preprocessing);
        let decode = move || {
            let picture = Picture::decode(picture.bytes(), &limits)?;
            let pixels = picture.pixels(preprocessing.side, preprocessing.padding);
            Ok(Sight { frame: picture.frame(), pixels, awaited })
        };
        let executors = Arc::clone(executors);
        let (caller, seen) = Caller::new(call);
        workers.pass(Lane::Pictures, caller, decode, move |sight, caller| {
            executors.enqueue(Job::<Pictures>::new(sight, caller));
        })?;
        call.wait(seen, "picture", metrics).await
    }

    /// [`see`](Self::see) for several pictures at once; the first failure ends all.
    pub async fn see_all<P>(&self, pictures: Vec<P>, call: &Call) -> Result<Vec<Arc<Seen>>, Error>
    where
        P: Into<Encoded> + Send + 'static,
    {
        self.all(pictures, call, |engine, picture, call| async move { engine.see(picture, &call).await })
            .await
    }

    /// The whole words that the model has room for, of a text that is too long for it.
    pub fn start_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.shared.tokenizer.start_of(text)
    }

    /// The text side of the model: splits a text into tokens and computes its textual states; or finds these in the cache.
    pub async fn read(&self, text: &str, call: &Call) -> Result<Arc<ReadText>, Error> {
        let text = self.shared.tokenizer.readable(text)?;
        let read = || async {
            let tokens = self.split(text, call).await?;
            self.submit::<Texts>(tokens.ids, call).await.map(Arc::new)
        };
        self.shared.texts.get(&Arc::from(text), call, read).await
    }

    /// [`read`](Self::read) for several texts at once; the first failure ends all.
    pub async fn read_all(&self, texts: Vec<String>, call: &Call) -> Result<Vec<Arc<ReadText>>, Error> {
        self.all(texts, call, |engine, text, call| async move { engine.read(&text, &call).await }).await
    }

    /// Answers a query about a picture that was seen.
    pub async fn ask(&self, picture: &Arc<Seen>, query: &Query, call: &Call) -> Result<Answer, Error> {
        let text = self.reading(query.text(), call).await?;
        self.ask_read(picture, text, query, call).await
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
        picture: impl Into<Encoded> + Send,
        query: &Query,
        call: &Call,
    ) -> Result<Answer, Error> {
        let picture = picture.into();
        if let Some(seen) = self.shared.pictures.find(picture.key()) {
            return self.ask(&seen, query, call).await;
        }
        let Shared { pictures, executors, metrics, .. } = &*self.shared;
        let (meeting, answer) = Meeting::new(call);
        let meeting = Arc::new(meeting);
        let see = async {
            let (key, awaited) = (*picture.key(), Some(Arc::clone(&meeting)));
            let seen = pictures.get(&key, call, || self.see_anew(picture, awaited, call)).await?;
            // A picture that another call was seeing meanwhile.
            if let Some(question) = meeting.see(&seen) {
                executors.enqueue(question);
            }
            Ok(seen)
        };
        let read = async {
            // Beside its picture a text costs no time where an executor is free for it; else it is cheaper in the batch of its question.
            let text = if executors.idle() > 1 {
                Reading::Read(self.read(query.text(), call).await?)
            } else {
                self.reading(query.text(), call).await?
            };
            let is_new = matches!(text, Reading::Tokens(_));
            if let Some(question) = meeting.read(text) {
                executors.enqueue(question);
            }
            Ok(is_new)
        };
        let (seen, is_new, asked) = tokio::try_join!(see, read, call.wait(answer, Questions::NAME, metrics))?;
        Ok(self.conclude(query, &seen, asked, is_new))
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
        let asked = self.fuse(picture, Reading::Read(Arc::clone(text)), call).await?;
        Ok(heads::match_probability(&asked.logits))
    }

    /// The graph of the bundle called `name`, to be run on tensors of the caller's own.
    pub fn graph(&self, name: &str) -> Option<RawGraph<'_>> {
        let Shared { model, settings, tokenizer, .. } = &*self.shared;
        RawGraph::of(&model.manifest, name, settings.batch, tokenizer.vocabulary())
    }

    /// Runs a graph on the caller's own tensors; `run` was made for this engine. The outputs come in the order in which it names them.
    pub async fn run(&self, run: RawRun, call: &Call) -> Result<Vec<GoldenTensor>, Error> {
        self.submit::<Raws>(run, call).await
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

    /// Gives this handle up, waits until every other one is dropped, and ends the threads where waiting for them holds up nobody.
    /// Unlike a plain drop it may be used on an async thread.
    pub async fn retire(self) {
        let Self { shared, listener } = self;
        drop(listener);
        shared.handles.closed().await;
        // An error would mean that the runtime ends, and the engine with it.
        let _ = tokio::task::spawn_blocking(move || drop(shared)).await;
    }

    /// Tokens of a text.
    pub(super) async fn split(&self, text: &str, call: &Call) -> Result<Tokens, Error> {
        let (tokenizer, text) = (Arc::clone(&self.shared.tokenizer), text.to_owned());
        self.shared.workers.run(Lane::Texts, call, move || Ok(tokenizer.encode(&text)?)).await
    }

    /// Hands a job to its stage and waits for the answer.
    pub(super) async fn submit<S: Stage>(&self, input: S::Input, call: &Call) -> Result<S::Output, Error> {
        self.shared.executors.submit::<S>(input, call).await
    }

    /// A text on its way to a question: its states if they are kept, else its tokens, which are read in the batch of the question.
    ///
    /// Such a text waits for no other that is the same: a place in a batch of texts costs less than coming too late for the batch of the
    /// questions. Its states come back with the answer and are kept then.
    async fn reading(&self, text: &str, call: &Call) -> Result<Reading, Error> {
        let text = self.shared.tokenizer.readable(text)?;
        Ok(match self.shared.texts.find(text) {
            Some(read) => Reading::Read(read),
            None => Reading::Tokens(self.split(text, call).await?.ids),
        })
    }

    async fn ask_read(
        &self,
        picture: &Arc<Seen>,
        text: Reading,
        query: &Query,
        call: &Call,
    ) -> Result<Answer, Error> {
        let is_new = matches!(text, Reading::Tokens(_));
        let asked = self.fuse(picture, text, call).await?;
        Ok(self.conclude(query, picture, asked, is_new))
    }

    /// The answer of a question that was asked. Its text's states are kept if they are new.
    fn conclude(&self, query: &Query, picture: &Seen, asked: Asked, is_new: bool) -> Answer {
        if is_new {
            self.shared.texts.add(Arc::from(query.text().trim()), asked.text);
        }
        heads::answer(query, &asked.logits, picture, heads::Reading::of(&self.shared.model.manifest))
    }

    async fn fuse(&self, picture: &Arc<Seen>, text: Reading, call: &Call) -> Result<Asked, Error> {
        self.submit::<Questions>(Pair { picture: Arc::clone(picture), text }, call).await
    }

    /// Runs `work` on the items, some at a time, and keeps their order. The tasks end when the returned future is dropped.
    pub(super) async fn all<I, T, F, W>(&self, items: Vec<I>, call: &Call, work: F) -> Result<Vec<T>, Error>
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
mod tests;
