//! What clients of the Open Inference Protocol get wrong: each has its status and one sentence in the protocol's form.

use std::io::Write;
use std::num::NonZeroUsize;

use cmal::http::Settings;
use cmal::runtime;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::server::settings;
use crate::support::tensors::{Answer, Form, Run, TEXT_LENGTH, post};

fn text() -> Run {
    Run::golden("text", Form::Flat)
}

fn binary() -> Run {
    Run::golden("text", Form::Binary)
}

/// The JSON of the inputs has them in the order of their names: `token_mask`, then `tokens`.
const MASK: &str = "/inputs/0";
const TOKENS: &str = "/inputs/1";

#[tokio::test]
async fn tensors_that_do_not_fit_are_refused_with_what_is_wrong() {
    let server = TestServer::start().await;
    let at = |place: &str, member: &str| format!("{place}/{member}");
    let ones = |count: usize| Value::from(vec![1; count]);
    let all = |count: usize| Value::from(vec![true; count]);
    let sized = |rows: usize, tokens: usize| {
        let shape = json!([rows, tokens]);
        text()
            .with(&at(MASK, "shape"), shape.clone())
            .with(&at(MASK, "data"), all(rows * tokens))
            .with(&at(TOKENS, "shape"), shape)
            .with(&at(TOKENS, "data"), ones(rows * tokens))
    };
    let cases = [
        (text().with("/inputs", json!([])), "`tokens` is missing"),
        (text().without(MASK), "`token_mask` is missing"),
        (text().with(&at(MASK, "name"), json!("mask")), "no input `mask`"),
        (text().with(&at(MASK, "name"), json!("tokens")), "`tokens` is given twice"),
        (text().with(&at(TOKENS, "shape"), json!([18])), "[18]"),
        (text().with(&at(TOKENS, "shape"), json!([])), "[]"),
        (text().with(&at(TOKENS, "shape"), json!([9, 2])), "the axis `batch` is 2"),
        (text().with(&at(TOKENS, "shape"), json!([2, -9])), "negative size"),
        (text().with(&at(TOKENS, "shape"), json!([-2, -9])), "negative size"),
        (text().with(&at(TOKENS, "shape"), json!([2, 9.0])), "shape"),
        (text().with(&at(TOKENS, "shape"), json!([u64::MAX, 9])), "shape"),
        (text().with(&at(TOKENS, "shape"), json!([i64::MAX, i64::MAX])), "must be 1 to 16"),
        (text().with(&at(TOKENS, "shape"), ones(17)), "16 entries at most"),
        (sized(0, 9), "must be 1 to 16"),
        (sized(17, 9), "must be 1 to 16"),
        (sized(2, 49), "must be 1 to 48"),
        (text().with(&at(TOKENS, "datatype"), json!("INT32")), "it must be INT64"),
        (text().with(&at(TOKENS, "datatype"), json!("FP16")), "it must be INT64"),
        (text().with(&at(TOKENS, "datatype"), json!("BYTES")), "it must be INT64"),
        (text().with(&at(TOKENS, "data"), ones(17)), "a list of 18 values"),
        (text().with(&at(TOKENS, "data"), ones(19)), "a list of 18 values"),
        (text().with(&at(TOKENS, "data"), json!([ones(9)])), "a list of 2 lists"),
        (text().with(&at(TOKENS, "data"), json!([ones(9), ones(8)])), "a list of 9 values"),
        (text().with(&at(TOKENS, "data"), json!("text")), "can't be read"),
        (text().with(&at(MASK, "data"), ones(18)), "expected a boolean"),
        (text().with("/inputs/1/data/3", json!(-1)), "the token id -1"),
        (text().with("/inputs/1/data/3", json!(100_000)), "the token id 100000"),
        (text().with("/inputs/1/data/3", json!(0.5)), "can't be read"),
        (text().without(&at(TOKENS, "data")), "neither `data`"),
        (text().with(&at(TOKENS, "parameters"), json!({"binary_data_size": 144})), "both `data`"),
        (text().with(&at(TOKENS, "parameters"), json!({"shared_memory_region": "a"})), "shared memory"),
        (text().with("/outputs", json!([{"name": "vqa"}])), "no output `vqa`"),
        (text().with("/outputs", json!([{"name": "textual"}, {"name": "textual"}])), "given twice"),
        (
            text().with("/outputs", json!([{"name": "textual", "parameters": {"classification": 3}}])),
            "classification",
        ),
        (
            text().with("/outputs", json!([{"name": "textual", "parameters": {"binary_data": 1}}])),
            "binary_data",
        ),
        (text().with("/parameters", json!({"binary_data_output": "yes"})), "binary_data_output"),
        (text().with("/id", json!(7)), "id"),
        (text().without("/inputs"), "inputs"),
    ];
    for (run, part) in cases {
        let sentence = run.send(&server, "shapes.text").await.refusal(400);
        assert!(sentence.contains(part), "{part:?} is not in {sentence:?}");
    }
    assert_eq!(text().send(&server, "shapes.text").await.status, 200);
}

#[tokio::test]
async fn binary_data_that_does_not_add_up_is_refused() {
    let server = TestServer::start().await;
    let sized = |size: Value| binary().with("/inputs/1/parameters/binary_data_size", size);
    for size in
        [json!(0), json!(-144), json!(143), json!(145), json!(i64::MAX), json!(u64::MAX), json!("144")]
    {
        sized(size).send(&server, "shapes.text").await.refusal(400);
    }
    let whole = binary().data.len();
    for size in [whole - 1, whole + 1] {
        let mut run = binary();
        run.data.resize(size, 0);
        run.send(&server, "shapes.text").await.refusal(400);
    }
    let mut odd = binary();
    odd.data[0] = 2;
    let sentence = odd.send(&server, "shapes.text").await.refusal(400);
    assert!(sentence.contains("neither 0 nor 1"), "{sentence}");
    let mut unknown = binary();
    unknown.data[18..26].copy_from_slice(&i64::MIN.to_le_bytes());
    assert!(unknown.send(&server, "shapes.text").await.refusal(400).contains("token id"));

    let (body, length) = binary().body();
    let send = async |length: &str| {
        let request = post(&server, "shapes.text", body.clone()).header(TEXT_LENGTH, length);
        Answer::read(request.send().await.unwrap()).await
    };
    let beyond = (body.len() + 1).to_string();
    let lengths = [(length - 1).to_string(), (length + 1).to_string(), body.len().to_string(), beyond];
    let none = ["", "-1", "1e3", "ten", "0", "18446744073709551616"];
    for length in none.into_iter().chain(lengths.iter().map(String::as_str)) {
        send(length).await.refusal(400);
    }
    let without = post(&server, "shapes.text", body.clone());
    Answer::read(without.send().await.unwrap()).await.refusal(400);
    assert_eq!(send(&length.to_string()).await.status, 200);
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let server = TestServer::start().await;
    let deep = format!(r#"{{"inputs": {}"#, "[".repeat(100_000));
    let within = format!(
        r#"{{"inputs": [{{"name": "tokens", "shape": [1, 1], "datatype": "INT64", "data": {}{}}},
            {{"name": "token_mask", "shape": [1, 1], "datatype": "BOOL", "data": [true]}}]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for body in [
        "",
        "{",
        "[]",
        "7",
        "null",
        "{} {}",
        r#"{"inputs": 5}"#,
        r#"{"inputs": [5]}"#,
        deep.as_str(),
        within.as_str(),
    ] {
        let answer = post(&server, "shapes.text", body.to_owned()).send().await.unwrap();
        Answer::read(answer).await.refusal(400);
    }
    let invalid = post(&server, "shapes.text", b"{\"inputs\": [\"\xff\"]}".to_vec());
    Answer::read(invalid.send().await.unwrap()).await.refusal(400);
}

#[tokio::test]
async fn models_versions_and_paths_that_do_not_exist_are_refused_in_the_protocols_form() {
    let server = TestServer::start().await;
    let get =
        async |path: &str| Answer::read(server.client.get(server.url(path)).send().await.unwrap()).await;
    for name in [
        "shapes",
        "shapes.",
        "shapes.colours",
        "birds.text",
        "text",
        "%FF",
        "shapes%2Etext.",
        "shapes.text.x",
    ] {
        get(&format!("/v2/models/{name}")).await.refusal(404);
        get(&format!("/v2/models/{name}/ready")).await.refusal(404);
        text().send(&server, name).await.refusal(404);
    }
    let listed = get("/v2/models/birds.text").await.refusal(404);
    assert!(listed.contains("`shapes.objects`"), "{listed}");
    let other = get("/v2/models/shapes.text/versions/0").await.refusal(404);
    assert!(other.contains(server.engine.model().version()), "{other}");
    get("/v2/models/shapes.text/versions/0/ready").await.refusal(404);
    for path in ["/v2/", "/v2/models", "/v2/unknown", "/v2/models/shapes.text/config"] {
        get(path).await.refusal(404);
    }
    get("/v2/models/shapes.text/infer").await.refusal(405);
    assert_eq!(server.get("/v2").await.status, 200);
}

#[tokio::test]
async fn other_encodings_and_bodies_beyond_the_limit_are_refused() {
    let limit = NonZeroUsize::new(64 << 10).unwrap();
    let http = Settings { max_body: limit, ..settings() };
    let server = TestServer::with(http, runtime::Settings::default()).await;
    for encoding in ["br", "zstd", "gzip, gzip", "x"] {
        let request = post(&server, "shapes.text", "{}").header("content-encoding", encoding);
        let sentence = Answer::read(request.send().await.unwrap()).await.refusal(415);
        assert!(sentence.contains("gzip"), "{sentence}");
    }
    let request = post(&server, "shapes.text", "not compressed").header("content-encoding", "gzip");
    Answer::read(request.send().await.unwrap()).await.refusal(400);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 8 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < limit.get());
    let request = post(&server, "shapes.text", bomb).header("content-encoding", "gzip");
    Answer::read(request.send().await.unwrap()).await.refusal(413);
    let large = post(&server, "shapes.text", vec![b' '; limit.get() + 1]);
    Answer::read(large.send().await.unwrap()).await.refusal(413);
}

#[tokio::test]
async fn overload_and_a_deadline_are_told_as_elsewhere() {
    let one = runtime::Settings { in_flight: NonZeroUsize::MIN, ..runtime::Settings::default() };
    let server = TestServer::with(settings(), one).await;
    let place = server.engine.admit(None).unwrap();
    let shed = text().send(&server, "shapes.text").await;
    shed.refusal(429);
    assert!(shed.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    drop(place);
    let send = async |milliseconds: &str| {
        let pixels = vec![0_u8; 16 * 128 * 128 * 3];
        let text = json!({"inputs": [{"name": "pixels", "shape": [16, 128, 128, 3], "datatype": "UINT8",
            "parameters": {"binary_data_size": pixels.len()}}]});
        let text = text.to_string().into_bytes();
        let length = text.len();
        let request = post(&server, "shapes.objects", [text, pixels].concat());
        let request = request.header(TEXT_LENGTH, length).header("x-request-timeout-ms", milliseconds);
        Answer::read(request.send().await.unwrap()).await
    };
    send("1").await.refusal(504);
    send("soon").await.refusal(400);
    assert_eq!(send("60000").await.status, 200);
}
