//! The Open Inference Protocol over the graphs: what a client of it is told, and that tensors give what they gave at export.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use cmal::bundle::{GoldenTensor, Values, names};
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::tensors::{Answer, Form, Run, TEXT_LENGTH, datatype, golden, numbers, post};

/// Holds outputs against the golden ones, within what the bundle's manifest allows.
fn assert_golden(answer: &Answer, graph: &str) {
    let expected = golden(graph).outputs;
    let outputs = answer.outputs();
    assert_eq!(outputs.len(), expected.len(), "{graph}");
    for (name, shape, values) in outputs {
        let expected = &expected[&name];
        let sizes: Vec<u64> = expected.shape().iter().map(|&size| size as u64).collect();
        assert_eq!(shape, sizes, "{graph} {name}");
        for (value, expected) in values.iter().zip(numbers(expected.values())) {
            let difference = (value - expected).abs() / (1.0 + expected.abs());
            assert!(difference <= 5e-3, "{graph} {name}: {value} is not {expected}");
        }
    }
}

#[tokio::test]
async fn the_server_and_every_graph_are_described() {
    let server = TestServer::start().await;
    let metadata = server.get("/v2").await.answer();
    assert_eq!(
        (&metadata["name"], &metadata["extensions"]),
        (&"cmal".into(), &json!(["binary_tensor_data"]))
    );
    assert_eq!(server.get("/v2/health/live").await.answer(), json!({"live": true}));
    assert_eq!(server.get("/v2/health/ready").await.answer(), json!({"ready": true}));
    let version = server.engine.model().version();
    for graph in names::graph::ALL {
        let path = format!("/v2/models/shapes.{graph}");
        let model = server.get(&path).await.answer();
        assert_eq!(model, server.get(&format!("{path}/versions/{version}")).await.answer());
        assert_eq!(
            (&model["name"], &model["versions"]),
            (&format!("shapes.{graph}").into(), &json!([version]))
        );
        for (kind, tensors) in [("inputs", golden(graph).inputs), ("outputs", golden(graph).outputs)] {
            let listed = model[kind].as_array().unwrap();
            assert_eq!(listed.len(), tensors.len());
            for entry in listed {
                let tensor = &tensors[entry["name"].as_str().unwrap()];
                assert_eq!(entry["datatype"], datatype(tensor.values()));
                let sizes = entry["shape"].as_array().unwrap().iter().map(|size| size.as_i64().unwrap());
                let fits = sizes.zip(tensor.shape()).all(|(size, &real)| size == -1 || size == real as i64);
                assert!(fits && entry["shape"][0] == -1, "{entry}");
            }
        }
        let ready = json!({"name": format!("shapes.{graph}"), "ready": true});
        assert_eq!(server.get(&format!("{path}/ready")).await.answer(), ready);
        assert_eq!(server.get(&format!("{path}/versions/{version}/ready")).await.answer(), ready);
    }
}

#[tokio::test]
async fn golden_values_come_back_in_whatever_form_tensors_are_sent_and_wanted() {
    let server = TestServer::start().await;
    for graph in names::graph::ALL {
        let inputs = golden(graph).inputs;
        let mixed = |index: usize| [Form::Binary, Form::Flat, Form::Nested][index % 3];
        let runs = [Form::Flat, Form::Nested, Form::Binary].map(|form| Run::new(&inputs, |_| form));
        for run in runs.into_iter().chain([Run::new(&inputs, mixed)]) {
            let model = format!("shapes.{graph}");
            assert_golden(&run.send(&server, &model).await, graph);
            let binary = run.with("/parameters", json!({"binary_data_output": true}));
            let answer = binary.send(&server, &model).await;
            assert!(answer.headers.contains_key(TEXT_LENGTH));
            assert_golden(&answer, graph);
        }
    }
}

#[tokio::test]
async fn outputs_are_chosen_in_an_order_and_each_in_its_form() {
    let server = TestServer::start().await;
    let outputs = json!([
        {"name": "match", "parameters": {"binary_data": false}},
        {"name": "grounding"},
        {"name": "vqa", "parameters": {"binary_data": true}},
    ]);
    let run = Run::golden("fusion", Form::Binary)
        .with("/outputs", outputs)
        .with("/parameters", json!({"binary_data_output": true}))
        .with("/id", json!("order-66"));
    let answer = run.send(&server, "shapes.fusion").await;
    let names: Vec<String> = answer.outputs().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["match", "grounding", "vqa"]);
    let json = answer.json();
    let version = server.engine.model().version();
    assert_eq!(
        (&json["model_name"], &json["model_version"], &json["id"]),
        (&"shapes.fusion".into(), &version.into(), &"order-66".into())
    );
    let binary = |index: usize| json["outputs"][index]["parameters"]["binary_data_size"].is_u64();
    assert_eq!([0, 1, 2].map(binary), [false, true, true]);
    let path = format!("/v2/models/shapes.fusion/versions/{version}/infer");
    let (body, length) = run.body();
    let request = server.post(&path).header(TEXT_LENGTH, length).body(body);
    assert_eq!(Answer::read(request.send().await.unwrap()).await.body, answer.body);
    let without = Run::golden("text", Form::Flat).send(&server, "shapes.text").await.json();
    assert!(without.get("id").is_none());
}

#[tokio::test]
async fn bodies_are_inflated_and_answers_compressed() {
    let server = TestServer::start().await;
    let (body, length) = Run::golden("objects", Form::Binary).body();
    let compress = |name: &str| {
        if name == "gzip" {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).unwrap();
            encoder.finish().unwrap()
        } else {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).unwrap();
            encoder.finish().unwrap()
        }
    };
    for name in ["gzip", "deflate"] {
        let compressed = compress(name);
        assert!(compressed.len() < body.len());
        let request = post(&server, "shapes.objects", compressed).header(TEXT_LENGTH, length);
        let request = request.header("content-encoding", name).header("accept-encoding", name);
        let mut answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.headers["content-encoding"], name);
        let mut plain = Vec::new();
        match name {
            "gzip" => GzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).unwrap(),
            _ => ZlibDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).unwrap(),
        };
        answer.body = plain;
        assert_golden(&answer, "objects");
    }
}

#[tokio::test]
async fn runs_are_measured_as_a_stage_and_tell_their_time() {
    let server = TestServer::start().await;
    let answer = Run::golden("association", Form::Binary).send(&server, "shapes.association").await;
    let timing = answer.headers["server-timing"].to_str().unwrap();
    assert!(timing.contains("raw;dur=") && timing.contains("queue;dur="), "{timing}");
    let metrics = server.metrics.render();
    for line in [
        r#"cmal_stage_compute_seconds_count{stage="raw"} 1"#,
        r#"cmal_stage_queue_seconds_count{stage="raw"} 1"#,
        r#"cmal_batch_size_sum{stage="raw"} 1"#,
        r#"cmal_queue_depth{stage="raw"} 0"#,
        r#"cmal_http_requests_total{method="POST",route="/v2/models/{model}/infer",status="200"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test]
async fn whatever_passes_the_checks_is_answered() {
    let server = TestServer::start().await;
    let mut random = SmallRng::seed_from_u64(3);
    for round in 0..60 {
        let graph = names::graph::ALL[round % 5];
        let model = server.get(&format!("/v2/models/shapes.{graph}")).await.answer();
        let [rows, objects, tokens] = [16, 16, 48].map(|most| random.random_range(1..=most));
        let size = |axis: (usize, &Value), name: &str| match (axis.0, axis.1.as_i64().unwrap()) {
            (0, _) => rows,
            (_, -1) if ["tokens", "textual", "token_mask", "filled_tokens"].contains(&name) => tokens,
            (_, -1) => objects,
            (_, fixed) => usize::try_from(fixed).unwrap(),
        };
        let mut inputs = BTreeMap::new();
        for entry in model["inputs"].as_array().unwrap() {
            let name = entry["name"].as_str().unwrap();
            let axes = entry["shape"].as_array().unwrap();
            let shape: Vec<usize> = axes.iter().enumerate().map(|axis| size(axis, name)).collect();
            let count: usize = shape.iter().product();
            let values = match entry["datatype"].as_str().unwrap() {
                "FP32" => Values::F32(every(count, || odd(&mut random))),
                "INT64" => Values::I64(every(count, || random.random_range(0..976))),
                "UINT8" => Values::U8(every(count, || random.random())),
                _ => {
                    let share = [0.0, 0.5, 1.0][round % 3];
                    Values::Bool(every(count, || random.random_bool(share)))
                }
            };
            inputs.insert(name.to_owned(), GoldenTensor::new(shape, values).unwrap());
        }
        let answer = Run::new(&inputs, |_| Form::Binary).send(&server, &format!("shapes.{graph}")).await;
        for (name, shape, values) in answer.outputs() {
            assert_eq!(
                (shape[0], shape.iter().product()),
                (rows as u64, values.len() as u64),
                "{graph} {name}"
            );
        }
    }
}

fn every<T>(count: usize, value: impl FnMut() -> T) -> Vec<T> {
    std::iter::repeat_with(value).take(count).collect()
}

/// A number, now and then one that no model expects.
fn odd(random: &mut SmallRng) -> f32 {
    match random.random_range(0..200) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::MIN,
        _ => random.random_range(-3.0..3.0),
    }
}
