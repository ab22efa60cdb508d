//! The contract: the checked-in file is what the code says and what the server serves, and it tells of every refusal.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::TestServer;

fn checked_in() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml")).unwrap()
}

/// Whether a path is one of the Open Inference Protocol, whose errors have its own form.
fn protocol(path: &str) -> bool {
    path.starts_with("/v2")
}

/// A path with a name in every place.
fn placed(server: &TestServer, path: &str) -> String {
    let version = server.engine.model().version();
    path.replace("{name}", "shapes")
        .replace("{model}", "shapes.text")
        .replace("{version}", version)
        .replace("{id}", "none")
}

async fn contract(server: &TestServer) -> Value {
    server.get("/openapi.json").await.answer()
}

#[tokio::test]
async fn the_checked_in_contract_is_the_servers_own() {
    let server = TestServer::start().await;
    let served = server.get("/openapi.yaml").await;
    assert_eq!(served.header("content-type"), Some("application/yaml"));
    assert!(served.body == checked_in(), "openapi.yaml is not what the code says: run `make openapi`");
}

#[tokio::test]
async fn every_operation_of_the_contract_is_served() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    let paths = contract["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 27);
    for (path, operations) in paths {
        let place = placed(&server, path);
        for method in operations.as_object().unwrap().keys() {
            let request = server.client.request(method.to_uppercase().parse().unwrap(), server.url(&place));
            let status = request.send().await.unwrap().status().as_u16();
            let expected = match method.as_str() {
                "get" | "delete" if path == "/v1/images/{id}" => 404,
                "get" => 200,
                _ if protocol(path) => 400,
                _ => 415,
            };
            assert_eq!(status, expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn operations_that_need_a_key_where_there_are_keys_say_so() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    for (path, operations) in contract["paths"].as_object().unwrap() {
        let page = ["/", "/docs"].contains(&path.as_str());
        let open = page || path.contains("/health/") || path.starts_with("/openapi.");
        for (method, operation) in operations.as_object().unwrap() {
            let refusal = operation["responses"].get("401").is_some();
            assert_eq!((refusal, operation.get("security").is_some()), (!open, !open), "{method} {path}");
        }
    }
    let schemes = contract["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["apiKey", "bearer"]);
}

#[tokio::test]
async fn requests_to_the_model_document_every_refusal_and_take_forms() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    for (path, operations) in contract["paths"].as_object().unwrap() {
        let Some(post) = operations.get("post").filter(|_| !protocol(path)) else { continue };
        for status in ["400", "413", "415", "422", "429", "500", "503", "504"] {
            let name = post["responses"][status]["$ref"].as_str().unwrap();
            let refusal = contract.pointer(name.trim_start_matches('#')).unwrap();
            let content = &refusal["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{path} {status}");
            assert_eq!(content["example"]["status"].to_string(), status, "{path}");
        }
        // All of them take a picture, and all but the one that keeps it may be given its id.
        assert_eq!(post["responses"].get("404").is_none(), path == "/v1/images", "{path}");
        let form = &post["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"];
        let file = form.get("image").map(|image| image["format"].as_str());
        assert_eq!(file, Some(Some("binary")), "{path}");
    }
}

#[tokio::test]
async fn runs_of_the_protocol_document_every_refusal_in_its_form() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    let mut runs = 0;
    for (path, operations) in contract["paths"].as_object().unwrap() {
        let Some(post) = operations.get("post").filter(|_| protocol(path)) else { continue };
        for status in ["400", "404", "413", "415", "429", "500", "503", "504"] {
            let name = post["responses"][status]["$ref"].as_str().unwrap();
            let refusal = contract.pointer(name.trim_start_matches('#')).unwrap();
            let content = &refusal["content"]["application/json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/InferenceError", "{path} {status}");
            assert!(content["example"]["error"].is_string(), "{path} {status}");
        }
        let bodies = post["requestBody"]["content"].as_object().unwrap();
        assert!(bodies.keys().eq(["application/json", "application/octet-stream"]), "{path}");
        runs += 1;
    }
    assert_eq!(runs, 2);
}
