//! What the scheduler promises its callers, tried on real sessions.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::{Metrics, Rejection};

use super::batching::Budget;
use super::call::Caller;
use super::call::tests::call;
use super::engine::Engine;
use super::error::Error;
use super::executor::Executors;
use super::features::ReadText;
use super::graphs::tests::shapes;
use super::job::Job;
use super::meeting::Meeting;
use super::settings::Settings;
use super::stage::{Pictures, Reading, Sight, Texts};
use crate::input::Pixels;
use crate::types::{Frame, Size};

/// One executor that waits for `rows` jobs, in practice without end.
fn patient(rows: usize) -> Settings {
    let rows = NonZeroUsize::new(rows).unwrap();
    Settings {
        executors: Some(NonZeroUsize::MIN),
        linger: Duration::from_secs(3600),
        batch: Budget { rows, ..Budget::default() },
        ..Settings::default()
    }
}

fn executors(settings: &Settings) -> (Arc<Executors>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    (Arc::new(Executors::start(&shapes(), 0, settings, &metrics).unwrap()), metrics)
}

/// A text's job in a task of its own.
fn submit(
    executors: &Arc<Executors>,
    deadline: Option<Instant>,
) -> tokio::task::JoinHandle<Result<ReadText, Error>> {
    let executors = Arc::clone(executors);
    tokio::spawn(async move { executors.submit::<Texts>(vec![2, 3], &call(deadline)).await })
}

async fn until_waiting(metrics: &Metrics, jobs: i64) {
    while metrics.queue("text").depth.get() != jobs {
        tokio::task::yield_now().await;
    }
}

fn computed(metrics: &Metrics) -> u64 {
    metrics.batch("text").size.get_sample_sum() as u64
}

#[tokio::test]
async fn a_deadline_fires_before_any_executor_comes_and_the_job_is_never_computed() {
    let (executors, metrics) = executors(&patient(2));
    let expired = submit(&executors, Some(Instant::now() + Duration::from_millis(5)));
    assert!(matches!(expired.await.unwrap(), Err(Error::Expired)));
    assert_eq!((metrics.queue("text").depth.get(), computed(&metrics)), (1, 0));
    // The second job fills the batch, so the executor comes upon both.
    assert_eq!(submit(&executors, None).await.unwrap().unwrap().tokens(), 2);
    assert_eq!((metrics.queue("text").depth.get(), computed(&metrics)), (0, 1));
    assert_eq!(metrics.rejections(Rejection::Expired), 1);
}

#[tokio::test]
async fn a_job_whose_caller_left_is_never_computed() {
    let (executors, metrics) = executors(&patient(2));
    let left = submit(&executors, None);
    until_waiting(&metrics, 1).await;
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    submit(&executors, None).await.unwrap().unwrap();
    assert_eq!((computed(&metrics), metrics.rejections(Rejection::Withdrawn)), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_and_a_closed_one_are_answers() {
    let settings = Settings { queue: NonZeroUsize::MIN, ..patient(2) };
    let (executors, metrics) = executors(&settings);
    let first = submit(&executors, None);
    until_waiting(&metrics, 1).await;
    let Err(Error::Overloaded { retry_after }) = submit(&executors, None).await.unwrap() else {
        panic!("a second job was taken")
    };
    assert!(retry_after >= Duration::from_secs(1));
    // What was accepted is still computed, without waiting for company that can't come any more.
    executors.stop();
    assert!(first.await.unwrap().is_ok());
    assert!(matches!(submit(&executors, None).await.unwrap(), Err(Error::Draining)));
    assert_eq!(metrics.rejections(Rejection::Draining), 1);
}

#[tokio::test]
async fn a_question_follows_its_picture_from_executor_to_executor_even_at_the_end() {
    let (executors, metrics) = executors(&Settings::default());
    let call = call(None);
    let (meeting, answer) = Meeting::new(&call);
    assert!(meeting.read(Reading::Tokens(vec![2, 3])).is_none());
    let side = shapes().manifest().preprocessing.side;
    let pixels = Pixels { side, data: vec![0; side as usize * side as usize * 3] };
    let frame = Frame::new(Size { width: side, height: side });
    let (caller, _seen) = Caller::new(&call);
    let sight = Sight { frame, pixels, awaited: Some(Arc::new(meeting)) };
    executors.enqueue(Job::<Pictures>::new(sight, caller));
    // Nobody here has woken for the picture, and the question is asked after the queue was closed.
    tokio::task::spawn_blocking(move || executors.stop()).await.unwrap();
    assert_eq!(answer.await.unwrap().unwrap().text.tokens(), 2);
    assert_eq!(metrics.batch("fusion").size.get_sample_count(), 1);
}

#[tokio::test]
async fn the_items_of_a_bulk_call_are_jobs_of_their_own() {
    let metrics = Arc::new(Metrics::new());
    // Batches of no more than four: one call of ten texts must come apart.
    let rows = NonZeroUsize::new(4).unwrap();
    let settings = Settings { batch: Budget { rows, ..Budget::default() }, ..Settings::default() };
    let engine = Engine::start(shapes(), &settings, Arc::clone(&metrics)).unwrap();
    let call = engine.admit(None).unwrap();
    let texts = (0..10).map(|number| format!("{number} red circles")).collect();
    assert_eq!(engine.read_all(texts, &call).await.unwrap().len(), 10);
    let size = metrics.batch("text").size;
    assert_eq!(size.get_sample_sum(), 10.0);
    assert!(size.get_sample_count() >= 3, "{} batches", size.get_sample_count());
}

#[tokio::test]
async fn a_retired_engine_ends_with_its_last_user_and_not_before() {
    let metrics = Arc::new(Metrics::new());
    let engine = Engine::start(shapes(), &Settings::default(), Arc::clone(&metrics)).unwrap();
    let (at_work, call) = (engine.clone(), engine.admit(None).unwrap());
    let retiring = tokio::spawn(engine.retire());
    at_work.read("a red circle", &call).await.unwrap();
    assert!(!retiring.is_finished());
    drop(at_work);
    retiring.await.unwrap();
    assert_eq!(Arc::strong_count(&metrics), 1, "its threads still hold the metrics");
}
