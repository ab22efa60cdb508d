//! `/v1/match`: one score for each picture and text.

use serde_json::json;

use crate::support::pictures::{in_json, png, scene};
use crate::support::{Reply, TestServer};
use reqwest::multipart::{Form, Part};

#[tokio::test]
async fn several_pictures_and_texts_give_a_row_per_picture() {
    let server = TestServer::start().await;
    let pictures = [0, 6].map(|shift| in_json(&png(&scene(128, 96, shift))));
    let texts = ["a red circle", "a blue square", "a green star"];
    let all = server.json("/v1/match", &json!({"images": pictures, "texts": texts})).await.answer();
    let rows = all["scores"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (picture, row) in pictures.iter().zip(rows) {
        for (text, score) in texts.iter().zip(row.as_array().unwrap()) {
            let alone = server.json("/v1/match", &json!({"image": picture, "text": text})).await.answer();
            let difference = alone["scores"][0][0].as_f64().unwrap() - score.as_f64().unwrap();
            assert!(difference.abs() <= 1e-4, "{text}: {difference}");
        }
        assert_eq!(row.as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_form_repeats_a_field_for_a_list() {
    let server = TestServer::start().await;
    let picture = png(&scene(128, 96, 0));
    let part = || Part::bytes(picture.clone()).file_name("picture.png");
    let form = Form::new()
        .part("images", part())
        .text("texts", "a red circle")
        .part("images", part())
        .text("texts", "a star");
    let by_form = Reply::read(server.post("/v1/match").multipart(form).send().await.unwrap()).await.answer();
    let pictures = [in_json(&picture), in_json(&picture)];
    let body = json!({"images": pictures, "texts": ["a red circle", "a star"]});
    assert_eq!(by_form, server.json("/v1/match", &body).await.answer());
}

#[tokio::test]
async fn one_or_a_list_must_be_given_and_not_both() {
    let server = TestServer::start().await;
    let picture = in_json(&png(&scene(32, 32, 0)));
    for (body, status) in [
        (json!({"text": "a"}), 400),
        (json!({"image": picture}), 400),
        (json!({"image": picture, "images": [picture], "text": "a"}), 400),
        (json!({"image": picture, "text": "a", "texts": ["a"]}), 400),
        (json!({"images": [], "text": "a"}), 422),
        (json!({"image": picture, "texts": []}), 422),
        (json!({"image": picture, "texts": ["a", ""]}), 422),
        (json!({"image": picture, "texts": vec!["a"; 257]}), 422),
    ] {
        server.json("/v1/match", &body).await.problem(status);
    }
}
