//! What an answer says, checked for its shape and held against another answer to the same.

use cmal::types::Task;
use serde::Deserialize;

use crate::request::Asked;

/// How far a score may be from another one for the same: batches of other sizes round otherwise.
const SCORE: f64 = 2e-3;
/// How far a coordinate may be, in pixels and as a part of itself.
const PIXELS: f64 = 1.0;
const PART: f64 = 1e-3;

/// What matters of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub items: Vec<Item>,
}

/// What matters of the answer to one query.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The answer or the label; empty where there are only figures.
    pub label: String,
    /// Probability of the label, or of what else the answer is about, 0..1.
    pub score: f64,
    /// The box pointed at, in pixels.
    pub place: Vec<f64>,
}

/// Reads an answer; `None` if it isn't one to what was asked.
pub fn read(asked: Asked, body: &[u8]) -> Option<Said> {
    let items = match asked {
        Asked::One(task) => vec![item(task, body)?],
        // Only questions are asked by the dozen.
        Asked::Many(count) => {
            let Results { results } = serde_json::from_slice(body).ok()?;
            if results.len() != count {
                return None;
            }
            results.iter().map(vqa).collect::<Option<_>>()?
        }
    };
    items.iter().all(|item| (0.0..=1.0 + SCORE).contains(&item.score)).then_some(Said { items })
}

fn item(task: Task, body: &[u8]) -> Option<Item> {
    match task {
        Task::Vqa => vqa(&serde_json::from_slice(body).ok()?),
        Task::Entailment => {
            let Entailment { label, scores } = serde_json::from_slice(body).ok()?;
            let score = match label.as_str() {
                "entailment" => scores.entailment,
                "neutral" => scores.neutral,
                "contradiction" => scores.contradiction,
                _ => return None,
            };
            Some(Item { label, score, place: Vec::new() })
        }
        Task::Grounding => {
            let Grounding { bbox, score } = serde_json::from_slice(body).ok()?;
            let place = bbox.map_or_else(Vec::new, |Place { x, y, width, height }| vec![x, y, width, height]);
            Some(Item { label: String::new(), score, place })
        }
        Task::Match => {
            let Match { scores } = serde_json::from_slice(body).ok()?;
            let score = *scores.first()?.first()?;
            Some(Item { label: String::new(), score, place: Vec::new() })
        }
    }
}

fn vqa(reply: &Vqa) -> Option<Item> {
    let best = reply.answers.first().filter(|best| best.answer == reply.answer)?;
    Some(Item { label: best.answer.clone(), score: best.score, place: Vec::new() })
}

impl Said {
    /// Whether both say the same.
    pub fn agrees(&self, other: &Self) -> bool {
        self.items.len() == other.items.len()
            && self.items.iter().zip(&other.items).all(|(one, other)| one.agrees(other, SCORE))
    }
}

impl Item {
    /// Whether both say the same with scores that differ by `tolerance` at most.
    pub fn agrees(&self, other: &Self, tolerance: f64) -> bool {
        let near = |a: &f64, b: &f64| (a - b).abs() <= PIXELS + PART * a.abs();
        let same = self.label == other.label
            && self.place.len() == other.place.len()
            && self.place.iter().zip(&other.place).all(|(a, b)| near(a, b));
        // Two that are equally probable may change places; neither can be above one half then.
        let tied = self.score <= 0.5 + tolerance;
        (same || tied) && (self.score - other.score).abs() <= tolerance
    }
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Vqa>,
}

#[derive(Deserialize)]
struct Vqa {
    answer: String,
    answers: Vec<Scored>,
}

#[derive(Deserialize)]
struct Scored {
    answer: String,
    score: f64,
}

#[derive(Deserialize)]
struct Entailment {
    label: String,
    scores: Labels,
}

#[derive(Deserialize)]
struct Labels {
    entailment: f64,
    neutral: f64,
    contradiction: f64,
}

#[derive(Deserialize)]
struct Grounding {
    /// Null if there is nothing to point at.
    #[serde(rename = "box")]
    bbox: Option<Place>,
    score: f64,
}

#[derive(Deserialize)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

#[derive(Deserialize)]
struct Match {
    scores: Vec<Vec<f64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vqa(answer: &str, score: f64) -> Option<Said> {
        let body = format!(r#"{{"answer":"{answer}","answers":[{{"answer":"{answer}","score":{score}}}]}}"#);
        read(Asked::One(Task::Vqa), body.as_bytes())
    }

    #[test]
    fn the_same_answer_agrees_within_rounding() {
        let red = vqa("red", 0.9).unwrap();
        assert!(red.agrees(&vqa("red", 0.901).unwrap()));
        assert!(!red.agrees(&vqa("red", 0.93).unwrap()));
        assert!(!red.agrees(&vqa("blue", 0.9).unwrap()));
    }

    #[test]
    fn only_answers_as_probable_as_each_other_may_change_places() {
        assert!(vqa("red", 0.4).unwrap().agrees(&vqa("blue", 0.4).unwrap()));
        assert!(!vqa("red", 0.4).unwrap().agrees(&vqa("blue", 0.45).unwrap()));
    }

    #[test]
    fn a_box_that_moved_is_another_answer() {
        let at = |x: u32| {
            let body = format!(
                r#"{{"present":0.9,"score":0.8,"box":{{"x":{x},"y":2,"width":30,"height":40}},"candidates":[]}}"#
            );
            read(Asked::One(Task::Grounding), body.as_bytes()).unwrap()
        };
        assert!(at(7).agrees(&at(8)));
        assert!(!at(7).agrees(&at(19)));
    }

    #[test]
    fn every_task_and_many_at_once_are_read() {
        let entailment =
            br#"{"label":"neutral","scores":{"entailment":0.1,"neutral":0.7,"contradiction":0.2},"model":"m"}"#;
        assert_eq!(read(Asked::One(Task::Entailment), entailment).unwrap().items[0].score, 0.7);
        assert_eq!(read(Asked::One(Task::Match), br#"{"scores":[[0.25]]}"#).unwrap().items[0].score, 0.25);
        let many = br#"{"results":[{"answer":"a","answers":[{"answer":"a","score":1}]}]}"#;
        assert_eq!(read(Asked::Many(1), many).unwrap().items[0].label, "a");
        assert!(read(Asked::Many(2), many).is_none(), "one result is missing");
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for body in ["", "{}", "[]", r#"{"answer":"a","answers":[]}"#, r#"{"status":429}"#] {
            assert!(read(Asked::One(Task::Vqa), body.as_bytes()).is_none(), "{body}");
        }
        assert!(vqa("red", 1.5).is_none(), "no probability");
    }
}
