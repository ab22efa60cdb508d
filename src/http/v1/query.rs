//! `POST /v1/query`: several questions of any task about one picture.

use std::borrow::Cow;
use std::fmt;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::extract::{Asked, Picture, whole_number};
use crate::http::layers::RequestId;
use crate::http::openapi::Refusals;
use crate::http::problem::ProblemDocument;
use crate::http::{AppState, Problem};
use crate::runtime;
use crate::types::{Query, Task};

use super::answer::AnswerView;
use super::{entailment, example, grounding, matching, top_k, vqa};

/// A picture and what is asked about it.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    image: Picture,
    /// In a form, one field of JSON for each query.
    #[schema(min_items = 1)]
    queries: Vec<Item>,
}

/// What is asked, as the endpoint of its task takes it.
// The tag is for the contract alone; what it describes is read as `Fields`.
#[derive(Debug, ToSchema)]
#[serde(tag = "task", rename_all = "lowercase")]
#[schema(as = Query)]
pub enum ItemView {
    Vqa {
        question: String,
        #[schema(required = false, minimum = 1, maximum = 20, default = vqa::default_top_k)]
        top_k: i64,
    },
    Entailment {
        hypothesis: String,
    },
    Grounding {
        expression: String,
        #[schema(required = false, minimum = 1, maximum = 20, default = grounding::default_top_k)]
        top_k: i64,
    },
    Match {
        text: String,
    },
}

/// The fields of the queries of any task. They are read before the task says which of them it takes: serde's own reading by a tag would
/// no longer know the name of the field that doesn't fit.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    task: Task,
    #[serde(default, deserialize_with = "given")]
    question: Option<String>,
    #[serde(default, deserialize_with = "given")]
    hypothesis: Option<String>,
    #[serde(default, deserialize_with = "given")]
    expression: Option<String>,
    #[serde(default, deserialize_with = "given")]
    text: Option<String>,
    #[serde(default, deserialize_with = "given_number")]
    top_k: Option<i64>,
}

/// A field that is there: null is not its absence.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

fn given_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    whole_number(deserializer).map(Some)
}

impl Fields {
    /// The query, if these are the fields of its task.
    fn view<E: Error>(self) -> Result<ItemView, E> {
        let Self { task, question, hypothesis, expression, text, top_k } = self;
        // The first one is needed.
        let taken: &[&str] = match task {
            Task::Vqa => &["question", "top_k"],
            Task::Entailment => &["hypothesis"],
            Task::Grounding => &["expression", "top_k"],
            Task::Match => &["text"],
        };
        let sent = [
            ("question", question.is_some()),
            ("hypothesis", hypothesis.is_some()),
            ("expression", expression.is_some()),
            ("text", text.is_some()),
            ("top_k", top_k.is_some()),
        ];
        if let Some((other, _)) = sent.iter().find(|(name, sent)| *sent && !taken.contains(name)) {
            return Err(E::unknown_field(other, taken));
        }
        let missing = || E::missing_field(taken[0]);
        Ok(match task {
            Task::Vqa => ItemView::Vqa {
                question: question.ok_or_else(missing)?,
                top_k: top_k.unwrap_or_else(vqa::default_top_k),
            },
            Task::Entailment => ItemView::Entailment { hypothesis: hypothesis.ok_or_else(missing)? },
            Task::Grounding => ItemView::Grounding {
                expression: expression.ok_or_else(missing)?,
                top_k: top_k.unwrap_or_else(grounding::default_top_k),
            },
            Task::Match => ItemView::Match { text: text.ok_or_else(missing)? },
        })
    }
}

/// A query, in JSON as itself, in a form as the text of its JSON.
#[derive(Debug)]
pub struct Item(ItemView);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A form hands a field to this same call as bytes.
        deserializer.deserialize_struct("Query", &["task"], ItemVisitor).map(Self)
    }
}

impl ToSchema for Item {
    fn name() -> Cow<'static, str> {
        ItemView::name()
    }
}

impl PartialSchema for Item {
    fn schema() -> RefOr<Schema> {
        let mut schema = ItemView::schema();
        if let RefOr::T(Schema::OneOf(tasks)) = &mut schema {
            for task in &mut tasks.items {
                // A derived schema tells of a structure that it denies other fields, of an enum's variants it doesn't.
                if let RefOr::T(Schema::Object(fields)) = task {
                    fields.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
                }
            }
        }
        schema
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = ItemView;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a query as {"task": "…", …}"#)
    }

    fn visit_byte_buf<E: Error>(self, json: Vec<u8>) -> Result<ItemView, E> {
        // The path of the form ends at this text; what lies in it is told with a path of its own.
        let mut source = serde_json::Deserializer::from_slice(&json);
        let Item(view) = serde_path_to_error::deserialize(&mut source).map_err(E::custom)?;
        source.end().map_err(E::custom)?;
        Ok(view)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ItemView, A::Error> {
        Fields::deserialize(MapAccessDeserializer::new(map))?.view()
    }
}

impl Item {
    fn query(self) -> Result<Query, Problem> {
        Ok(match self.0 {
            ItemView::Vqa { question, top_k: count } => Query::Vqa { question, top_k: top_k(count)? },
            ItemView::Entailment { hypothesis } => Query::Entailment { hypothesis },
            ItemView::Grounding { expression, top_k: count } => {
                Query::Grounding { expression, top_k: top_k(count)? }
            }
            ItemView::Match { text } => Query::Match { text },
        })
    }
}

/// One result for each query, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryResponse {
    results: Vec<ResultView>,
}

/// The answer that the endpoint of the task gives, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Result)]
pub enum ResultView {
    Answer(AnswerView),
    Problem(ProblemDocument),
}

impl QueryResponse {
    fn example() -> Self {
        let empty = Problem::Unusable { field: "hypothesis", reason: "is empty".to_owned() };
        let answers = [
            AnswerView::Vqa(vqa::VqaResponse::example()),
            AnswerView::Entailment(entailment::EntailmentResponse::example()),
            AnswerView::Grounding(grounding::GroundingResponse::example()),
            AnswerView::Match(matching::MatchResponse::example(&[[0.96875]])),
        ];
        let problem = ResultView::Problem(empty.document("5f2a7c31d09be864-1f"));
        Self { results: answers.map(ResultView::Answer).into_iter().chain([problem]).collect() }
    }
}

/// Ask several things about one picture
///
/// What the model makes of the picture is computed once. A query that can't be answered has its problem in the place of its answer and
/// costs the others nothing; only if none has an answer, and the reason is the server's, is the whole request refused.
#[utoipa::path(
    post, path = "/v1/query", tag = "tasks",
    request_body(
        content = QueryRequest,
        example = json!({"image": example::picture(), "queries": [
            {"task": "vqa", "question": "What colour is the circle?", "top_k": 2},
            {"task": "entailment", "hypothesis": "There is a red circle."},
            {"task": "grounding", "expression": "the red circle"},
            {"task": "match", "text": "a red circle"},
            {"task": "entailment", "hypothesis": ""},
        ]}),
    ),
    responses(
        (status = 200, description = "The results, in the order of the queries.", body = QueryResponse,
            example = json!(QueryResponse::example())),
        Refusals,
    ),
)]
pub async fn query(
    State(state): State<AppState>,
    Extension(id): Extension<RequestId>,
    Asked { request, images, engine, call }: Asked<QueryRequest>,
) -> Result<Json<QueryResponse>, Problem> {
    check_count(request.queries.len(), state.settings().max_queries.get())?;
    let seen = engine.see(images.open(request.image)?, &call).await?;
    let queries: Vec<_> = request.queries.into_iter().map(Item::query).collect();
    let usable = queries.iter().flatten().cloned().collect();
    let mut answers = engine.ask_all(&seen, usable, &call).await?.into_iter();
    let model = engine.model().id();
    let results: Vec<Result<AnswerView, Problem>> = queries
        .into_iter()
        .map(|query| {
            query?;
            // There are as many answers as usable queries.
            let answer = answers.next().unwrap_or(Err(runtime::Error::Interrupted { stage: "query" }))?;
            Ok(AnswerView::new(answer, model))
        })
        .collect();
    respond(results, id.as_str()).map(Json)
}

fn check_count(asked: usize, limit: usize) -> Result<(), Problem> {
    let reason = match asked {
        0 => "is empty".to_owned(),
        _ if asked > limit => format!("has {asked} items; a request may ask {limit}"),
        _ => return Ok(()),
    };
    Err(Problem::Unusable { field: "queries", reason })
}

/// Results as the client gets them; a problem of the server if that is all there is.
fn respond(results: Vec<Result<AnswerView, Problem>>, request_id: &str) -> Result<QueryResponse, Problem> {
    let (mut answered, mut fault, mut views) = (false, None, Vec::with_capacity(results.len()));
    for result in results {
        views.push(match result {
            Ok(answer) => {
                answered = true;
                ResultView::Answer(answer)
            }
            Err(problem) => {
                let view = ResultView::Problem(problem.document(request_id));
                if problem.status() != StatusCode::UNPROCESSABLE_ENTITY {
                    fault.get_or_insert(problem);
                }
                view
            }
        });
    }
    match fault {
        Some(problem) if !answered => Err(problem),
        _ => Ok(QueryResponse { results: views }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> AnswerView {
        AnswerView::Vqa(vqa::VqaResponse::example())
    }

    fn empty() -> Problem {
        Problem::Unusable { field: "hypothesis", reason: "is empty".to_owned() }
    }

    #[test]
    fn problems_stand_in_the_place_of_their_answers() {
        let results = vec![Err(empty()), Ok(answer()), Err(runtime::Error::Expired.into())];
        let results = serde_json::to_value(respond(results, "id-1").unwrap()).unwrap();
        assert_eq!(results["results"][0]["status"], 422);
        assert_eq!(results["results"][0]["request_id"], "id-1");
        assert_eq!(results["results"][1]["answer"], "red");
        assert_eq!(results["results"][2]["status"], 504);
    }

    #[test]
    fn without_any_answer_a_problem_of_the_server_is_that_of_the_request() {
        let refused = respond(vec![Err(empty()), Err(runtime::Error::Expired.into())], "id-1").unwrap_err();
        assert_eq!(refused.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(respond(vec![Err(empty()), Err(empty())], "id-1").unwrap().results.len(), 2);
    }

    #[test]
    fn a_query_is_read_from_json_and_from_the_text_of_its_json() {
        for query in [json!({"task": "vqa", "question": "?"}), json!({"task": "match", "text": "a"})] {
            assert!(serde_json::from_value::<Item>(query).is_ok());
        }
        for wrong in [
            json!({"question": "?"}),
            json!({"task": "poem", "text": "a"}),
            json!({"task": "vqa", "text": "a"}),
            json!({"task": "match", "text": "a", "more": 1}),
            json!({"task": "match", "text": "a", "top_k": 1}),
            json!({"task": "match", "text": "a", "question": null}),
            json!({"task": "vqa", "question": "?", "top_k": null}),
            json!("{}"),
        ] {
            assert!(serde_json::from_value::<Item>(wrong.clone()).is_err(), "{wrong}");
        }
        let read =
            ItemVisitor.visit_byte_buf::<serde_json::Error>(br#"{"task":"match","text":"a"}"#.to_vec());
        assert!(matches!(read, Ok(ItemView::Match { text }) if text == "a"));
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_with_its_field_what_it_is_and_what_it_must_be() {
        let wrong = r#"[{"task": "match", "text": "a"}, {"question": "?", "top_k": "abc", "task": "vqa"}]"#;
        let mut source = serde_json::Deserializer::from_str(wrong);
        let error = serde_path_to_error::deserialize::<_, Vec<Item>>(&mut source).unwrap_err();
        assert_eq!(error.path().to_string(), "[1].top_k");
        let told = r#"invalid type: string "abc", expected a whole number"#;
        assert!(error.inner().to_string().starts_with(told), "{error}");
        let text = br#"{"task": "vqa", "question": "?", "top_k": "abc"}"#;
        let error = ItemVisitor.visit_byte_buf::<serde_json::Error>(text.to_vec()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("top_k: {told}")), "{error}");
        let foreign = serde_json::from_value::<Item>(json!({"task": "vqa", "text": "a"})).unwrap_err();
        assert!(foreign.to_string().contains("unknown field `text`, expected `question` or `top_k`"));
    }

    #[test]
    fn a_request_asks_one_thing_at_least_and_no_more_than_the_limit() {
        assert!(check_count(1, 64).is_ok() && check_count(64, 64).is_ok());
        for wrong in [0, 65, usize::MAX] {
            assert!(matches!(check_count(wrong, 64), Err(Problem::Unusable { field: "queries", .. })));
        }
    }
}
