//! An evaluation made up for a test.

use crate::data::{Entry, Question};
use crate::types::{ScoredAnswer, Size, Split};

use super::answers::Answers;
use super::part::Part;
use super::run::Evaluation;

/// A picture with questions by id and right answers.
pub(super) fn entry(asked: &[(Option<i64>, &[&str])]) -> Entry {
    let question = |(n, (id, answers)): (usize, &(Option<i64>, &[&str]))| Question {
        question: format!("Question {n}?"),
        answers: answers.iter().map(ToString::to_string).collect(),
        kind: None,
        question_type: None,
        id: *id,
    };
    Entry {
        name: "a.png".to_owned(),
        size: Size { width: 8, height: 6 },
        split: Split::Test,
        objects: None,
        captions: Vec::new(),
        vqa: asked.iter().enumerate().map(question).collect(),
        entailment: Vec::new(),
        referring: Vec::new(),
    }
}

/// An evaluation in which each picture's questions were given the same answers.
pub(super) fn evaluation<'a>(pictures: &'a [&'a Entry], given: &[&str]) -> Evaluation<'a> {
    let scored = |answer: &&str| ScoredAnswer { answer: (*answer).to_owned(), score: 0.5 };
    let answers = Answers { vqa: given.iter().map(scored).collect(), ..Answers::default() };
    Evaluation::of(pictures, vec![answers; pictures.len()], &[Part::Vqa], None)
}
