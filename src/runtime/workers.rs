//! Threads for the work that is neither asynchronous nor a graph: decoding pictures and splitting texts.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use prometheus::Histogram;

use crate::metrics::{Metrics, QueueMetrics, Rejection};

use super::call::{Call, Caller, Phase};
use super::error::Error;
use super::pace::Pace;
use super::queue::{Next, Queue};

/// What kind of work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Goes first: a text takes microseconds.
    Texts,
    Pictures,
}

impl Lane {
    /// Name of the stage in metrics and errors.
    fn stage(self) -> &'static str {
        match self {
            Self::Texts => "tokenize",
            Self::Pictures => "decode",
        }
    }
}

/// The threads and the queue in front of them.
#[derive(Debug)]
pub(super) struct Workers {
    queue: Arc<Queue<Lanes>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    capacity: NonZeroUsize,
    metrics: Arc<Metrics>,
    texts: Seconds,
    pictures: Seconds,
    pace: Arc<Pace>,
}

/// Seconds that the work of a lane waits and takes.
#[derive(Clone, Debug)]
struct Seconds {
    wait: Histogram,
    compute: Histogram,
}

type Task = Box<dyn FnOnce() + Send>;

/// The work that waits.
struct Lanes {
    texts: Line,
    pictures: Line,
}

struct Line {
    tasks: VecDeque<Task>,
    measured: QueueMetrics,
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes")
            .field("texts", &self.texts.tasks.len())
            .field("pictures", &self.pictures.tasks.len())
            .finish()
    }
}

impl Workers {
    /// `capacity` pieces of work may wait.
    pub fn start(
        threads: NonZeroUsize,
        capacity: NonZeroUsize,
        metrics: Arc<Metrics>,
        pace: Arc<Pace>,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(Lanes::new(&metrics)));
        let threads = (0..threads.get())
            .map(|index| {
                let queue = Arc::clone(&queue);
                thread::Builder::new().name(format!("worker-{index}")).spawn(move || work(&queue))
            })
            .collect::<io::Result<_>>()?;
        let [texts, pictures] = [Lane::Texts, Lane::Pictures].map(|lane| Seconds {
            wait: metrics.queue(lane.stage()).wait,
            compute: metrics.compute(lane.stage()),
        });
        Ok(Self { queue, threads: Mutex::new(threads), capacity, metrics, texts, pictures, pace })
    }

    /// Runs `work` on a worker thread. Withdrawn when the returned future is dropped before a thread has taken it up.
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        call: &Call,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (caller, answer) = Caller::new(call);
        self.pass(lane, caller, work, |done, caller| caller.answer(Ok(done)))?;
        call.wait(answer, lane.stage(), &self.metrics).await
    }

    /// Has `work` done on a worker thread, which hands what comes of it, and the caller who waits, to `then`. If there is no place for
    /// it, the error says why; if it fails, the caller is told. Withdrawn when the caller leaves before a thread has taken it up.
    pub fn pass<T, A>(
        &self,
        lane: Lane,
        caller: Caller<A>,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
        then: impl FnOnce(T, Caller<A>) + Send + 'static,
    ) -> Result<(), Error>
    where
        T: 'static,
        A: Send + 'static,
    {
        let task = self.task(lane, caller, work, then);
        let put = self.queue.push(|lanes| {
            let room = lanes.len() < self.capacity.get();
            if room {
                lanes.line(lane).push(task);
            }
            room
        });
        put.map_err(|refused| {
            Error::refused(refused, &self.metrics, || self.pace.retry_after(self.capacity.get()))
        })
    }

    /// Takes no more work, finishes what waits and ends the threads.
    pub fn stop(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread had panicked");
            }
        }
    }

    fn task<T, A>(
        &self,
        lane: Lane,
        caller: Caller<A>,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
        then: impl FnOnce(T, Caller<A>) + Send + 'static,
    ) -> Task
    where
        T: 'static,
        A: Send + 'static,
    {
        let (metrics, pace) = (Arc::clone(&self.metrics), Arc::clone(&self.pace));
        let (phase, seconds) = match lane {
            Lane::Texts => (Phase::Text, self.texts.clone()),
            Lane::Pictures => (Phase::Decode, self.pictures.clone()),
        };
        let queued = Instant::now();
        Box::new(move || {
            let started = Instant::now();
            if caller.deadline.is_some_and(|deadline| deadline <= started) {
                return caller.answer(Err(Error::Expired));
            }
            if caller.has_left() {
                return metrics.reject(Rejection::Withdrawn);
            }
            let waited = started.duration_since(queued);
            caller.timing.add(Phase::Queue, waited);
            seconds.wait.observe(waited.as_secs_f64());
            let outcome = work();
            let spent = started.elapsed();
            seconds.compute.observe(spent.as_secs_f64());
            caller.timing.add(phase, spent);
            // A text takes next to nothing here, and its phase is learnt where its graph runs.
            if lane == Lane::Pictures {
                pace.record(phase, spent);
            }
            match outcome {
                Ok(done) => then(done, caller),
                Err(error) => caller.answer(Err(error)),
            }
        })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Lanes {
    fn new(metrics: &Metrics) -> Self {
        let line = |lane: Lane| Line { tasks: VecDeque::new(), measured: metrics.queue(lane.stage()) };
        Self { texts: line(Lane::Texts), pictures: line(Lane::Pictures) }
    }

    fn line(&mut self, lane: Lane) -> &mut Line {
        match lane {
            Lane::Texts => &mut self.texts,
            Lane::Pictures => &mut self.pictures,
        }
    }

    fn len(&self) -> usize {
        self.texts.tasks.len() + self.pictures.tasks.len()
    }
}

impl Line {
    fn push(&mut self, task: Task) {
        self.tasks.push_back(task);
        self.measured.depth.set(self.tasks.len() as i64);
    }

    fn pop(&mut self) -> Option<Task> {
        let task = self.tasks.pop_front();
        self.measured.depth.set(self.tasks.len() as i64);
        task
    }
}

fn work(queue: &Queue<Lanes>) {
    let next = |lanes: &mut Lanes, _| {
        let task = lanes.texts.pop().or_else(|| lanes.pictures.pop());
        task.map_or(Next::Wait(None), Next::Work)
    };
    while let Some(task) = queue.take(next) {
        // A panic inside a decoder costs its caller an answer, not the server a thread; the dropped reply tells the caller.
        if catch_unwind(AssertUnwindSafe(task)).is_err() {
            tracing::error!("a worker's task panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::runtime::call::tests::call;

    fn workers(threads: usize, capacity: usize) -> (Workers, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new());
        let count = |number| NonZeroUsize::new(number).unwrap();
        let pace = Arc::new(Pace::new(count(threads)));
        (Workers::start(count(threads), count(capacity), Arc::clone(&metrics), pace).unwrap(), metrics)
    }

    /// Occupies one worker until the sender is used or dropped; returns once the worker is at it.
    fn occupy(workers: &Arc<Workers>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Error>>) {
        let (release, released) = mpsc::channel::<()>();
        let (begun, beginning) = mpsc::channel();
        let workers = Arc::clone(workers);
        let running = tokio::spawn(async move {
            workers
                .run(Lane::Pictures, &call(None), move || {
                    let _ = begun.send(());
                    let _ = released.recv();
                    Ok(())
                })
                .await
        });
        tokio::task::block_in_place(|| beginning.recv().unwrap());
        (release, running)
    }

    #[tokio::test]
    async fn work_is_answered_and_its_time_is_counted() {
        let (workers, metrics) = workers(2, 8);
        let call = call(None);
        assert_eq!(workers.run(Lane::Texts, &call, || Ok(7)).await.unwrap(), 7);
        assert!(call.timing().get(Phase::Text) > Duration::ZERO);
        workers.run(Lane::Pictures, &call, || Ok(())).await.unwrap();
        for stage in ["tokenize", "decode"] {
            let counted = format!("cmal_stage_compute_seconds_count{{stage=\"{stage}\"}} 1");
            assert!(metrics.render().contains(&counted), "{stage}");
        }
    }

    #[tokio::test]
    async fn a_panic_costs_one_caller_and_not_the_thread() {
        let (workers, _) = workers(1, 8);
        let failed = workers.run::<()>(Lane::Pictures, &call(None), || panic!("decoder")).await;
        assert!(matches!(failed, Err(Error::Interrupted { stage: "decode" })));
        assert_eq!(workers.run(Lane::Pictures, &call(None), || Ok(1)).await.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_full_queue_refuses_and_withdrawn_work_is_never_done() {
        let (workers, metrics) = workers(1, 1);
        let workers = Arc::new(workers);
        let (release, running) = occupy(&workers);
        let withdrawn = Arc::clone(&workers);
        let waiting = tokio::spawn(async move {
            withdrawn.run::<()>(Lane::Pictures, &call(None), || panic!("must not run")).await
        });
        while metrics.queue("decode").depth.get() == 0 {
            tokio::task::yield_now().await;
        }
        let refused = workers.run(Lane::Pictures, &call(None), || Ok(())).await;
        assert!(matches!(refused, Err(Error::Overloaded { .. })));
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        running.await.unwrap().unwrap();
        while metrics.queue("decode").depth.get() > 0 {
            tokio::task::yield_now().await;
        }
        // The one thread does its work in order, so what was withdrawn has been met when this is answered.
        workers.run(Lane::Pictures, &call(None), || Ok(())).await.unwrap();
        assert_eq!(metrics.rejections(Rejection::Withdrawn), 1);
        assert_eq!(metrics.rejections(Rejection::Overloaded), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_deadline_fires_while_every_worker_is_busy() {
        let (workers, _) = workers(1, 8);
        let workers = Arc::new(workers);
        let (release, running) = occupy(&workers);
        let soon = Instant::now() + Duration::from_millis(5);
        let expired = workers.run(Lane::Texts, &call(Some(soon)), || Ok(())).await;
        assert!(matches!(expired, Err(Error::Expired)));
        drop(release);
        running.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn stopped_workers_say_that_they_are_draining() {
        let (workers, _) = workers(1, 8);
        workers.stop();
        let refused = workers.run(Lane::Texts, &call(None), || Ok(())).await;
        assert!(matches!(refused, Err(Error::Draining)));
    }
}
