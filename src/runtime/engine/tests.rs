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
    for phase in Phase::ANSWERING {
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
    assert!(matches!(engine.see(picture(10), &accepted).await, Err(Error::Draining)));
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
