//! The threads that run graphs. Each owns a session of every graph, takes a batch whenever it is free, the latest stage first, and is
//! started anew when it panics.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prometheus::Histogram;

use crate::bundle::Bundle;
use crate::metrics::Metrics;

use super::batching::{Budget, Terms};
use super::call::{Call, Caller, Phase, Timing};
use super::error::{Error, StartError};
use super::graph::Maker;
use super::graphs::Graphs;
use super::job::{Batch, Job, Lane};
use super::library;
use super::pace::Pace;
use super::provider::Attempt;
use super::queue::{Next, Outlook, Queue};
use super::settings::{Settings, processors};
use super::stage::{Associations, Model, Pictures, Questions, Raws, Stage, Texts};

/// The phases in which a graph runs.
const GRAPHS: [Phase; 6] =
    [Phase::Objects, Phase::Vision, Phase::Text, Phase::Fusion, Phase::Association, Phase::Raw];

/// Pause before sessions that could not be made again are tried once more.
const RETRY: Duration = Duration::from_secs(1);

/// The executors of an engine and the queue in front of them.
#[derive(Debug)]
pub(super) struct Executors {
    queue: Arc<Queue<Lanes>>,
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    provider: Attempt,
    count: NonZeroUsize,
}

/// What every executor uses.
#[derive(Debug)]
struct Shared {
    bundle: Bundle,
    model: Model,
    maker: Maker,
    batch: Budget,
    linger: Duration,
    capacity: NonZeroUsize,
    metrics: Arc<Metrics>,
    /// Seconds of each graph.
    compute: [(Phase, Histogram); GRAPHS.len()],
    pace: Arc<Pace>,
}

/// The jobs in front of every stage.
pub(super) struct Lanes {
    pub pictures: Lane<Pictures>,
    pub texts: Lane<Texts>,
    pub questions: Lane<Questions>,
    pub associations: Lane<Associations>,
    pub raws: Lane<Raws>,
    /// Whether the last batch was a raw one.
    raw_before: bool,
}

/// A batch of some stage.
enum Work {
    Pictures(Batch<Pictures>),
    Texts(Batch<Texts>),
    Questions(Batch<Questions>),
    Associations(Batch<Associations>),
    Raws(Batch<Raws>),
}

impl Shared {
    /// The sessions of one more executor.
    fn graphs(&self) -> Result<Graphs, StartError> {
        Graphs::load(&self.bundle, &self.model, &self.maker, self.batch)
    }

    /// The same once the bundle has been served for a while: its folder may hold another one by now.
    fn graphs_again(&self) -> Result<Graphs, StartError> {
        let found = Bundle::open(self.bundle.folder())?;
        if found.fingerprint() != self.bundle.fingerprint() {
            return Err(StartError::Replaced { folder: self.bundle.folder().to_owned() });
        }
        self.graphs()
    }
}

impl Executors {
    /// Starts the threads and returns when each has loaded, warmed and proven its sessions.
    pub fn start(
        bundle: &Bundle,
        pad: i64,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let environment = library::load(settings.library.as_deref())?;
        let start = |provider| {
            let count = settings.executors.unwrap_or_else(|| match provider {
                Attempt::Cpu => processors(),
                Attempt::Cuda(_) => NonZeroUsize::MIN,
            });
            let maker =
                Maker { environment: environment.clone(), provider, intra_threads: settings.intra_threads };
            let shared = Shared {
                bundle: bundle.clone(),
                model: Model { manifest: bundle.manifest().clone(), pad },
                maker,
                batch: settings.batch,
                linger: settings.linger,
                capacity: settings.queue,
                metrics: Arc::clone(metrics),
                compute: GRAPHS.map(|phase| (phase, metrics.compute(phase.name()))),
                pace: Arc::new(Pace::new(count)),
            };
            Self::spawn(Arc::new(shared), count)
        };
        let (preferred, fallback) = settings.provider.attempts();
        if let Some(preferred) = preferred {
            match start(preferred) {
                Ok(executors) => return Ok(executors),
                Err(error) => tracing::warn!(
                    provider = preferred.name(),
                    instead = fallback.name(),
                    %error,
                    "provider not available"
                ),
            }
        }
        start(fallback)
    }

    /// Hands a job to its stage and waits for the answer. The job is withdrawn when the returned future is dropped.
    pub async fn submit<S: Stage>(&self, input: S::Input, call: &Call) -> Result<S::Output, Error> {
        let (caller, answer) = Caller::new(call);
        self.enqueue(Job::<S>::new(input, caller));
        call.wait(answer, S::NAME, &self.shared.metrics).await
    }

    /// Hands a job to its stage, or tells its caller why not.
    pub fn enqueue<S: Stage>(&self, job: Job<S>) {
        let mut job = Some(job);
        let put = self.queue.push(|lanes| {
            let lane = S::lane(lanes);
            let room = lane.len() < self.shared.capacity.get();
            if room && let Some(job) = job.take() {
                lane.push(job);
            }
            room
        });
        if let (Err(refused), Some(job)) = (put, job) {
            let capacity = self.shared.capacity.get();
            let refused =
                Error::refused(refused, &self.shared.metrics, || self.shared.pace.retry_after(capacity));
            job.answer(Err(refused));
        }
    }

    /// `cpu` or `cuda`.
    pub fn provider(&self) -> &'static str {
        self.provider.name()
    }

    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// How fast calls are served.
    pub fn pace(&self) -> &Arc<Pace> {
        &self.shared.pace
    }

    /// Executors that wait for work.
    pub fn idle(&self) -> usize {
        self.queue.idle()
    }

    /// Takes no more jobs, finishes what waits and ends the threads.
    pub fn stop(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("an executor had panicked outside its batches");
            }
        }
    }

    fn spawn(shared: Arc<Shared>, count: NonZeroUsize) -> Result<Self, StartError> {
        let provider = shared.maker.provider;
        let queue = Arc::new(Queue::new(Lanes::new(&shared.metrics)));
        let executors =
            Self { queue, shared, threads: Mutex::new(Vec::with_capacity(count.get())), provider, count };
        let (started, starting) = mpsc::channel();
        for index in 0..count.get() {
            let (queue, shared) = (Arc::clone(&executors.queue), Arc::clone(&executors.shared));
            let started = started.clone();
            let thread = thread::Builder::new()
                .name(format!("executor-{index}"))
                .spawn(move || run(&queue, &shared, started))
                .map_err(StartError::Thread)?;
            executors.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        drop(started);
        for _ in 0..count.get() {
            starting.recv().unwrap_or(Err(StartError::Interrupted))?;
        }
        Ok(executors)
    }
}

impl Drop for Executors {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Lanes {
    fn new(metrics: &Metrics) -> Self {
        Self {
            pictures: Lane::new(metrics),
            texts: Lane::new(metrics),
            questions: Lane::new(metrics),
            associations: Lane::new(metrics),
            raws: Lane::new(metrics),
            raw_before: false,
        }
    }

    /// The next batch: the latest stage that has one, so that work begun is work finished. Raw runs take turns with all of these: behind
    /// them they would starve under load, and in the order of arrival a question would wait for every run sent before it.
    fn next(&mut self, shared: &Shared, outlook: Outlook) -> Next<Work> {
        let mut wait = None;
        let work = (!self.raw_before)
            .then(|| self.cut::<Raws>(shared, outlook, &mut wait).map(Work::Raws))
            .flatten()
            .or_else(|| self.cut::<Questions>(shared, outlook, &mut wait).map(Work::Questions))
            .or_else(|| self.cut::<Associations>(shared, outlook, &mut wait).map(Work::Associations))
            .or_else(|| self.cut::<Texts>(shared, outlook, &mut wait).map(Work::Texts))
            .or_else(|| self.cut::<Pictures>(shared, outlook, &mut wait).map(Work::Pictures))
            .or_else(|| self.cut::<Raws>(shared, outlook, &mut wait).map(Work::Raws));
        self.raw_before = matches!(work, Some(Work::Raws(_)));
        work.map_or(Next::Wait(wait), Next::Work)
    }

    fn cut<S: Stage>(
        &mut self,
        shared: &Shared,
        outlook: Outlook,
        wait: &mut Option<Duration>,
    ) -> Option<Batch<S>> {
        let (lane, now, budget) = (S::lane(self), Instant::now(), S::budget(shared.batch));
        let linger = if outlook.closed { Duration::ZERO } else { shared.linger };
        if let Some(left) = lane.wants_to_wait(budget, linger, now) {
            *wait = Some(wait.map_or(left, |wait: Duration| wait.min(left)));
            return None;
        }
        // The free executors, this one among them, share what waits: two half batches at once are done before one full one.
        let terms = Terms { budget, run: shared.maker.provider.run_slots() };
        lane.cut(terms, NonZeroUsize::MIN.saturating_add(outlook.idle), now, &shared.metrics)
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

/// The life of one executor; `started` hears once whether its sessions work.
fn run(queue: &Queue<Lanes>, shared: &Shared, started: mpsc::Sender<Result<(), StartError>>) {
    let mut loaded = match shared.graphs() {
        Ok(graphs) => {
            // Whoever started this may have given up because another executor failed; the closed queue then ends this one.
            let _given_up = started.send(Ok(()));
            drop(started);
            Some(graphs)
        }
        Err(error) => {
            let _given_up = started.send(Err(error));
            return;
        }
    };
    while let Some(mut graphs) = loaded {
        let turn = catch_unwind(AssertUnwindSafe(|| {
            while let Some(next) = queue.take(|lanes, outlook| lanes.next(shared, outlook)) {
                work(&mut graphs, queue, shared, next);
            }
        }));
        if turn.is_ok() {
            return;
        }
        // The jobs of the batch were dropped with their replies, which tells their callers. Sessions that a panic went through are
        // not trusted any more.
        tracing::error!("an executor panicked and starts anew");
        loaded = reload(queue, shared);
    }
}

/// New sessions after a panic, tried until they load or the engine ends.
fn reload(queue: &Queue<Lanes>, shared: &Shared) -> Option<Graphs> {
    loop {
        match shared.graphs_again() {
            Ok(graphs) => return Some(graphs),
            Err(error) if queue.is_closed() => {
                tracing::error!(%error, "an executor could not start anew and ends");
                return None;
            }
            Err(error) => {
                tracing::error!(%error, "an executor can't start anew yet");
                thread::sleep(RETRY);
            }
        }
    }
}

fn work(graphs: &mut Graphs, queue: &Queue<Lanes>, shared: &Shared, work: Work) {
    match work {
        Work::Pictures(batch) => serve(graphs, queue, shared, batch),
        Work::Texts(batch) => serve(graphs, queue, shared, batch),
        Work::Questions(batch) => serve(graphs, queue, shared, batch),
        Work::Associations(batch) => serve(graphs, queue, shared, batch),
        Work::Raws(batch) => serve(graphs, queue, shared, batch),
    }
}

fn serve<S: Stage>(graphs: &mut Graphs, queue: &Queue<Lanes>, shared: &Shared, batch: Batch<S>) {
    let timing = Timing::default();
    let inputs: Vec<&S::Input> = batch.jobs.iter().map(|job| &job.input).collect();
    let outcome = S::run(graphs, &shared.model, &inputs, &timing);
    let rows = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
    drop(inputs);
    for (phase, compute) in &shared.compute {
        let spent = timing.get(*phase);
        if !spent.is_zero() {
            compute.observe(spent.as_secs_f64());
            shared.pace.record(*phase, spent / rows);
        }
    }
    batch.count(&timing);
    if let Ok(outputs) = &outcome {
        queue.pass_on(batch.follow(outputs), |lanes, question| lanes.questions.push(question));
    }
    batch.finish(outcome);
}

#[cfg(test)]
mod tests;
