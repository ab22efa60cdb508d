//! `/v1/objects`: what the detector finds.

use crate::support::TestServer;
use crate::support::pictures::{png, scene};

#[tokio::test]
async fn objects_lie_inside_the_picture_and_come_by_falling_score() {
    let server = TestServer::start().await;
    let answer = server.ask("/v1/objects", &png(&scene(200, 120, 0)), &[]).await.answer();
    assert_eq!((answer["width"].as_u64(), answer["height"].as_u64()), (Some(200), Some(120)));
    let objects = answer["objects"].as_array().unwrap();
    assert!(!objects.is_empty(), "neither the disc nor the square was found");
    let scores: Vec<f64> = objects.iter().map(|object| object["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    for object in objects {
        let side = |name: &str| object["box"][name].as_f64().unwrap();
        assert!(side("x") >= 0.0 && side("x") + side("width") <= 200.5, "{object}");
        assert!(side("y") >= 0.0 && side("y") + side("height") <= 120.5, "{object}");
        assert!(object["tags"]["class"].is_string());
    }
}
