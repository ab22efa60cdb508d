//! `/v1/models`: what is loaded.

use crate::support::TestServer;

#[tokio::test]
async fn the_model_is_listed_with_what_it_runs_on_and_its_limits() {
    let server = TestServer::start().await;
    let list = server.get("/v1/models").await.answer();
    let models = list["models"].as_array().unwrap();
    assert_eq!(models.len(), 1);
    let model = &models[0];
    assert_eq!((model["name"].as_str(), model["provider"].as_str()), (Some("shapes"), Some("cpu")));
    assert_eq!(model["limits"]["body_bytes"].as_u64(), Some(20 << 20));
    assert_eq!(model["limits"]["picture_pixels"].as_u64(), Some(40_000_000));
    assert!(model["limits"]["text_tokens"].as_u64().unwrap() > 2);
    assert_eq!(&server.get("/v1/models/shapes").await.answer(), model);
}

#[tokio::test]
async fn a_model_that_is_not_served_is_unknown() {
    let server = TestServer::start().await;
    for name in ["circles", "%F0%9F%90%9F", "%FF", "shapes%2F.."] {
        server.get(&format!("/v1/models/{name}")).await.problem(404);
    }
}
