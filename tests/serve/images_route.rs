//! `/v1/images`: a picture is sent once and asked about by its id.

use cmal::http::Settings;
use cmal::runtime;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::close::assert_close;
use crate::support::pictures::{in_json, png, scene};
use crate::support::server::settings;
use crate::support::{ENDPOINTS, Reply, TestServer, bad};

/// Sends a picture and returns its id.
async fn upload(server: &TestServer, picture: &[u8]) -> String {
    let reply = server.ask("/v1/images", picture, &[]).await;
    assert_eq!(reply.status, 201);
    reply.answer()["id"].as_str().unwrap().to_owned()
}

async fn delete(server: &TestServer, id: &str) -> Reply {
    let request = server.client.delete(server.url(&format!("/v1/images/{id}")));
    Reply::read(request.send().await.unwrap()).await
}

fn by_id(id: &str, fields: &[(&str, &str)]) -> Value {
    let mut body = json!({"image": {"id": id}});
    for (name, value) in fields {
        body[*name] = json!(value);
    }
    body
}

#[tokio::test]
async fn every_endpoint_answers_about_an_id_as_about_the_picture() {
    let server = TestServer::start().await;
    let picture = png(&scene(160, 90, 0));
    let kept = server.ask_by_form("/v1/images", &picture, &[]).await.answer();
    let told = ["width", "height", "expires_in"].map(|name| kept[name].as_u64().unwrap());
    assert_eq!(told, [160, 90, 600]);
    let id = kept["id"].as_str().unwrap();
    for (path, fields) in ENDPOINTS {
        let expected = server.ask(path, &picture, fields).await.answer();
        assert_close(&server.json(path, &by_id(id, fields)).await.answer(), &expected, path);
        let form = fields.iter().fold(Form::new(), |form, (name, value)| form.text(*name, *value));
        let request = server.post(path).multipart(form.text("image", json!({"id": id}).to_string()));
        let by_form = Reply::read(request.send().await.unwrap()).await.answer();
        assert_close(&by_form, &expected, path);
    }
    let both = json!({"images": [{"id": id}, in_json(&picture)], "text": "a red circle"});
    let scores = server.json("/v1/match", &both).await.answer()["scores"].clone();
    assert_close(&scores[0], &scores[1], "/v1/match");
    let form = Form::new()
        .text("images", json!({"id": id}).to_string())
        .part("images", Part::bytes(picture).file_name("picture.png"))
        .text("text", "a red circle");
    let by_form = Reply::read(server.post("/v1/match").multipart(form).send().await.unwrap()).await;
    assert_close(&by_form.answer()["scores"], &scores, "/v1/match");
}

#[tokio::test]
async fn an_id_tells_nothing_of_its_picture_and_ends_when_it_is_deleted() {
    let server = TestServer::start().await;
    let picture = png(&scene(64, 64, 0));
    let (one, other) = (upload(&server, &picture).await, upload(&server, &picture).await);
    assert_ne!(one, other);
    assert_eq!(delete(&server, &one).await.status, 204);
    delete(&server, &one).await.problem(404);
    server.json("/v1/objects", &by_id(&one, &[])).await.problem(404);
    server.json("/v1/objects", &by_id(&other, &[])).await.answer();
    delete(&server, "%ff").await.problem(404);
}

#[tokio::test]
async fn an_id_can_be_asked_after_until_it_is_deleted() {
    let server = TestServer::start().await;
    let mut kept = server.ask("/v1/images", &png(&scene(160, 90, 0)), &[]).await.answer();
    let id = kept["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/images/{id}");
    let told = server.get(&path).await.answer();
    assert!(told["expires_in"].as_u64() <= kept["expires_in"].as_u64(), "{told}");
    kept["expires_in"] = told["expires_in"].clone();
    assert_eq!(told, kept);
    assert_eq!(delete(&server, &id).await.status, 204);
    for gone in [path.as_str(), "/v1/images/%ff"] {
        server.get(gone).await.problem(404);
    }
}

#[tokio::test]
async fn what_could_not_be_answered_about_is_refused_at_once() {
    let server = TestServer::start().await;
    for (picture, status) in
        [(bad::truncated_png(), 422), (bad::text_file(), 415), (bad::huge_header(), 413), (Vec::new(), 422)]
    {
        server.ask("/v1/images", &picture, &[]).await.problem(status);
        server.ask_by_form("/v1/images", &picture, &[]).await.problem(status);
    }
    let id = upload(&server, &bad::one_pixel()).await;
    for body in [by_id(&id, &[]), json!({}), json!({"image": in_json(&bad::one_pixel()), "name": "x"})] {
        server.json("/v1/images", &body).await.problem(400);
    }
}

#[tokio::test]
async fn the_picture_used_least_recently_makes_room() {
    let pictures = [0, 1, 2].map(|shift| png(&scene(64, 64, shift)));
    let longest = pictures.iter().map(Vec::len).max().unwrap();
    // Room for two of them with what they take beside their bytes, and not for three.
    let http = Settings { images: 2 * (longest + 300), ..settings() };
    let server = TestServer::with(http, runtime::Settings::default()).await;
    let first = upload(&server, &pictures[0]).await;
    let second = upload(&server, &pictures[1]).await;
    server.json("/v1/objects", &by_id(&first, &[])).await.answer();
    let third = upload(&server, &pictures[2]).await;
    for (id, status) in [(&first, 200), (&second, 404), (&third, 200)] {
        assert_eq!(server.json("/v1/objects", &by_id(id, &[])).await.status, status);
    }
    let large = bad::noise(64);
    let problem = server.ask("/v1/images", &large, &[]).await.problem(413);
    assert_eq!(problem["limit"].as_u64(), Some(http.images as u64));
}
