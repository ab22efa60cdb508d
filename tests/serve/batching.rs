//! The promise of batching: a request gets the same answer alone and among others.

use std::num::NonZeroUsize;
use std::time::Duration;

use cmal::runtime;
use tokio::task::JoinSet;

use crate::support::close::assert_close;
use crate::support::pictures::{png, scene};
use crate::support::server::{json_body, settings};
use crate::support::{Reply, TestServer};

/// Requests of all tasks, with pictures of different sizes and texts of different lengths.
const MIXED: [(&str, &[(&str, &str)]); 8] = [
    ("/v1/vqa", &[("question", "What colour is the circle?")]),
    ("/v1/entailment", &[("hypothesis", "There is a red circle to the left of a blue square.")]),
    ("/v1/grounding", &[("expression", "the blue square")]),
    ("/v1/match", &[("text", "a circle")]),
    ("/v1/vqa", &[("question", "How many objects are in the picture?")]),
    ("/v1/entailment", &[("hypothesis", "It is green.")]),
    ("/v1/grounding", &[("expression", "the large red circle that is left of the square")]),
    ("/v1/match", &[("text", "a green star above a large striped yellow triangle")]),
];

#[tokio::test]
async fn eight_mixed_requests_at_once_are_answered_as_each_alone() {
    // One executor that waits for company, so that the eight do meet in batches; and nothing is kept, so that all stages have to.
    let runtime = runtime::Settings {
        cache_pictures: 0,
        cache_texts: 0,
        executors: Some(NonZeroUsize::MIN),
        linger: Duration::from_millis(100),
        ..runtime::Settings::default()
    };
    let server = TestServer::with(settings(), runtime).await;
    let picture = |index: usize| {
        let index = u32::try_from(index).unwrap();
        png(&scene(96 + 24 * index, 128 - 8 * index, index))
    };
    let mut alone = Vec::new();
    for (index, (path, fields)) in MIXED.iter().enumerate() {
        alone.push(server.ask(path, &picture(index), fields).await.answer());
    }
    assert_eq!(largest_batch(&server), 1);

    let mut together = JoinSet::new();
    for (index, (path, fields)) in MIXED.iter().enumerate() {
        let request = server.post(path).json(&json_body(&picture(index), fields));
        together.spawn(async move { (index, Reply::read(request.send().await.unwrap()).await.answer()) });
    }
    for (index, answer) in together.join_all().await {
        assert_close(&answer, &alone[index], MIXED[index].0);
    }
    assert!(largest_batch(&server) > 1, "no two requests met in a batch");
}

/// Lower bound of the largest batch of the fusion stage, from its histogram.
fn largest_batch(server: &TestServer) -> u64 {
    let metrics = server.metrics.render();
    let value = |start: &str| {
        let line = metrics.lines().find(|line| line.starts_with(start)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64
    };
    let jobs = value(r#"cmal_batch_size_sum{stage="fusion"}"#);
    let batches = value(r#"cmal_batch_size_count{stage="fusion"}"#);
    jobs.div_ceil(batches)
}
