//! Requests of the Open Inference Protocol and their answers.

use std::collections::BTreeMap;

use cmal::bundle::{GoldenGraph, GoldenTensor, Values};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Body, RequestBuilder, Response};
use serde_json::{Value, json};

use super::TestServer;
use super::server::bundle;

pub const TEXT_LENGTH: &str = "inference-header-content-length";

/// The recorded inputs and outputs of a graph.
pub fn golden(graph: &str) -> GoldenGraph {
    bundle().golden().unwrap().graphs.remove(graph).unwrap()
}

pub fn datatype(values: &Values) -> &'static str {
    match values {
        Values::F32(_) => "FP32",
        Values::I64(_) => "INT64",
        Values::U8(_) => "UINT8",
        Values::Bool(_) => "BOOL",
    }
}

pub fn numbers(values: &Values) -> Vec<f64> {
    match values {
        Values::F32(values) => values.iter().map(|&value| value.into()).collect(),
        Values::I64(values) => values.iter().map(|&value| value as f64).collect(),
        Values::U8(values) => values.iter().map(|&value| value.into()).collect(),
        Values::Bool(values) => values.iter().map(|&value| u8::from(value).into()).collect(),
    }
}

fn flat(values: &Values) -> Vec<Value> {
    match values {
        Values::F32(values) => values.iter().map(|&value| json!(value)).collect(),
        Values::I64(values) => values.iter().map(|&value| json!(value)).collect(),
        Values::U8(values) => values.iter().map(|&value| json!(value)).collect(),
        Values::Bool(values) => values.iter().map(|&value| json!(value)).collect(),
    }
}

fn bytes(values: &Values) -> Vec<u8> {
    match values {
        Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::U8(values) => values.clone(),
        Values::Bool(values) => values.iter().map(|&value| u8::from(value)).collect(),
    }
}

/// How a tensor is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Flat,
    Nested,
    Binary,
}

/// A request: its JSON, and the binary data behind it.
#[derive(Clone, Debug)]
pub struct Run {
    pub json: Value,
    pub data: Vec<u8>,
}

impl Run {
    /// A run on `inputs`, each in the form that `form` gives for its place.
    pub fn new(inputs: &BTreeMap<String, GoldenTensor>, form: impl Fn(usize) -> Form) -> Self {
        let mut run = Self { json: json!({"inputs": []}), data: Vec::new() };
        for (index, (name, tensor)) in inputs.iter().enumerate() {
            let (shape, values) = (tensor.shape(), tensor.values());
            let mut input = json!({"name": name, "shape": shape, "datatype": datatype(values)});
            match form(index) {
                Form::Flat => input["data"] = flat(values).into(),
                Form::Nested => {
                    let mut list = flat(values);
                    for &size in shape[1..].iter().rev() {
                        list = list.chunks(size).map(|chunk| json!(chunk)).collect();
                    }
                    input["data"] = list.into();
                }
                Form::Binary => {
                    let bytes = bytes(values);
                    input["parameters"] = json!({"binary_data_size": bytes.len()});
                    run.data.extend(bytes);
                }
            }
            run.json["inputs"].as_array_mut().unwrap().push(input);
        }
        run
    }

    pub fn golden(graph: &str, form: Form) -> Self {
        Self::new(&golden(graph).inputs, |_| form)
    }

    /// The same with something changed in its JSON.
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = self.json.pointer_mut(parent).unwrap();
        match key.parse::<usize>() {
            Ok(index) => parent[index] = value,
            Err(_) => parent[key] = value,
        }
        self
    }

    pub fn without(mut self, pointer: &str) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match self.json.pointer_mut(parent).unwrap() {
            Value::Array(list) => drop(list.remove(key.parse().unwrap())),
            object => drop(object.as_object_mut().unwrap().remove(key)),
        }
        self
    }

    /// The whole body, and the bytes of JSON in it.
    pub fn body(&self) -> (Vec<u8>, usize) {
        let text = self.json.to_string().into_bytes();
        let length = text.len();
        ([text, self.data.clone()].concat(), length)
    }

    pub async fn send(&self, server: &TestServer, model: &str) -> Answer {
        let (body, length) = self.body();
        let request = post(server, model, body);
        let request = if self.data.is_empty() { request } else { request.header(TEXT_LENGTH, length) };
        Answer::read(request.send().await.unwrap()).await
    }
}

pub fn post(server: &TestServer, model: &str, body: impl Into<Body>) -> RequestBuilder {
    server.post(&format!("/v2/models/{model}/infer")).body(body)
}

/// A response of the protocol.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    /// The JSON of an answer with 200.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        let length = self.headers.get(TEXT_LENGTH).map(|length| length.to_str().unwrap().parse().unwrap());
        let expected = if length.is_some() { "application/octet-stream" } else { "application/json" };
        assert_eq!(self.headers[CONTENT_TYPE], expected);
        serde_json::from_slice(&self.body[..length.unwrap_or(self.body.len())]).unwrap()
    }

    /// The outputs by name, each with its shape and numbers, whether they came as JSON or as binary data.
    pub fn outputs(&self) -> Vec<(String, Vec<u64>, Vec<f64>)> {
        let json = self.json();
        let text = self
            .headers
            .get(TEXT_LENGTH)
            .map_or(self.body.len(), |length| length.to_str().unwrap().parse().unwrap());
        let mut data = &self.body[text..];
        let read = |output: &Value| {
            let values: Vec<f64> = match output["parameters"]["binary_data_size"].as_u64() {
                None => output["data"].as_array().unwrap().iter().map(number).collect(),
                Some(size) => {
                    let (mine, rest) = data.split_at(usize::try_from(size).unwrap());
                    data = rest;
                    match output["datatype"].as_str().unwrap() {
                        "FP32" => {
                            mine.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect()
                        }
                        "BOOL" => mine.iter().map(|&byte| byte.into()).collect(),
                        other => panic!("no graph gives {other}"),
                    }
                }
            };
            let shape =
                output["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).collect();
            (output["name"].as_str().unwrap().to_owned(), shape, values)
        };
        let outputs = json["outputs"].as_array().unwrap().iter().map(read).collect();
        assert!(data.is_empty(), "{} bytes are left", data.len());
        outputs
    }

    /// The sentence of a refusal; fails if it has not the protocol's form.
    pub fn refusal(&self, status: u16) -> String {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{body}");
        assert_eq!(self.headers[CONTENT_TYPE], "application/json", "{body}");
        assert!(self.headers.contains_key("x-request-id"));
        let error: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(error.as_object().unwrap().len(), 1, "{error}");
        error["error"].as_str().unwrap().to_owned()
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => u8::from(*value).into(),
        Value::Null => f64::NAN,
        value => value.as_f64().unwrap(),
    }
}
