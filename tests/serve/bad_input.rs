//! What clients get wrong, sent to every endpoint in both forms: each has its documented status and a whole problem document.

use serde_json::{Value, json};

use crate::support::close::assert_close;
use crate::support::pictures::{png, scene};
use crate::support::server::json_body;
use crate::support::{ENDPOINTS, Reply, TestServer, bad};

#[tokio::test]
async fn bad_pictures_are_refused_everywhere() {
    let server = TestServer::start().await;
    let cases =
        [(bad::truncated_png(), 422), (bad::text_file(), 415), (bad::huge_header(), 413), (Vec::new(), 422)];
    for (path, fields) in ENDPOINTS {
        for (picture, status) in &cases {
            server.ask(path, picture, fields).await.problem(*status);
            server.ask_by_form(path, picture, fields).await.problem(*status);
        }
    }
}

#[tokio::test]
async fn a_picture_of_one_pixel_is_answered_like_any_other() {
    let server = TestServer::start().await;
    for (path, fields) in ENDPOINTS {
        let by_json = server.ask(path, &bad::one_pixel(), fields).await.answer();
        let by_form = server.ask_by_form(path, &bad::one_pixel(), fields).await.answer();
        assert_close(&by_form, &by_json, path);
    }
}

#[tokio::test]
async fn empty_and_endless_texts_are_refused_everywhere() {
    let server = TestServer::start().await;
    let picture = png(&scene(64, 64, 0));
    let endless = bad::long_text();
    for (path, fields) in ENDPOINTS {
        let Some((name, _)) = fields.first() else { continue };
        for text in ["", " \n\t", endless.as_str()] {
            server.ask(path, &picture, &[(name, text)]).await.problem(422);
            server.ask_by_form(path, &picture, &[(name, text)]).await.problem(422);
        }
    }
}

#[tokio::test]
async fn wrong_types_missing_and_unknown_fields_are_malformed_everywhere() {
    let server = TestServer::start().await;
    let picture = png(&scene(64, 64, 0));
    for (path, fields) in ENDPOINTS {
        let good = json_body(&picture, fields);
        let mut wrong: Vec<Value> = vec![json!([]), json!("text"), json!(null), json!(7), json!({})];
        let changed = |name: &str, value: Option<Value>| {
            let mut body = good.clone();
            match value {
                Some(value) => body[name] = value,
                None => drop(body.as_object_mut().unwrap().remove(name)),
            }
            body
        };
        let pictures = [
            json!("aGk="),
            json!(5),
            json!([]),
            json!({}),
            json!({"id": 5}),
            json!({"base64": 5}),
            json!({"base64": "no base64!"}),
            json!({"base64": "aGk=", "id": "x"}),
        ];
        wrong.extend(pictures.map(|picture| changed("image", Some(picture))));
        wrong.extend([changed("image", None), changed("unknown", Some(json!(1)))]);
        for (name, _) in fields {
            let values = [json!(5), json!(["a"]), json!({"a": 1})];
            wrong.extend(values.map(|value| changed(name, Some(value))));
            wrong.push(changed(name, None));
        }
        for body in &wrong {
            server.json(path, body).await.problem(400);
        }
        let unknown = changed("image", Some(json!({"id": "x"})));
        let problem = server.json(path, &unknown).await.problem(404);
        assert!(problem["detail"].as_str().unwrap().contains("send it again"));
    }
}

#[tokio::test]
async fn forms_with_wrong_missing_and_unknown_fields_are_malformed_everywhere() {
    let server = TestServer::start().await;
    let picture = png(&scene(64, 64, 0));
    for (path, fields) in ENDPOINTS {
        server.ask_by_form(path, &picture, &[fields, &[("unknown", "1")]].concat()).await.problem(400);
        if let Some((name, _)) = fields.first() {
            server.ask_by_form(path, &picture, &[]).await.problem(400);
            server.ask_by_form(path, &picture, &[fields, &[(name, "again")]].concat()).await.problem(400);
        }
    }
    let fields = [("question", "?"), ("top_k", "three")];
    let problem = server.ask_by_form("/v1/vqa", &picture, &fields).await.problem(400);
    assert_eq!(problem["field"], "top_k");
}

#[tokio::test]
async fn a_field_that_does_not_fit_is_named() {
    let server = TestServer::start().await;
    let picture = png(&scene(64, 64, 0));
    let mut body = json_body(&picture, &[("question", "What is red?")]);
    body["top_k"] = json!("three");
    assert_eq!(server.json("/v1/vqa", &body).await.problem(400)["field"], "top_k");
    body["top_k"] = json!(50);
    assert_eq!(server.json("/v1/vqa", &body).await.problem(422)["field"], "top_k");
    body["image"] = json!({"base64": "no base64!"});
    assert_eq!(server.json("/v1/vqa", &body).await.problem(400)["field"], "image.base64");
    for top_k in [0, -1, 21, i64::MAX] {
        let mut body = json_body(&picture, &[("expression", "the circle")]);
        body["top_k"] = json!(top_k);
        assert_eq!(server.json("/v1/grounding", &body).await.problem(422)["field"], "top_k");
    }
}

#[tokio::test]
async fn a_refusal_does_not_repeat_what_was_sent_and_says_what_to_send() {
    let server = TestServer::start().await;
    let long = "iVBORw0KGgo".repeat(10_000);
    for (image, status, advice) in [
        (json!(long), 400, r#"expected a picture as {"base64": "…"} or {"id": "…"}"#),
        (json!({"id": long}), 404, "send it again"),
        (json!({"base64": format!("{long}?")}), 400, "not base64"),
        (json!({(long.as_str()): 1}), 400, "expected `base64` or `id`"),
    ] {
        let problem = server.json("/v1/objects", &json!({"image": image})).await.problem(status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(advice) && !detail.contains(&long[..99]), "{problem}");
        assert!(problem.to_string().len() < 700, "{problem}");
    }
}

#[tokio::test]
async fn broken_bodies_and_other_types_are_refused_everywhere() {
    let server = TestServer::start().await;
    for (path, _) in ENDPOINTS {
        let send = async |content_type: Option<&str>, body: &'static [u8]| {
            let request = server.post(path).body(body);
            let request = match content_type {
                Some(content_type) => request.header("content-type", content_type),
                None => request,
            };
            Reply::read(request.send().await.unwrap()).await
        };
        for body in [b"".as_slice(), b"{", b"{\"image\": ", b"\xff\xfe", b"{} {}", b"{\"image\": \"\xff\"}"] {
            send(Some("application/json"), body).await.problem(400);
        }
        for body in [b"".as_slice(), b"--x\r\nnonsense", b"no boundary at all"] {
            send(Some("multipart/form-data; boundary=x"), body).await.problem(400);
        }
        for content_type in [None, Some("text/plain"), Some("image/png"), Some("multipart/form-data")] {
            send(content_type, b"{}").await.problem(415);
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let server = TestServer::start().await;
    for path in ["/index.html", "/v1", "/v1/vqa/", "/v1/unknown", "/..%2f", "//v1/vqa"] {
        server.get(path).await.problem(404);
    }
    for (path, _) in ENDPOINTS {
        let reply = server.get(path).await;
        reply.problem(405);
        assert_eq!(reply.header("allow"), Some("POST"));
    }
    let reply = Reply::read(server.post("/v1/models").body("x").send().await.unwrap()).await;
    reply.problem(405);
}
