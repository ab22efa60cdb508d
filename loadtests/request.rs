//! Requests, prepared so that sending one more costs next to nothing: all but a few bytes are shared with those before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};
use cmal::types::{Query, Task};
use http_body_util::Full;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::mark::{Mark, Marked};

/// The parts of a body one after the other, never copied together.
pub type Parts = bytes::buf::Chain<Bytes, bytes::buf::Chain<Bytes, Bytes>>;

/// No picture holds this by chance.
const BOUNDARY: &str = "cmal-load-6d1f0c52b9e84a7794c3e05d2ab81f36";
const MULTIPART: HeaderValue =
    HeaderValue::from_static("multipart/form-data; boundary=cmal-load-6d1f0c52b9e84a7794c3e05d2ab81f36");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Multipart,
    /// With the picture in base64.
    Json,
}

/// What an answer should be to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    One(Task),
    /// So many items of `/v1/query`.
    Many(usize),
}

/// A request about a picture but for the number that makes the picture a new one.
#[derive(Clone, Debug)]
pub struct Template {
    pub asked: Asked,
    pub path: &'static str,
    pub content_type: HeaderValue,
    front: Bytes,
    mark: Mark,
    form: Form,
    back: Bytes,
}

impl Template {
    /// One query to its own endpoint.
    pub fn one(marked: &Marked, query: &Query, form: Form) -> Self {
        let (path, name, top_k) = match query {
            Query::Vqa { top_k, .. } => ("/v1/vqa", "question", Some(top_k)),
            Query::Entailment { .. } => ("/v1/entailment", "hypothesis", None),
            Query::Grounding { top_k, .. } => ("/v1/grounding", "expression", Some(top_k)),
            Query::Match { .. } => ("/v1/match", "text", None),
        };
        let mut fields = vec![(name, json!(query.text()))];
        fields.extend(top_k.map(|top_k| ("top_k", json!(top_k))));
        Self::new(Asked::One(query.task()), path, &fields, marked, form)
    }

    /// All queries in one request to `/v1/query`, in JSON.
    pub fn many(marked: &Marked, queries: &[Query]) -> Self {
        let items: Vec<Value> = queries
            .iter()
            .map(|query| match query {
                Query::Vqa { question, .. } => json!({"task": "vqa", "question": question}),
                Query::Entailment { hypothesis } => json!({"task": "entailment", "hypothesis": hypothesis}),
                Query::Grounding { expression, .. } => json!({"task": "grounding", "expression": expression}),
                Query::Match { text } => json!({"task": "match", "text": text}),
            })
            .collect();
        let fields = [("queries", Value::from(items))];
        Self::new(Asked::Many(queries.len()), "/v1/query", &fields, marked, Form::Json)
    }

    fn new(asked: Asked, path: &'static str, fields: &[(&str, Value)], marked: &Marked, form: Form) -> Self {
        let (content_type, front, back) = match form {
            Form::Multipart => multipart(fields, marked),
            Form::Json => in_json(fields, marked),
        };
        let (front, back) = (front.into(), back.into());
        Self { asked, path, content_type, front, mark: marked.mark.clone(), form, back }
    }

    /// The body with the picture of that number.
    pub fn body(&self, number: u64) -> Full<Parts> {
        let number = self.mark.number(number);
        let number = match self.form {
            Form::Multipart => number,
            Form::Json => STANDARD.encode(number).into(),
        };
        Full::new(self.front.clone().chain(number.chain(self.back.clone())))
    }

    /// Items that a successful answer answers.
    pub fn items(&self) -> u64 {
        match self.asked {
            Asked::One(_) => 1,
            Asked::Many(count) => count as u64,
        }
    }
}

fn multipart(fields: &[(&str, Value)], marked: &Marked) -> (HeaderValue, Vec<u8>, Vec<u8>) {
    let mut front = Vec::with_capacity(marked.before.len() + 512);
    for (name, value) in fields {
        // Only a string would be quoted.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        front.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"picture\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    front.extend_from_slice(head.as_bytes());
    front.extend_from_slice(&marked.before);
    let back = [marked.after.as_slice(), format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    (MULTIPART, front, back)
}

fn in_json(fields: &[(&str, Value)], marked: &Marked) -> (HeaderValue, Vec<u8>, Vec<u8>) {
    let front = format!("{{\"image\":{{\"base64\":\"{}", STANDARD.encode(&marked.before));
    let mut back = STANDARD.encode(&marked.after) + "\"}";
    for (name, value) in fields {
        back += &format!(",\"{name}\":{value}");
    }
    (JSON, front.into_bytes(), (back + "}").into_bytes())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const PICTURE: &[u8] = b"\xff\xd8 the rest of it \xff\xd9";

    async fn bytes(template: &Template, number: u64) -> Vec<u8> {
        template.body(number).collect().await.unwrap().to_bytes().to_vec()
    }

    fn question() -> Query {
        Query::Vqa { question: "Is \"it\" red?".into(), top_k: 3 }
    }

    #[tokio::test]
    async fn a_json_body_holds_the_numbered_picture_and_the_fields() {
        let marked = Marked::new(PICTURE).unwrap();
        let template = Template::one(&marked, &question(), Form::Json);
        let body: Value = serde_json::from_slice(&bytes(&template, 77).await).unwrap();
        let picture = STANDARD.decode(body["image"]["base64"].as_str().unwrap()).unwrap();
        assert_eq!(picture, [marked.before.as_slice(), &marked.mark.number(77), &marked.after].concat());
        assert_eq!((&body["question"], &body["top_k"]), (&json!("Is \"it\" red?"), &json!(3)));
    }

    #[tokio::test]
    async fn a_form_ends_with_the_numbered_picture() {
        let marked = Marked::new(PICTURE).unwrap();
        let template = Template::one(&marked, &question(), Form::Multipart);
        let body = bytes(&template, 5).await;
        let numbered = [marked.before.as_slice(), &marked.mark.number(5), &marked.after].concat();
        let end = [b"\r\n\r\n", numbered.as_slice(), format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
        assert!(body.ends_with(&end));
        assert!(template.content_type.to_str().unwrap().ends_with(&format!("boundary={BOUNDARY}")));
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("name=\"question\"\r\n\r\nIs \"it\" red?\r\n"), "{text}");
        assert!(text.contains("name=\"top_k\"\r\n\r\n3\r\n"), "{text}");
    }

    #[tokio::test]
    async fn many_queries_share_a_picture() {
        let queries = [question(), Query::Match { text: "a star".into() }];
        let template = Template::many(&Marked::new(PICTURE).unwrap(), &queries);
        let body: Value = serde_json::from_slice(&bytes(&template, 0).await).unwrap();
        let expected =
            json!([{"task": "vqa", "question": "Is \"it\" red?"}, {"task": "match", "text": "a star"}]);
        assert_eq!((template.path, template.items(), &body["queries"]), ("/v1/query", 2, &expected));
    }
}
