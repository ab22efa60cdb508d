//! `/v1/associations`: the words of a text against the objects of a picture.

use serde_json::Value;

use crate::support::TestServer;
use crate::support::pictures::{png, scene};

const TEXT: &str = "a red circle and a blue square";

/// Index of the object of a class.
fn object(answer: &Value, class: &str) -> usize {
    let objects = answer["objects"].as_array().unwrap();
    objects.iter().position(|object| object["tags"]["class"] == class).unwrap()
}

#[tokio::test]
async fn every_word_has_a_probability_for_every_object_and_anchors_pair_words_with_tags() {
    let server = TestServer::start().await;
    let picture = png(&scene(128, 96, 0));
    let answer = server.ask("/v1/associations", &picture, &[("text", TEXT)]).await.answer();
    let words: Vec<&str> = answer["tokens"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(words, TEXT.split(' ').collect::<Vec<_>>());
    let objects = server.ask("/v1/objects", &picture, &[]).await.answer()["objects"].clone();
    assert_eq!(answer["objects"], objects);
    let rows = answer["associations"].as_array().unwrap();
    assert_eq!(rows.len(), words.len());
    for row in rows {
        let row = row.as_array().unwrap();
        assert_eq!(row.len(), objects.as_array().unwrap().len());
        assert!(row.iter().all(|value| (0.0..=1.0).contains(&value.as_f64().unwrap())), "{row:?}");
    }
    let anchors: Vec<(usize, usize)> = answer["anchors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|anchor| ["token", "object"].map(|side| anchor[side].as_u64().unwrap() as usize).into())
        .collect();
    let (circle, square) = (object(&answer, "circle"), object(&answer, "square"));
    for pair in [(1, circle), (2, circle), (5, square), (6, square)] {
        assert!(anchors.contains(&pair), "{pair:?} is not among {anchors:?}");
    }
    assert!(anchors.iter().all(|(token, _)| [1, 2, 5, 6].contains(token)), "{anchors:?}");
}

#[tokio::test]
async fn a_word_is_associated_with_the_object_that_it_names_and_with_no_other() {
    let server = TestServer::start().await;
    let answer = server.ask("/v1/associations", &png(&scene(128, 96, 0)), &[("text", TEXT)]).await.answer();
    let (circle, square) = (object(&answer, "circle"), object(&answer, "square"));
    for (word, named, other) in
        [(1, circle, square), (2, circle, square), (5, square, circle), (6, square, circle)]
    {
        let of = |object: usize| answer["associations"][word][object].as_f64().unwrap();
        assert!(of(named) > 0.5 && of(other) < 0.5, "word {word}: {}", answer["associations"][word]);
    }
}

#[tokio::test]
async fn a_picture_without_objects_has_words_and_no_probabilities() {
    let server = TestServer::start().await;
    let blank = png(&image::RgbImage::from_pixel(64, 64, image::Rgb([240, 240, 240])));
    let answer = server.ask("/v1/associations", &blank, &[("text", TEXT)]).await.answer();
    assert_eq!(answer["objects"], serde_json::json!([]));
    assert_eq!(answer["associations"], serde_json::json!(vec![Vec::<f32>::new(); 7]));
}
