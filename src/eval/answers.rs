//! What is asked about one picture, and what was answered.

use crate::data::Entry;
use crate::score::Associated;
use crate::types::{Answer, EntailmentScores, GroundingAnswer, PixelBox, Query, ScoredAnswer, Tags};

use super::part::Part;

/// What was answered about one picture, in the order of its records; empty where it was not asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answers {
    pub vqa: Vec<ScoredAnswer>,
    pub entailment: Vec<EntailmentScores>,
    /// With the best candidate.
    pub grounding: Vec<GroundingAnswer>,
    pub objects: Vec<(PixelBox, Tags)>,
    /// The first caption's words against the objects.
    pub associated: Vec<Associated>,
}

/// The queries of the parts that are about texts, but for retrieval, which has a pass of its own.
/// `read` tells how much of a text is asked.
pub(super) fn queries(entry: &Entry, parts: &[Part], read: impl Fn(&str) -> &str) -> Vec<Query> {
    let mut queries = Vec::new();
    if parts.contains(&Part::Vqa) {
        let questions = entry.vqa.iter().map(|asked| read(&asked.question).to_owned());
        queries.extend(questions.map(|question| Query::Vqa { question, top_k: 1 }));
    }
    if parts.contains(&Part::Entailment) {
        let hypotheses = entry.entailment.iter().map(|asked| read(&asked.hypothesis).to_owned());
        queries.extend(hypotheses.map(|hypothesis| Query::Entailment { hypothesis }));
    }
    if parts.contains(&Part::Grounding) {
        let expressions = entry.referring.iter().map(|asked| read(&asked.expression).to_owned());
        queries.extend(expressions.map(|expression| Query::Grounding { expression, top_k: 1 }));
    }
    queries
}

impl Answers {
    pub fn add(&mut self, answer: Answer) {
        match answer {
            Answer::Vqa(vqa) => {
                let none = || ScoredAnswer { answer: String::new(), score: 0.0 };
                self.vqa.push(vqa.answers.into_iter().next().unwrap_or_else(none));
            }
            Answer::Entailment(scores) => self.entailment.push(scores),
            Answer::Grounding(found) => self.grounding.push(found),
            // Matches are asked for in a pass of their own.
            Answer::Match(_) => {}
        }
    }
}
