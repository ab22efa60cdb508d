//! Logits to answers: pure functions of what the fusion graph gave.

use crate::types::{Answer, Candidate, EntailmentScores, GroundingAnswer, Query, ScoredAnswer, VqaAnswer};

use crate::bundle::{Manifest, Temperatures};

use super::features::Seen;
use super::stage::Logits;

/// What of a bundle decides how its logits are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    /// In the order of the logits.
    pub answers: &'a [String],
    pub temperatures: Temperatures,
}

impl<'a> Reading<'a> {
    pub fn of(manifest: &'a Manifest) -> Self {
        Self { answers: &manifest.answers, temperatures: manifest.temperatures }
    }
}

/// The answer to a query, of the query's task.
pub(super) fn answer(query: &Query, logits: &Logits, picture: &Seen, reading: Reading) -> Answer {
    let Reading { answers, temperatures } = reading;
    match query {
        Query::Vqa { top_k, .. } => Answer::Vqa(vqa(&logits.vqa, answers, temperatures.vqa, *top_k)),
        Query::Entailment { .. } => {
            let scores = softmax(&logits.entailment, temperatures.entailment);
            Answer::Entailment(EntailmentScores::new(std::array::from_fn(|label| scores[label])))
        }
        Query::Grounding { top_k, .. } => Answer::Grounding(grounding(logits, picture, *top_k)),
        Query::Match { .. } => Answer::Match(match_probability(logits)),
    }
}

/// Probability that the text describes the picture.
pub(super) fn match_probability(logits: &Logits) -> f32 {
    1.0 / (1.0 + (-logits.matching).exp())
}

fn vqa(logits: &[f32], answers: &[String], temperature: f32, top_k: usize) -> VqaAnswer {
    let scores = softmax(logits, temperature);
    let best = falling(&scores).into_iter().take(top_k.max(1));
    let named =
        best.filter_map(|at| Some(ScoredAnswer { answer: answers.get(at)?.clone(), score: scores[at] }));
    VqaAnswer { answers: named.collect() }
}

fn grounding(logits: &Logits, picture: &Seen, top_k: usize) -> GroundingAnswer {
    let with_absent: Vec<f32> = logits.grounding.iter().copied().chain([logits.absent]).collect();
    let absent = softmax(&with_absent, 1.0)[logits.grounding.len()];
    let scores = softmax(&logits.grounding, 1.0);
    let candidates = falling(&scores).into_iter().take(top_k.max(1)).filter_map(|at| {
        let object = picture.objects().get(at)?;
        Some(Candidate { bbox: picture.pixel_box(object), score: scores[at], tags: object.tags.clone() })
    });
    GroundingAnswer { present: 1.0 - absent, candidates: candidates.collect() }
}

/// Indices by falling score, the earlier one first on a tie.
fn falling(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = logits.iter().map(|logit| ((logit - highest) / temperature).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.into_iter().map(|value| value / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::super::stage::VisualStates;
    use super::*;
    use crate::types::{Frame, Object, Size, Tags, UnitBox};

    fn logits() -> Logits {
        Logits {
            vqa: vec![0.0, 2.0, 1.0],
            entailment: [1.0, 0.0, 3.0],
            grounding: vec![0.0, 3_f32.ln()],
            absent: 4_f32.ln(),
            matching: 3_f32.ln(),
        }
    }

    /// A picture of 400 × 200 pixels with two objects side by side.
    fn picture() -> Seen {
        let object = |x1, class: &str| Object {
            bbox: UnitBox { x1, y1: 0.0, x2: x1 + 0.25, y2: 0.5 },
            tags: Tags { class: class.to_owned(), attributes: vec!["red".to_owned()] },
            score: 0.9,
        };
        let states = VisualStates { visual: vec![0.0; 4], coarse: vec![1.0], regions: 2 };
        let frame = Frame::new(Size { width: 400, height: 200 });
        Seen::new(frame, vec![object(0.0, "circle"), object(0.5, "square")], states)
    }

    fn reading(answers: &[String]) -> Reading<'_> {
        Reading { answers, temperatures: Temperatures { vqa: 1.0, entailment: 0.5 } }
    }

    fn asked(query: Query) -> Answer {
        let answers = ["no", "yes", "two"].map(str::to_owned);
        answer(&query, &logits(), &picture(), reading(&answers))
    }

    #[test]
    fn the_best_answers_come_first_and_no_more_than_asked_for() {
        let Answer::Vqa(answer) = asked(Query::Vqa { question: String::new(), top_k: 2 }) else { panic!() };
        let names: Vec<_> = answer.answers.iter().map(|scored| scored.answer.as_str()).collect();
        assert_eq!(names, ["yes", "two"]);
        let expected = 1.0 / (1.0 + (-1_f32).exp() + (-2_f32).exp());
        assert!((answer.answers[0].score - expected).abs() < 1e-6);
    }

    #[test]
    fn more_answers_than_there_are_give_all() {
        let Answer::Vqa(answer) = asked(Query::Vqa { question: String::new(), top_k: 20 }) else { panic!() };
        assert_eq!(answer.answers.len(), 3);
        let sum: f32 = answer.answers.iter().map(|scored| scored.score).sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }

    #[test]
    fn entailment_scores_keep_the_order_of_the_labels() {
        let Answer::Entailment(scores) = asked(Query::Entailment { hypothesis: String::new() }) else {
            panic!()
        };
        assert_eq!(scores.label(), crate::types::Entailment::Contradiction);
        assert!(scores.entailment > scores.neutral);
        let odds = scores.contradiction / scores.entailment;
        assert!((odds.ln() - 4.0).abs() < 1e-4, "logits two apart, at half the temperature");
    }

    #[test]
    fn absence_competes_with_the_objects_and_their_scores_are_among_themselves() {
        let query = Query::Grounding { expression: String::new(), top_k: 5 };
        let Answer::Grounding(answer) = asked(query) else { panic!() };
        assert!((answer.present - 0.5).abs() < 1e-6, "1 + 3 against 4");
        let scores: Vec<_> = answer.candidates.iter().map(|c| (c.tags.class.as_str(), c.score)).collect();
        assert_eq!(scores[0].0, "square");
        assert!((scores[0].1 - 0.75).abs() < 1e-6 && (scores[1].1 - 0.25).abs() < 1e-6);
        let bbox = answer.candidates[0].bbox;
        assert_eq!((bbox.x, bbox.y, bbox.width, bbox.height), (200.0, 0.0, 100.0, 200.0));
    }

    #[test]
    fn a_picture_without_objects_holds_nothing_that_is_referred_to_whatever_it_is_looked_at_by() {
        let states = VisualStates { visual: vec![0.0; 4], coarse: vec![1.0], regions: 2 };
        let empty = Seen::new(Frame::new(Size { width: 4, height: 4 }), Vec::new(), states);
        let logits = Logits { grounding: Vec::new(), ..logits() };
        let query = Query::Grounding { expression: String::new(), top_k: 1 };
        let Answer::Grounding(answer) = answer(&query, &logits, &empty, reading(&[])) else { panic!() };
        assert_eq!((answer.present, answer.candidates.len()), (0.0, 0));
    }

    #[test]
    fn the_match_is_a_probability() {
        let Answer::Match(probability) = asked(Query::Match { text: String::new() }) else { panic!() };
        assert!((probability - 0.75).abs() < 1e-6);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        assert_eq!(softmax(&[1e30, 0.0], 1.0), [1.0, 0.0]);
    }
}
