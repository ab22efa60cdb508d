//! What is asked where no dataset says so.

use cmal::types::{Query, Task};

/// Of the lengths that people ask in. The first six are those of `cmal bench`.
const QUESTIONS: [&str; 16] = [
    "What colour is the circle?",
    "How many squares are there?",
    "Is there a red triangle?",
    "What shape is left of the large blue square?",
    "Are there more circles than squares in the picture?",
    "Is the small green star above the striped circle?",
    "What colour is the large triangle?",
    "How many green things are there?",
    "Is there a small heart?",
    "What is the pattern of the square?",
    "Is the circle left of the square?",
    "How many shapes are there in the picture?",
    "What shape is below the red circle?",
    "Is there a striped star or a dotted hexagon?",
    "What size is the blue diamond?",
    "Are all of the circles red?",
];
/// Questions of a plain run.
const FEW: usize = 6;
const STATEMENTS: [&str; 4] = [
    "There is a red circle.",
    "There are exactly two squares.",
    "A small blue triangle is left of a star.",
    "Nothing in the picture is green.",
];
const EXPRESSIONS: [&str; 4] =
    ["the red circle", "the largest square", "the star on the left", "the small thing above the triangle"];
const CAPTIONS: [&str; 4] = [
    "A red circle and a blue square.",
    "A striped yellow heart.",
    "Three stars above a large green triangle.",
    "A small purple cross next to a dotted hexagon.",
];

/// Everything that a task is asked by itself, beginning with the `turn`-th.
pub fn of(task: Task, turn: usize) -> Vec<Query> {
    match task {
        Task::Vqa => turned(&QUESTIONS[..FEW], turn, |question| Query::Vqa { question, top_k: 5 }),
        Task::Entailment => turned(&STATEMENTS, turn, |hypothesis| Query::Entailment { hypothesis }),
        Task::Grounding => turned(&EXPRESSIONS, turn, |expression| Query::Grounding { expression, top_k: 1 }),
        Task::Match => turned(&CAPTIONS, turn, |text| Query::Match { text }),
    }
}

/// As many different questions, at most sixteen.
pub fn questions(count: usize) -> Vec<Query> {
    let questions = &QUESTIONS[..count.min(QUESTIONS.len())];
    turned(questions, 0, |question| Query::Vqa { question, top_k: 5 })
}

fn turned(texts: &[&str], turn: usize, query: impl Fn(String) -> Query) -> Vec<Query> {
    let from = turn % texts.len();
    texts[from..].iter().chain(&texts[..from]).map(|text| query((*text).to_owned())).collect()
}
