//! The examples of the contract: each is valid, each request is sent and answered as the contract says.

use std::slice;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::contract::{Contract, Operation, examples, members};
use crate::support::pictures::{png, scene};
use crate::support::{Reply, TestServer};

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

#[tokio::test]
async fn every_example_is_valid_and_no_json_is_without() {
    let server = TestServer::start().await;
    let contract = Contract::of(&server).await;
    for operation in contract.operations() {
        let Operation { method, path, item } = operation;
        for parameter in contract.parameters(operation) {
            let place = format!("{method} {path} {}", parameter["name"]);
            for example in examples(parameter) {
                contract.check(&parameter["schema"], example, &place);
            }
            assert!(parameter["in"] != "path" || examples(parameter).count() == 1, "{place} has no example");
        }
        let request = members(&item["requestBody"]["content"]).map(|body| ("request", body));
        let responses = contract.responses(operation).flat_map(|(status, response)| {
            members(&response["content"]).map(move |body| (status.as_str(), body))
        });
        for (what, (media_type, body)) in request.chain(responses) {
            let place = format!("{method} {path} {what} {media_type}");
            for example in examples(body) {
                contract.check(&body["schema"], example, &place);
            }
            // A body of any shape is the contract itself.
            let shown =
                examples(body).count() > 0 || !media_type.ends_with("json") || body["schema"] == json!({});
            assert!(shown, "{place} has no example");
        }
    }
}

#[tokio::test]
async fn every_example_of_a_request_is_answered_as_json_and_as_a_form() {
    let server = TestServer::start().await;
    let contract = Contract::of(&server).await;
    for operation in contract.operations() {
        let bodies = &operation.item["requestBody"]["content"];
        for (media_type, body) in members(bodies) {
            assert!(media_type == JSON || examples(body).count() == 0, "{media_type} is sent by no test");
        }
        if bodies.is_null() {
            answered(&contract, operation, addressed(&server, &contract, operation, None).await).await;
        }
        for body in examples(&bodies[JSON]) {
            let sent = addressed(&server, &contract, operation, Some(body)).await;
            answered(&contract, operation, sent).await;
            if bodies.get(FORM).is_some() {
                let (request, body) = addressed(&server, &contract, operation, Some(body)).await;
                answered(&contract, operation, (request.multipart(as_form(&body.unwrap())), None)).await;
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_shown_to_a_request_of_its_name_or_to_requests_that_ask_the_same() {
    let server = TestServer::start().await;
    let contract = Contract::of(&server).await;
    for operation in contract.operations() {
        let requests = &operation.item["requestBody"]["content"][JSON];
        let Some((_, response)) = contract.responses(operation).find(|(status, _)| status.starts_with('2'))
        else {
            continue;
        };
        let answers = &response["content"][JSON]["examples"];
        let place = format!("{} {}", operation.method, operation.path);
        let mut alike = members(&requests["examples"])
            .filter(|(name, _)| answers.get(name.as_str()).is_none())
            .map(|(_, request)| asked(&request["value"]));
        let first = alike.next();
        assert!(alike.all(|other| Some(&other) == first.as_ref()), "{place}");
        for (name, answer) in members(answers) {
            let request = &requests["examples"][name]["value"];
            let count = |list: &str| request[list].as_array().map_or(1, Vec::len);
            let rows = answer["value"]["scores"].as_array().unwrap();
            assert_eq!(rows.len(), count("images"), "{place} {name}");
            for row in rows {
                assert_eq!(row.as_array().unwrap().len(), count("texts"), "{place} {name}");
            }
        }
    }
}

/// What a request asks, of whatever pictures.
fn asked(request: &Value) -> Value {
    let mut asked = request.clone();
    asked.as_object_mut().unwrap().retain(|name, _| !["image", "images"].contains(&name.as_str()));
    asked
}

#[tokio::test]
async fn refusals_are_as_the_contract_says() {
    let server = TestServer::start().await;
    let contract = Contract::of(&server).await;
    for operation in contract.operations() {
        let Operation { method, path, .. } = operation;
        let refused = async |request: RequestBuilder, status: u16| {
            let reply = Reply::read(request.send().await.unwrap()).await;
            assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
            contract.check_reply(operation, &reply, &format!("{method} {path} refused"));
        };
        if path.contains('{') {
            let nothing = path.replace('{', "no-").replace('}', "");
            refused(server.client.request(method.to_uppercase().parse().unwrap(), server.url(&nothing)), 404)
                .await;
        }
        if method == "post" {
            let post = async || addressed(&server, &contract, operation, None).await.0;
            refused(post().await.header("content-type", JSON).body("{"), 400).await;
            if path.starts_with("/v1/") {
                refused(post().await.header("content-type", "text/plain").body("{}"), 415).await;
            }
        }
    }
}

/// A request to the place that the examples of the parameters name, with a body if there is one; both know a picture and a version that
/// this server has.
async fn addressed(
    server: &TestServer,
    contract: &Contract,
    operation: Operation<'_>,
    body: Option<&Value>,
) -> (RequestBuilder, Option<Value>) {
    let kept = server.ask("/v1/images", &png(&scene(64, 64, 0)), &[]).await.answer();
    let kept = kept["id"].as_str().unwrap();
    let id = contract
        .operations()
        .filter(|operation| operation.path == "/v1/images/{id}")
        .flat_map(|operation| contract.parameters(operation))
        .find(|parameter| parameter["name"] == "id")
        .and_then(|parameter| parameter["example"].as_str())
        .unwrap();
    let mut path = operation.path.replace("{version}", server.engine.model().version());
    let mut headers = Vec::new();
    for parameter in contract.parameters(operation) {
        let name = parameter["name"].as_str().unwrap();
        let Some(example) = examples(parameter).next().map(text) else { continue };
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &example.replace(id, kept)),
            Some("header") => headers.push((name, example)),
            other => panic!("{name} stands in {other:?}, where this test puts nothing"),
        }
    }
    let method = operation.method.to_uppercase().parse().unwrap();
    let request = headers
        .into_iter()
        .fold(server.client.request(method, server.url(&path)), |request, (name, value)| {
            request.header(name, value)
        });
    let body = body.map(|body| serde_json::from_str(&body.to_string().replace(id, kept)).unwrap());
    (request, body)
}

/// Holds that the request gets the answer that the contract shows.
async fn answered(
    contract: &Contract,
    operation: Operation<'_>,
    (request, body): (RequestBuilder, Option<Value>),
) {
    let place = format!("{} {}", operation.method, operation.path);
    let request = match &body {
        Some(body) => request.json(body),
        None => request,
    };
    let reply = Reply::read(request.send().await.unwrap()).await;
    assert!((200..300).contains(&reply.status), "{place}: {} {}", reply.status, reply.body);
    let Some((documented, answer)) = contract.check_reply(operation, &reply, &place) else { return };
    let names = |object: &Value| members(object).map(|(name, _)| name.clone()).collect::<Vec<_>>();
    for shown in examples(documented) {
        assert_eq!(names(&answer), names(shown), "{place}");
    }
}

/// The same request as a form.
fn as_form(body: &Value) -> Form {
    members(body).fold(Form::new(), |form, (name, value)| {
        let values = value.as_array().map_or(slice::from_ref(value), Vec::as_slice);
        values.iter().fold(form, |form, value| form.part(name.clone(), as_part(value)))
    })
}

/// A picture's bytes as a file, anything else as text.
fn as_part(value: &Value) -> Part {
    match value.get("base64") {
        Some(file) => Part::bytes(STANDARD.decode(file.as_str().unwrap()).unwrap()).file_name("picture"),
        None => Part::text(text(value)),
    }
}

/// A value as it stands in a path, a header or a form.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
