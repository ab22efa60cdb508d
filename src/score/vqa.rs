//! Accuracy of answers to questions.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figure::Figure;
use super::normalize::normalize_answer;

/// Annotators from which agreement is measured softly.
const ANNOTATORS: usize = 10;
/// Annotators that must agree with an answer for it to be wholly right.
const AGREEING: f64 = 3.0;

/// A question with the answer that was given to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnsweredQuestion<'a> {
    pub prediction: &'a str,
    /// One right answer, or one per annotator.
    pub answers: &'a [String],
    pub kind: Option<&'a str>,
}

/// Accuracy over all questions and over those of each kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VqaScore {
    pub accuracy: Figure,
    pub by_kind: BTreeMap<String, Figure>,
}

/// Mean of [`soft_accuracy`]; questions without a kind count in the whole only.
pub fn vqa(questions: &[AnsweredQuestion<'_>]) -> VqaScore {
    let mut by_kind = BTreeMap::<_, Vec<f64>>::new();
    let mut all = Vec::with_capacity(questions.len());
    for question in questions {
        let score = soft_accuracy(question.prediction, question.answers);
        all.push(score);
        if let Some(kind) = question.kind {
            by_kind.entry(kind.to_owned()).or_default().push(score);
        }
    }
    VqaScore {
        accuracy: Figure::mean(all),
        by_kind: by_kind.into_iter().map(|(kind, scores)| (kind, Figure::mean(scores))).collect(),
    }
}

/// How right an answer is, 0..1.
///
/// With ten annotators or more, as in VQA v2: the mean, over every annotator left out, of min(agreeing of the others / 3, 1).
/// With fewer: 1 if the answer is among theirs. As in the official evaluation, both sides are normalised unless
/// all annotators agree to the letter.
pub fn soft_accuracy(prediction: &str, answers: &[String]) -> f64 {
    let agreeing = agreeing(prediction, answers) as f64;
    let all = answers.len() as f64;
    if answers.len() < ANNOTATORS {
        return f64::from(u8::from(agreeing > 0.0));
    }
    let without_agreeing = ((agreeing - 1.0) / AGREEING).min(1.0);
    let without_other = (agreeing / AGREEING).min(1.0);
    (agreeing * without_agreeing + (all - agreeing) * without_other) / all
}

fn agreeing(prediction: &str, answers: &[String]) -> usize {
    let trimmed = |text: &str| text.replace(['\n', '\t'], " ").trim().to_owned();
    let prediction = trimmed(prediction);
    let answers: Vec<_> = answers.iter().map(|answer| trimmed(answer)).collect();
    if answers.windows(2).all(|pair| pair[0] == pair[1]) {
        return answers.iter().filter(|&answer| *answer == prediction).count();
    }
    let prediction = normalize_answer(&prediction);
    answers.iter().filter(|answer| normalize_answer(answer) == prediction).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(counted: &[(&str, usize)]) -> Vec<String> {
        counted.iter().flat_map(|&(answer, count)| vec![answer.to_owned(); count]).collect()
    }

    #[test]
    fn agreement_of_ten_gives_the_official_table() {
        for (agreeing, expected) in [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (9, 1.0)] {
            let answers = answers(&[("net", agreeing), ("mesh", 10 - agreeing)]);
            let score = soft_accuracy("net", &answers);
            assert!((score - expected).abs() < 1e-12, "{agreeing} agree: {score}");
        }
    }

    #[test]
    fn both_sides_are_normalised_unless_all_agree_to_the_letter() {
        let several = answers(&[("net", 8), ("the mesh", 2)]);
        assert_eq!(soft_accuracy("A net!", &several), 1.0);
        assert!((soft_accuracy("mesh", &several) - 0.6).abs() < 1e-12);
        let unanimous = answers(&[("orange", 10)]);
        assert_eq!(soft_accuracy("orange", &unanimous), 1.0);
        assert_eq!(soft_accuracy("Orange", &unanimous), 0.0);
    }

    #[test]
    fn a_single_answer_must_be_met() {
        assert_eq!(soft_accuracy("red", &answers(&[("red", 1)])), 1.0);
        assert_eq!(soft_accuracy("dark red", &answers(&[("red", 1)])), 0.0);
        assert_eq!(soft_accuracy("red", &[]), 0.0);
    }

    #[test]
    fn figures_are_given_over_all_and_per_kind() {
        let yes = answers(&[("yes", 1)]);
        let question = |prediction, kind| AnsweredQuestion { prediction, answers: &yes, kind };
        let score = vqa(&[
            question("yes", Some("exist")),
            question("no", Some("exist")),
            question("yes", Some("logic")),
            question("no", None),
        ]);
        assert_eq!(score.accuracy, Figure { value: 0.5, count: 4 });
        assert_eq!(score.by_kind["exist"], Figure { value: 0.5, count: 2 });
        assert_eq!(score.by_kind["logic"], Figure { value: 1.0, count: 1 });
        assert_eq!(score.by_kind.len(), 2);
    }
}
