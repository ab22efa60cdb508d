//! `/v1/query`: several questions of any task about one picture.

use std::num::NonZeroUsize;

use cmal::http::Settings;
use cmal::runtime;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::close::assert_close;
use crate::support::pictures::{in_json, png, scene};
use crate::support::server::settings;
use crate::support::{Reply, TestServer, bad};

/// A query of each task, and the endpoint that answers the same.
fn queries() -> [(&'static str, Value); 4] {
    [
        ("vqa", json!({"question": "What colour is the circle?", "top_k": 3})),
        ("entailment", json!({"hypothesis": "There is a red circle."})),
        ("grounding", json!({"expression": "the blue square", "top_k": 2})),
        ("match", json!({"text": "a red circle and a blue square"})),
    ]
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn items() -> Vec<Value> {
    queries().into_iter().map(|(task, query)| with(query, "task", json!(task))).collect()
}

#[tokio::test]
async fn each_query_is_answered_in_its_place_as_by_its_own_endpoint_and_the_picture_is_seen_once() {
    let none = runtime::Settings { cache_pictures: 0, cache_texts: 0, ..runtime::Settings::default() };
    let server = TestServer::with(settings(), none).await;
    let picture = in_json(&png(&scene(150, 90, 0)));
    let answer = server.json("/v1/query", &json!({"image": picture, "queries": items()})).await.answer();
    assert_eq!(server.metric(r#"cmal_batch_size_sum{stage="objects"}"#), 1.0);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for ((task, query), result) in queries().into_iter().zip(results) {
        let path = format!("/v1/{task}");
        let own = server.json(&path, &with(query, "image", picture.clone())).await.answer();
        assert_close(result, &own, &path);
    }
}

#[tokio::test]
async fn a_query_that_can_not_be_answered_has_its_problem_in_its_place() {
    let server = TestServer::start().await;
    let mut asked = items();
    asked.insert(1, json!({"task": "entailment", "hypothesis": " "}));
    asked.insert(3, json!({"task": "vqa", "question": "What is red?", "top_k": 50}));
    let picture = in_json(&png(&scene(150, 90, 0)));
    let reply = server.json("/v1/query", &json!({"image": picture, "queries": asked})).await;
    let answer = reply.answer();
    for (at, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        let refused = [1, 3].contains(&at);
        assert_eq!(result.get("model").is_none(), refused, "{result}");
        assert_eq!(result.get("status"), refused.then_some(&json!(422)), "{result}");
        if refused {
            assert_eq!(result["request_id"].as_str(), reply.header("x-request-id"));
        }
    }
    assert_eq!(answer["results"][3]["field"], "top_k");
}

#[tokio::test]
async fn a_form_has_a_field_of_json_for_each_query() {
    let server = TestServer::start().await;
    let picture = png(&scene(150, 90, 0));
    let form = |queries: Vec<String>| {
        let form = Form::new().part("image", Part::bytes(picture.clone()).file_name("picture.png"));
        let form = queries.into_iter().fold(form, |form, query| form.text("queries", query));
        server.post("/v1/query").multipart(form)
    };
    let asked = form(items().iter().map(Value::to_string).collect());
    let by_form = Reply::read(asked.send().await.unwrap()).await.answer();
    let body = json!({"image": in_json(&picture), "queries": items()});
    assert_close(&by_form, &server.json("/v1/query", &body).await.answer(), "/v1/query");
    for wrong in ["", "What is red?", "{}", r#"{"task": "vqa"}"#] {
        Reply::read(form(vec![wrong.to_owned()]).send().await.unwrap()).await.problem(400);
    }
    let wrong = r#"{"task": "vqa", "question": "?", "top_k": "abc"}"#.to_owned();
    let problem = Reply::read(form(vec![wrong]).send().await.unwrap()).await.problem(400);
    let told = r#"`queries[0]`: top_k: invalid type: string "abc", expected a whole number"#;
    assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
}

#[tokio::test]
async fn the_picture_and_the_list_are_judged_for_the_whole_request() {
    let limit = NonZeroUsize::new(3).unwrap();
    let server =
        TestServer::with(Settings { max_queries: limit, ..settings() }, runtime::Settings::default()).await;
    let picture = in_json(&png(&scene(64, 64, 0)));
    for (queries, status) in [
        (json!([]), 422),
        (json!(items()), 422),
        (json!(null), 400),
        (json!("vqa"), 400),
        (json!(["{}"]), 400),
        (json!([{"task": "poem", "text": "a"}]), 400),
        (json!([{"task": "match"}]), 400),
        (json!([{"task": "match", "text": "a", "top_k": 1}]), 400),
    ] {
        let problem =
            server.json("/v1/query", &json!({"image": picture, "queries": queries})).await.problem(status);
        assert!(problem["field"].as_str().is_some_and(|field| field.starts_with("queries")), "{problem}");
    }
    let queries = json!([{"task": "match", "text": "a"}, {"task": "vqa", "question": "?", "top_k": "abc"}]);
    let problem = server.json("/v1/query", &json!({"image": picture, "queries": queries})).await.problem(400);
    assert_eq!(problem["field"], "queries[1].top_k", "{problem}");
    let query = json!([{"task": "match", "text": "a"}]);
    for (picture, status) in [(bad::truncated_png(), 422), (bad::text_file(), 415), (bad::huge_header(), 413)]
    {
        let body = json!({"image": in_json(&picture), "queries": query});
        server.json("/v1/query", &body).await.problem(status);
    }
    server.json("/v1/query", &json!({"image": {"id": "none"}, "queries": query})).await.problem(404);
}
