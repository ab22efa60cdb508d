//! What is kept: it spares the stages their work, and changes no answer.

use cmal::runtime;
use tokio::task::JoinSet;

use crate::support::close::assert_close;
use crate::support::pictures::{png, scene};
use crate::support::server::{json_body, settings};
use crate::support::{ENDPOINTS, Reply, TestServer};

const HITS: &str = r#"cmal_cache_hits_total{cache="pictures"}"#;
const MISSES: &str = r#"cmal_cache_misses_total{cache="pictures"}"#;
const BYTES: &str = r#"cmal_cache_bytes{cache="pictures"}"#;
/// Pictures that went through the detector.
const SEEN: &str = r#"cmal_batch_size_sum{stage="objects"}"#;

#[tokio::test]
async fn an_answer_from_the_cache_is_the_answer_alone() {
    let none = runtime::Settings { cache_pictures: 0, cache_texts: 0, ..runtime::Settings::default() };
    let without = TestServer::with(settings(), none).await;
    let with = TestServer::start().await;
    let picture = png(&scene(150, 90, 1));
    for (path, fields) in ENDPOINTS {
        let alone = without.ask(path, &picture, fields).await.answer();
        for _ in 0..2 {
            assert_close(&with.ask(path, &picture, fields).await.answer(), &alone, path);
        }
    }
    let asked = 2.0 * ENDPOINTS.len() as f64;
    assert_eq!((with.metric(SEEN), with.metric(MISSES), with.metric(HITS)), (1.0, 1.0, asked - 1.0));
    assert!(with.metric(BYTES) > 0.0);
    assert_eq!(
        (without.metric(SEEN), without.metric(MISSES), without.metric(BYTES)),
        (asked / 2.0, 0.0, 0.0)
    );
}

#[tokio::test]
async fn requests_about_one_new_picture_at_the_same_time_have_it_seen_once() {
    let server = TestServer::start().await;
    let picture = png(&scene(150, 90, 2));
    let mut together = JoinSet::new();
    for (path, fields) in ENDPOINTS.iter().cycle().take(12) {
        let request = server.post(path).json(&json_body(&picture, fields));
        together.spawn(async move { Reply::read(request.send().await.unwrap()).await.answer() });
    }
    together.join_all().await;
    assert_eq!((server.metric(SEEN), server.metric(MISSES), server.metric(HITS)), (1.0, 1.0, 11.0));
}

#[tokio::test]
async fn what_was_seen_and_read_before_takes_no_time_again() {
    let server = TestServer::start().await;
    let ask = async |shift| {
        let reply = server.ask("/v1/vqa", &png(&scene(150, 90, shift)), ENDPOINTS[0].1).await;
        reply.answer();
        let timing = reply.header("server-timing").unwrap().to_owned();
        let phase = |entry: &str| entry.split(';').next().unwrap().to_owned();
        timing.split(", ").map(phase).collect::<Vec<_>>()
    };
    assert_eq!(ask(0).await, ["decode", "objects", "vision", "text", "queue", "fusion"]);
    assert_eq!(ask(1).await, ["decode", "objects", "vision", "queue", "fusion"], "the text was read");
    assert_eq!(ask(1).await, ["queue", "fusion"], "the picture was seen");
    assert_eq!(server.metric(r#"cmal_cache_hits_total{cache="texts"}"#), 2.0);
    assert_eq!(server.metric(r#"cmal_cache_misses_total{cache="texts"}"#), 1.0);
}

#[tokio::test]
async fn a_picture_that_is_refused_is_refused_each_time_and_nothing_is_kept_of_it() {
    let server = TestServer::start().await;
    let mut broken = png(&scene(150, 90, 3));
    broken.truncate(broken.len() / 2);
    for _ in 0..2 {
        server.ask("/v1/objects", &broken, &[]).await.problem(422);
    }
    assert_eq!((server.metric(MISSES), server.metric(BYTES)), (2.0, 0.0));
}
