//! `/v1/vqa`, `/v1/entailment`, `/v1/grounding`: answers have the shape of the contract, are the engine's own, and are the same from
//! JSON and from a form, from PNG, JPEG and WebP.

use cmal::types::{Answer, Query};
use image::ImageFormat;
use serde_json::Value;

use crate::support::close::assert_close;
use crate::support::pictures::{encoded, in_json, png, scene};
use crate::support::server::bundle;
use crate::support::{ENDPOINTS, Reply, TestServer};

fn probability(value: &Value) -> f64 {
    let value = value.as_f64().unwrap();
    assert!((0.0..=1.0).contains(&value), "{value}");
    value
}

#[tokio::test]
async fn a_question_is_answered_with_the_best_answers_by_falling_score() {
    let server = TestServer::start().await;
    let fields = [("question", "What colour is the circle?"), ("top_k", "7")];
    let answer = server.ask_by_form("/v1/vqa", &png(&scene(128, 96, 0)), &fields).await.answer();
    let answers = answer["answers"].as_array().unwrap();
    let version = bundle().manifest().version.clone();
    assert_eq!((answers.len(), answer["model"].as_str()), (7, Some(format!("shapes@{version}").as_str())));
    assert_eq!(answer["answer"], answers[0]["answer"]);
    let scores: Vec<f64> = answers.iter().map(|answer| probability(&answer["score"])).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().sum::<f64>() < 1.001, "{scores:?}");
}

#[tokio::test]
async fn top_k_has_the_default_of_the_contract() {
    let server = TestServer::start().await;
    let picture = png(&scene(128, 96, 0));
    let vqa = server.ask("/v1/vqa", &picture, ENDPOINTS[0].1).await.answer();
    assert_eq!(vqa["answers"].as_array().unwrap().len(), 5);
    let grounding = server.ask("/v1/grounding", &picture, ENDPOINTS[2].1).await.answer();
    assert!(grounding["candidates"].as_array().unwrap().len() <= 1);
    let contract = server.get("/openapi.json").await.answer();
    let schemas = &contract["components"]["schemas"];
    let default = |schema: &Value| schema["properties"]["top_k"]["default"].as_i64();
    let tasks = schemas["Query"]["oneOf"].as_array().unwrap();
    assert_eq!(tasks.iter().filter_map(default).collect::<Vec<_>>(), [5, 1]);
    assert_eq!(["VqaRequest", "GroundingRequest"].map(|name| default(&schemas[name])), [Some(5), Some(1)]);
    for (path, expected) in [("/v1/vqa", 5), ("/v1/grounding", 1)] {
        let bodies = &contract["paths"][path]["post"]["requestBody"]["content"];
        assert_eq!(default(&bodies["multipart/form-data"]["schema"]), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn a_statement_gets_the_label_with_the_highest_score() {
    let server = TestServer::start().await;
    let answer = server.ask("/v1/entailment", &png(&scene(128, 96, 0)), ENDPOINTS[1].1).await.answer();
    let scores =
        ["entailment", "neutral", "contradiction"].map(|label| probability(&answer["scores"][label]));
    assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{scores:?}");
    let label = answer["label"].as_str().unwrap();
    assert_eq!(scores.iter().copied().fold(0.0, f64::max), probability(&answer["scores"][label]));
}

#[tokio::test]
async fn an_expression_gets_boxes_inside_the_picture_that_was_sent() {
    let server = TestServer::start().await;
    let (width, height) = (320, 180);
    let fields = [("expression", "the red circle"), ("top_k", "20")];
    let answer = server.ask_by_form("/v1/grounding", &png(&scene(width, height, 0)), &fields).await.answer();
    probability(&answer["present"]);
    let candidates = answer["candidates"].as_array().unwrap();
    assert_eq!(answer["box"], candidates[0]["box"]);
    assert_eq!(answer["score"], candidates[0]["score"]);
    for candidate in candidates {
        probability(&candidate["score"]);
        let side = |name: &str| candidate["box"][name].as_f64().unwrap();
        assert!(side("x") >= 0.0 && side("x") + side("width") <= f64::from(width) + 0.5, "{candidate}");
        assert!(side("y") >= 0.0 && side("y") + side("height") <= f64::from(height) + 0.5, "{candidate}");
        assert!(candidate["tags"]["class"].is_string() && candidate["tags"]["attributes"].is_array());
    }
}

#[tokio::test]
async fn a_form_and_json_and_lossless_formats_get_the_same_answer() {
    let server = TestServer::start().await;
    let picture = scene(128, 96, 0);
    for (path, fields) in ENDPOINTS {
        let expected = server.ask(path, &png(&picture), fields).await.answer();
        assert_close(&server.ask_by_form(path, &png(&picture), fields).await.answer(), &expected, path);
        let webp = encoded(&picture, ImageFormat::WebP);
        assert_close(&server.ask(path, &webp, fields).await.answer(), &expected, path);
        let jpeg = encoded(&picture, ImageFormat::Jpeg);
        server.ask_by_form(path, &jpeg, fields).await.answer();
    }
}

#[tokio::test]
async fn base64_in_lines_and_in_a_data_url_is_the_same_picture() {
    let server = TestServer::start().await;
    let picture = png(&scene(128, 96, 0));
    let expected = server.ask("/v1/objects", &picture, &[]).await.answer();
    let text = in_json(&picture)["base64"].as_str().unwrap().to_owned();
    // As `base64 FILE` writes them, not even escaped.
    let lines: Vec<&str> =
        text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    for text in [lines.join("\n"), format!("data:image/png;base64,{text}")] {
        let body = format!(r#"{{"image": {{"base64": "{text}"}}}}"#);
        let request = server.post("/v1/objects").header("content-type", "application/json").body(body);
        assert_eq!(Reply::read(request.send().await.unwrap()).await.answer(), expected);
    }
}

#[tokio::test]
async fn the_answer_over_http_is_the_engines_own() {
    let server = TestServer::start().await;
    let picture = png(&scene(128, 96, 3));
    let call = server.engine.admit(None).unwrap();
    let query = Query::Vqa { question: "How many circles are there?".to_owned(), top_k: 5 };
    let Answer::Vqa(own) = server.engine.answer(picture.clone(), &query, &call).await.unwrap() else {
        panic!("a question got another task's answer");
    };
    let fields = [("question", "How many circles are there?")];
    let answer = server.ask("/v1/vqa", &picture, &fields).await.answer();
    for (own, sent) in own.answers.iter().zip(answer["answers"].as_array().unwrap()) {
        assert_eq!(sent["answer"].as_str(), Some(own.answer.as_str()));
        assert!((sent["score"].as_f64().unwrap() - f64::from(own.score)).abs() < 1e-4);
    }
}
