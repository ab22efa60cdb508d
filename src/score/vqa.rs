//! Accuracy of answers to questions.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calibration::{CALIBRATION_BINS, CalibrationScore, calibration};
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
    /// Probability given to the prediction, 0..1.
    pub confidence: f32,
    /// One right answer, or one per annotator.
    pub answers: &'a [String],
    /// The answer type in VQA v2.
    pub kind: Option<&'a str>,
    pub question_type: Option<&'a str>,
}

/// Accuracy over all questions, over those of each kind and over those of each question type: on VQA v2 what its official evaluation
/// calls overall, per answer type and per question type.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VqaScore {
    pub accuracy: Figure,
    pub by_kind: BTreeMap<String, Figure>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_question_type: BTreeMap<String, Figure>,
    /// None if no question has a type or kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<WorstType>,
    pub calibration: CalibrationScore,
}

/// The question type, or the kind where the questions have no types, that is answered worst.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstType {
    pub name: String,
    pub accuracy: Figure,
}

/// Mean of [`soft_accuracy`]; questions without a kind or type count in the whole only.
pub fn vqa(questions: &[AnsweredQuestion<'_>]) -> VqaScore {
    let scores: Vec<f64> =
        questions.iter().map(|question| soft_accuracy(question.prediction, question.answers)).collect();
    let scored = || questions.iter().zip(scores.iter().copied());
    let by_kind = Figure::by_group(scored().map(|(question, score)| (question.kind, score)));
    let by_question_type =
        Figure::by_group(scored().map(|(question, score)| (question.question_type, score)));
    let confident: Vec<_> = scored().map(|(question, score)| (question.confidence, score)).collect();
    VqaScore {
        accuracy: Figure::mean(scores.iter().copied()),
        worst: worst(if by_question_type.is_empty() { &by_kind } else { &by_question_type }),
        by_kind,
        by_question_type,
        calibration: calibration(&confident, CALIBRATION_BINS),
    }
}

/// The figure whose interval ends lowest: few items that went wrong by chance do not make the worst.
fn worst(figures: &BTreeMap<String, Figure>) -> Option<WorstType> {
    let (name, accuracy) =
        figures.iter().min_by(|a, b| a.1.interval().high.total_cmp(&b.1.interval().high))?;
    Some(WorstType { name: name.clone(), accuracy: *accuracy })
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
        let question = |prediction, kind| AnsweredQuestion {
            prediction,
            confidence: 0.75,
            answers: &yes,
            kind,
            question_type: None,
        };
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
        assert!(score.by_question_type.is_empty());
        assert!((score.calibration.error.value - 0.25).abs() < 1e-9, "0.75 for half: {score:?}");
    }

    #[test]
    fn a_sample_of_the_validation_set_scores_as_in_the_official_evaluation() {
        let sample = [
            (
                "none of the above",
                "down",
                answers(&[("down", 7), ("at table", 1), ("skateboard", 1), ("table", 1)]),
            ),
            (
                "what are the",
                "spectating",
                answers(&[
                    ("watching", 2),
                    ("Watching.", 1),
                    ("spectating", 2),
                    ("talking", 2),
                    ("2", 1),
                    ("two", 1),
                    ("the watching", 1),
                ]),
            ),
            (
                "what is",
                "picnic table",
                answers(&[
                    ("table", 3),
                    ("picnic table", 2),
                    ("a table", 1),
                    ("ramp", 1),
                    ("bench", 1),
                    ("desk", 1),
                    ("stage", 1),
                ]),
            ),
            ("what color are the", "black", answers(&[("white", 7), ("gray", 2), ("white and gray", 1)])),
        ];
        let questions: Vec<_> = sample
            .iter()
            .map(|(question_type, prediction, answers)| AnsweredQuestion {
                prediction,
                confidence: 1.0,
                answers,
                kind: Some("other"),
                question_type: Some(question_type),
            })
            .collect();
        let score = vqa(&questions);
        let close = |figure: Figure, value: f64| (figure.value - value).abs() < 1e-12;
        assert!(close(score.accuracy, 0.55) && close(score.by_kind["other"], 0.55), "{score:?}");
        for (question_type, expected) in
            [("none of the above", 1.0), ("what are the", 0.6), ("what is", 0.6), ("what color are the", 0.0)]
        {
            assert!(close(score.by_question_type[question_type], expected), "{question_type}: {score:?}");
        }
    }

    #[test]
    fn the_worst_type_is_surely_bad_and_not_just_seldom_asked() {
        let figures = |figures: &[(&str, usize, usize)]| {
            figures.iter().map(|&(name, hits, count)| (name.to_owned(), Figure::of(hits, count))).collect()
        };
        let found = worst(&figures(&[("seldom", 0, 1), ("count", 500, 1000), ("exist", 900, 1000)])).unwrap();
        assert_eq!((found.name.as_str(), found.accuracy.count), ("count", 1000));
        assert_eq!(worst(&BTreeMap::new()), None);
        let no = answers(&[("no", 1)]);
        let question = |kind, question_type| AnsweredQuestion {
            prediction: "yes",
            confidence: 1.0,
            answers: &no,
            kind: Some(kind),
            question_type,
        };
        assert_eq!(vqa(&[question("yes/no", Some("is the"))]).worst.unwrap().name, "is the");
        assert_eq!(vqa(&[question("yes/no", None)]).worst.unwrap().name, "yes/no");
    }
}
