//! A request's body: read under the limit, then parsed as JSON or as a form.

use std::time::{Duration, Instant};

use axum::body::{self, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::request::Parts;
use http_body_util::BodyExt;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use tokio::runtime::Handle;
use tokio::time::{timeout, timeout_at};

use crate::http::Problem;
use crate::http::problem::with_short_quotes;

use super::form::Form;

/// Larger bodies are parsed away from the threads that serve connections.
pub const PARSE_HERE: usize = 256 << 10;

/// A body that was read to its end.
pub struct Body {
    parts: Parts,
    format: Format,
    bytes: Bytes,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Form,
}

impl Body {
    /// Reads a body of a known type as [`whole`] does.
    pub async fn read(request: Request, limit: usize, deadline: Instant) -> Result<Self, Problem> {
        let Some(format) = format(request.headers()) else {
            discard(request).await;
            return Err(Problem::BodyType);
        };
        let (parts, bytes) = whole(request, limit, deadline).await?;
        Ok(Self { parts, format, bytes })
    }

    /// The request that the body describes.
    pub async fn parse<T: DeserializeOwned + Send + 'static>(self) -> Result<T, Problem> {
        let here = self.bytes.len() <= PARSE_HERE;
        let parse = async move {
            match self.format {
                Format::Json => from_json(&self.bytes),
                Format::Form => described(self.into_form().await?),
            }
        };
        if here {
            return parse.await;
        }
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || runtime.block_on(parse))
            .await
            .unwrap_or_else(|error| Err(Problem::Panic { message: error.to_string() }))
    }

    async fn into_form(self) -> Result<Form, Problem> {
        let mut request = Request::from_parts(self.parts, body::Body::from(self.bytes));
        DefaultBodyLimit::disable().apply(&mut request);
        let mut fields = Multipart::from_request(request, &()).await.map_err(|_| Problem::BodyType)?;
        let mut form = Form::default();
        while let Some(field) = fields.next_field().await.map_err(|error| broken_form(&error.body_text()))? {
            let name = field.name().ok_or_else(|| broken_form("a part has no name"))?.to_owned();
            let value = field.bytes().await.map_err(|error| broken_form(&error.body_text()))?;
            form.add(&name, value).map_err(|reason| broken_form(&reason))?;
        }
        Ok(form)
    }
}

/// Reads a body of `limit` bytes at most, until `deadline`. What is left of a refused one is taken in, see [`discard`].
pub async fn whole(request: Request, limit: usize, deadline: Instant) -> Result<(Parts, Bytes), Problem> {
    let (parts, mut body) = request.into_parts();
    let problem = if length(&parts.headers) > limit {
        Problem::BodyTooLarge { limit }
    } else {
        match timeout_at(deadline.into(), collected(&mut body, limit)).await {
            Ok(Ok(bytes)) => return Ok((parts, bytes)),
            Ok(Err(problem)) => problem,
            Err(_) => Problem::Expired,
        }
    };
    discard(Request::from_parts(parts, body)).await;
    Err(problem)
}

/// Takes in what is left of a request that will be refused, for as long as patience allows. Closing the connection on a client that
/// is still sending would reset it, and the client might never read why.
pub async fn discard(request: Request) {
    const PATIENCE: Duration = Duration::from_secs(2);
    if request.headers().contains_key(EXPECT) {
        // This client sends nothing before it is told to.
        return;
    }
    let mut body = request.into_body();
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    // Running out of patience is fine: the answer is sent all the same.
    let _ = timeout(PATIENCE, all).await;
}

fn format(headers: &HeaderMap) -> Option<Format> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = given.split(';').next().unwrap_or("").trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        Some(Format::Json)
    } else if media_type.eq_ignore_ascii_case("multipart/form-data") {
        Some(Format::Form)
    } else {
        None
    }
}

/// The length that the client announced; 0 if it didn't.
fn length(headers: &HeaderMap) -> usize {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// All bytes of the body, `limit` at most.
async fn collected(body: &mut body::Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| malformed(format_args!("the body ends early: {error}")))?;
        let data = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > limit {
            return Err(Problem::BodyTooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// Reads a text that is one JSON value.
pub fn from_json<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let request = described(&mut json)?;
    json.end().map_err(|error| malformed(format_args!("there is more after the JSON object: {error}")))?;
    Ok(request)
}

/// Reads a request and names the field that doesn't fit.
fn described<'de, T, D>(source: D) -> Result<T, Problem>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    serde_path_to_error::deserialize(source).map_err(|error| {
        let field = Some(error.path().to_string()).filter(|path| path != ".");
        let place = field.as_ref().map_or_else(String::new, |field| format!(" at `{field}`"));
        // Cut already here, away from the threads that serve connections: the error may quote the whole body.
        let reason = with_short_quotes(&format!("the request can't be read{place}: {}", error.inner()));
        Problem::Malformed { field, reason }
    })
}

fn broken_form(reason: &str) -> Problem {
    malformed(format_args!("the form can't be read: {reason}"))
}

fn malformed(reason: std::fmt::Arguments<'_>) -> Problem {
    Problem::Malformed { field: None, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Question {
        question: String,
        #[serde(default)]
        top_k: i64,
    }

    async fn ask(content_type: &str, body: impl Into<body::Body>, limit: usize) -> Result<Question, Problem> {
        let request = Request::builder().header(CONTENT_TYPE, content_type).body(body.into()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        Body::read(request, limit, deadline).await?.parse().await
    }

    fn field(problem: &Problem) -> Option<&str> {
        match problem {
            Problem::Malformed { field, .. } => field.as_deref(),
            other => panic!("{other:?} is no malformed body"),
        }
    }

    #[tokio::test]
    async fn json_and_a_form_say_the_same() {
        let expected = Question { question: "is it red?".into(), top_k: 2 };
        let json = r#"{"question": "is it red?", "top_k": 2}"#;
        assert_eq!(ask("application/json; charset=utf-8", json, 99).await.unwrap(), expected);
        let form = "--x\r\nContent-Disposition: form-data; name=\"question\"\r\n\r\nis it red?\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"top_k\"\r\n\r\n2\r\n--x--\r\n";
        assert_eq!(ask("multipart/form-data; boundary=x", form, 999).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_body_that_does_not_fit_names_its_field() {
        let wrong = ask("application/json", r#"{"question": "?", "top_k": "two"}"#, 99).await.unwrap_err();
        assert_eq!(field(&wrong), Some("top_k"));
        for body in
            ["", "{", "[]", r#"{"question": 5}"#, r#"{"question": "?"} 7"#, r#"{"question":"?","q":1}"#]
        {
            let problem = ask("application/json", body, 99).await.unwrap_err();
            assert_eq!(problem.status(), StatusCode::BAD_REQUEST, "{body}: {problem}");
        }
        let form = ask("multipart/form-data; boundary=x", "--x\r\nbroken", 99).await.unwrap_err();
        assert_eq!(field(&form), None);
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        let json = r#"{"question": "is it red?"}"#;
        assert!(ask("application/json", json, json.len()).await.is_ok());
        let problem = ask("application/json", json, json.len() - 1).await.unwrap_err();
        assert!(matches!(problem, Problem::BodyTooLarge { limit } if limit == json.len() - 1));
    }

    #[tokio::test]
    async fn a_refused_body_is_refused_for_its_reason_even_after_the_deadline() {
        let request = |content_type: &str| {
            Request::builder().header(CONTENT_TYPE, content_type).body(body::Body::from("{}")).unwrap()
        };
        let refused = |content_type, limit| async move {
            Body::read(request(content_type), limit, Instant::now()).await.map(drop).unwrap_err()
        };
        assert!(matches!(refused("text/plain", 9).await, Problem::BodyType));
        let announced =
            Request::builder().header(CONTENT_TYPE, "application/json").header(CONTENT_LENGTH, 10);
        let announced = announced.body(body::Body::from("{}")).unwrap();
        let problem = Body::read(announced, 9, Instant::now()).await.map(drop).unwrap_err();
        assert!(matches!(problem, Problem::BodyTooLarge { limit: 9 }));
    }

    #[tokio::test]
    async fn other_types_of_body_are_refused() {
        for content_type in
            ["text/plain", "image/png", "multipart/form-data", "application/x-www-form-urlencoded"]
        {
            let problem = ask(content_type, "{}", 99).await.unwrap_err();
            assert!(matches!(problem, Problem::BodyType), "{content_type}: {problem}");
        }
    }
}
