//! A running server as the subject, over its own HTTP interface; pictures are uploaded as the files they are.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::score::{Associated, of_naming_words};
use crate::types::{
    AnchorPoint, Answer, Candidate, EntailmentScores, GroundingAnswer, PixelBox, Query, ScoredAnswer, Tags,
    VqaAnswer,
};

use super::error::Error;
use super::subject::Subject;

/// Texts in one match request.
const TEXTS: usize = 64;

/// A server by the address of its root.
pub struct Server {
    agent: Agent,
    root: String,
}

/// Which bundle a server answers with, and on what.
#[derive(Debug, Deserialize)]
pub struct ServedModel {
    pub fingerprint: String,
    pub provider: String,
}

/// A request that can be sent again and again.
pub struct Upload {
    pub path: &'static str,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Upload {
    /// A multipart form of a picture and text fields.
    pub fn new(path: &'static str, picture: &[u8], fields: &[(&str, &str)]) -> Self {
        // The digest of the picture can't be part of the picture, and no text contains it by chance.
        let boundary = blake3::hash(picture).to_hex();
        let mut body = Vec::with_capacity(picture.len() + 512);
        for (name, value) in fields {
            let part =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"picture\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(picture);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Self { path, content_type: format!("multipart/form-data; boundary={boundary}"), body }
    }

    /// What the endpoint of a query's task takes.
    pub fn of(picture: &[u8], query: &Query) -> Self {
        match query {
            Query::Vqa { question, top_k } => {
                Self::new("/v1/vqa", picture, &[("question", question), ("top_k", &top_k.to_string())])
            }
            Query::Entailment { hypothesis } => {
                Self::new("/v1/entailment", picture, &[("hypothesis", hypothesis)])
            }
            Query::Grounding { expression, top_k } => {
                let top_k = top_k.to_string();
                Self::new("/v1/grounding", picture, &[("expression", expression), ("top_k", &top_k)])
            }
            Query::Match { text } => Self::new("/v1/match", picture, &[("text", text)]),
        }
    }
}

impl Server {
    /// `root` as in `http://127.0.0.1:8080`.
    pub fn new(root: &str) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).max_idle_connections_per_host(64).proxy(None);
        Self { agent: config.build().into(), root: root.trim_end_matches('/').to_owned() }
    }

    /// Sends a request and reads the whole answer, which must be a success.
    pub fn send(&self, upload: &Upload) -> Result<Vec<u8>, Error> {
        let url = self.url(upload.path);
        let request = self.agent.post(&url).header("content-type", &upload.content_type);
        whole(&url, request.send(upload.body.as_slice()))
    }

    /// What the server says of a model that it serves.
    pub fn model(&self, name: &str) -> Result<ServedModel, Error> {
        let url = self.url(&format!("/v1/models/{name}"));
        let body = whole(&url, self.agent.get(&url).call())?;
        serde_json::from_slice(&body).map_err(|source| Error::Odd { url, source })
    }

    fn fetch<T: DeserializeOwned>(&self, upload: &Upload) -> Result<T, Error> {
        let body = self.send(upload)?;
        serde_json::from_slice(&body).map_err(|source| Error::Odd { url: self.url(upload.path), source })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    fn answer(&self, picture: &[u8], query: &Query) -> Result<Answer, Error> {
        let upload = Upload::of(picture, query);
        Ok(match query {
            Query::Vqa { .. } => Answer::Vqa(self.fetch::<VqaReply>(&upload)?.into()),
            Query::Entailment { .. } => Answer::Entailment(self.fetch::<EntailmentReply>(&upload)?.into()),
            Query::Grounding { .. } => Answer::Grounding(self.fetch::<GroundingReply>(&upload)?.into()),
            Query::Match { text } => Answer::Match(self.matches(picture, &[text])?[0]),
        })
    }

    /// One probability per text; at least one text.
    fn matches(&self, picture: &[u8], texts: &[&str]) -> Result<Vec<f32>, Error> {
        let fields: Vec<_> = texts.iter().map(|text| ("texts", *text)).collect();
        let upload = Upload::new("/v1/match", picture, &fields);
        let scores = self.fetch::<MatchReply>(&upload)?.scores.into_iter().next().unwrap_or_default();
        if scores.len() == texts.len() {
            Ok(scores)
        } else {
            Err(Error::Miscounted { url: self.url(upload.path), found: scores.len(), asked: texts.len() })
        }
    }
}

/// The whole body of an answer, which must be a success.
fn whole(url: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Vec<u8>, Error> {
    let unreachable = |source| Error::Unreachable { url: url.to_owned(), source: Box::new(source) };
    let mut response = answer.map_err(unreachable)?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_vec().map_err(unreachable)?;
    if status == 200 {
        Ok(body)
    } else {
        let body = String::from_utf8_lossy(&body).into_owned();
        Err(Error::Refused { url: url.to_owned(), status, body })
    }
}

impl Subject for Server {
    fn objects(&self, picture: &[u8]) -> Result<Vec<(PixelBox, Tags)>, Error> {
        let reply: ObjectsReply = self.fetch(&Upload::new("/v1/objects", picture, &[]))?;
        Ok(reply.objects.into_iter().map(|object| (object.bbox, object.tags)).collect())
    }

    /// Texts to match go together, everything else by itself.
    fn ask(&self, picture: &[u8], queries: &[Query]) -> Result<Vec<Answer>, Error> {
        let text = |query: &Query| matches!(query, Query::Match { .. });
        let mut answers = Vec::with_capacity(queries.len());
        for run in queries.chunk_by(|a, b| text(a) && text(b)) {
            if text(&run[0]) {
                for texts in run.chunks(TEXTS) {
                    let texts: Vec<_> = texts.iter().map(Query::text).collect();
                    answers.extend(self.matches(picture, &texts)?.into_iter().map(Answer::Match));
                }
            } else {
                answers.push(self.answer(picture, &run[0])?);
            }
        }
        Ok(answers)
    }

    fn associate(&self, picture: &[u8], text: &str) -> Result<Vec<Associated>, Error> {
        let upload = Upload::new("/v1/associations", picture, &[("text", text)]);
        let AssociationsReply { anchors, associations } = self.fetch(&upload)?;
        Ok(of_naming_words(associations, &anchors))
    }
}

#[derive(Deserialize)]
struct VqaReply {
    answers: Vec<Scored>,
}

#[derive(Deserialize)]
struct Scored {
    answer: String,
    score: f32,
}

impl From<VqaReply> for VqaAnswer {
    fn from(reply: VqaReply) -> Self {
        let scored = |Scored { answer, score }| ScoredAnswer { answer, score };
        Self { answers: reply.answers.into_iter().map(scored).collect() }
    }
}

#[derive(Deserialize)]
struct EntailmentReply {
    scores: Labels,
}

#[derive(Deserialize)]
struct Labels {
    entailment: f32,
    neutral: f32,
    contradiction: f32,
}

impl From<EntailmentReply> for EntailmentScores {
    fn from(EntailmentReply { scores }: EntailmentReply) -> Self {
        Self::new([scores.entailment, scores.neutral, scores.contradiction])
    }
}

#[derive(Deserialize)]
struct GroundingReply {
    present: f32,
    candidates: Vec<Placed>,
}

#[derive(Deserialize)]
struct Placed {
    #[serde(rename = "box")]
    bbox: PixelBox,
    tags: Tags,
    score: f32,
}

impl From<GroundingReply> for GroundingAnswer {
    fn from(reply: GroundingReply) -> Self {
        let candidate = |Placed { bbox, tags, score }| Candidate { bbox, score, tags };
        Self { present: reply.present, candidates: reply.candidates.into_iter().map(candidate).collect() }
    }
}

#[derive(Deserialize)]
struct MatchReply {
    scores: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct ObjectsReply {
    objects: Vec<Placed>,
}

#[derive(Deserialize)]
struct AssociationsReply {
    anchors: Vec<AnchorPoint>,
    associations: Vec<Vec<f32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_a_form_that_ends_with_the_picture() {
        let upload = Upload::new("/v1/match", b"\xff\xd8", &[("texts", "one"), ("texts", "two")]);
        let boundary = upload.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let body = String::from_utf8_lossy(&upload.body);
        assert_eq!(body.matches(&format!("--{boundary}")).count(), 4);
        assert_eq!(body.matches("name=\"texts\"").count(), 2);
        assert!(body.ends_with(&format!("\r\n--{boundary}--\r\n")));
        assert!(upload.body.windows(6).any(|window| window == b"\r\n\r\n\xff\xd8"));
    }

    #[test]
    fn replies_are_read_as_the_engine_would_have_answered() {
        let reply: GroundingReply = serde_json::from_str(
            r#"{"present":0.5,"box":{"x":1,"y":2,"width":3,"height":4},"score":1,"model":"shapes",
                "candidates":[{"box":{"x":1,"y":2,"width":3,"height":4},"score":1,"tags":{"class":"circle","attributes":["red"]}}]}"#,
        )
        .unwrap();
        let answer = GroundingAnswer::from(reply);
        assert_eq!(answer.candidates[0].bbox, PixelBox { x: 1.0, y: 2.0, width: 3.0, height: 4.0 });
        assert_eq!(answer.candidates[0].tags.attributes, ["red"]);
    }
}
