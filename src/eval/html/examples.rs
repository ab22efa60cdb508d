//! The records of an evaluation as examples.

use std::collections::HashMap;

use crate::data::{Entry, Expression, Hypothesis, Question};
use crate::eval::answers::Answers;
use crate::eval::part::Part;
use crate::eval::run::{Evaluation, count_objects};
use crate::score::{Detection, soft_accuracy};
use crate::score::{Ranking, Retrieved};
use crate::types::{Candidate, EntailmentScores, GroundingAnswer, ScoredAnswer};

use super::example::{Boxes, Example, standing};

const LONG: &str = "examples long";

/// Examples of the same kind.
pub(super) struct Group<'a> {
    pub title: &'static str,
    /// Of the element that holds them; `long` for those with much text.
    pub class: &'static str,
    pub examples: Vec<Example<'a>>,
}

/// Every record of a part with what was answered.
pub(super) fn examples<'a>(evaluation: &'a Evaluation<'_>, part: Part) -> Vec<Group<'a>> {
    if part == Part::Retrieval {
        return retrieved(evaluation);
    }
    let examples = evaluation.entries().flat_map(|(entry, answers)| about(entry, answers, part));
    vec![Group { title: "Examples", class: "examples", examples: examples.collect() }]
}

fn about<'a>(entry: &'a Entry, answers: &Answers, part: Part) -> Vec<Example<'a>> {
    match part {
        Part::Vqa => {
            let asked = entry.vqa.iter().zip(&answers.vqa);
            let known = asked.filter(|(question, _)| !question.answers.is_empty());
            known.map(|(question, given)| answered(entry, question, given)).collect()
        }
        Part::Entailment => {
            let judged = entry.entailment.iter().zip(&answers.entailment);
            judged.map(|(hypothesis, scores)| judged_as(entry, hypothesis, scores)).collect()
        }
        Part::Grounding => {
            let placed = entry.referring.iter().zip(&answers.grounding);
            placed.map(|(expression, found)| grounded(entry, expression, found)).collect()
        }
        Part::Detection => detected(entry, answers).into_iter().collect(),
        // Rankings of everything, and probabilities of pairs: no answers about one picture.
        Part::Retrieval | Part::Association => Vec::new(),
    }
}

fn answered<'a>(entry: &'a Entry, question: &'a Question, given: &ScoredAnswer) -> Example<'a> {
    let right = soft_accuracy(&given.answer, &question.answers);
    Example {
        entry,
        text: Some(&question.question),
        truth: vec![agreed(&question.answers)],
        given: vec![format!("{} ({})", given.answer, percent(given.score))],
        standing: standing(right, given.score),
        boxes: Boxes::default(),
        pictures: Vec::new(),
    }
}

fn judged_as<'a>(entry: &'a Entry, hypothesis: &'a Hypothesis, scores: &EntailmentScores) -> Example<'a> {
    let (label, confidence) = (scores.label(), scores.of(scores.label()));
    Example {
        entry,
        text: Some(&hypothesis.hypothesis),
        truth: vec![hypothesis.label.to_string()],
        given: vec![format!("{label} ({})", percent(confidence))],
        standing: standing(f64::from(u8::from(label == hypothesis.label)), confidence),
        boxes: Boxes::default(),
        pictures: Vec::new(),
    }
}

fn grounded<'a>(entry: &'a Entry, expression: &'a Expression, found: &GroundingAnswer) -> Example<'a> {
    let best = found.candidates.first();
    let present = format!("{} that it is there", percent(found.present));
    let (truth, standing) = match &expression.bbox {
        Some(truth) => {
            let overlap = best.map_or(0.0, |best| best.bbox.iou(truth));
            ("there".to_owned(), standing(f64::from(overlap), best.map_or(1.0, |best| best.score)))
        }
        None => ("not in the picture".to_owned(), 1.0 - 2.0 * f64::from(found.present)),
    };
    let given = match (best, &expression.bbox) {
        (Some(best), Some(truth)) => {
            format!("{}, IoU {:.2}, {present}", named(best), best.bbox.iou(truth))
        }
        (Some(best), None) => format!("{}, {present}", named(best)),
        (None, _) => format!("no object, {present}"),
    };
    let boxes = Boxes {
        truth: expression.bbox.into_iter().collect(),
        found: best.map(|best| best.bbox).into_iter().collect(),
    };
    Example {
        entry,
        text: Some(&expression.expression),
        truth: vec![truth],
        given: vec![given],
        standing,
        boxes,
        pictures: Vec::new(),
    }
}

/// None where nobody labelled the picture's objects.
fn detected<'a>(entry: &'a Entry, answers: &Answers) -> Option<Example<'a>> {
    let labelled = entry.objects.as_ref()?;
    let mut counted = Detection::default();
    count_objects(&mut counted, entry, answers);
    let score = counted.score();
    let sum = score.recall.value + score.precision.value;
    let f1 = if sum > 0.0 { 2.0 * score.recall.value * score.precision.value / sum } else { 0.0 };
    Some(Example {
        entry,
        text: None,
        truth: vec![format!("{} objects", labelled.len())],
        given: vec![format!("{} found, F1 {f1:.2}", answers.objects.len())],
        standing: standing(f1, 1.0),
        boxes: Boxes {
            truth: labelled.iter().map(|object| object.bbox).collect(),
            found: answers.objects.iter().map(|(bbox, _)| *bbox).collect(),
        },
        pictures: Vec::new(),
    })
}

/// Each picture with the texts retrieved for it, and each text with the pictures.
fn retrieved<'a>(evaluation: &'a Evaluation<'_>) -> Vec<Group<'a>> {
    let Some((pictures, rankings)) = evaluation.retrieved() else { return Vec::new() };
    let captions = pictures.iter().flat_map(|&entry| entry.captions.iter().map(move |text| (entry, text)));
    let captions: Vec<(&Entry, &String)> = captions.collect();
    let with_texts = pictures.iter().zip(&rankings.texts).map(|(&entry, ranking)| {
        let told = |found: &Retrieved| Some(format!("{} {}", verdict(found), captions.get(found.item)?.1));
        Example {
            entry,
            text: None,
            truth: entry.captions.clone(),
            given: ranking.first.iter().filter_map(told).chain([place(ranking)]).collect(),
            standing: f64::from(ranking.lead),
            boxes: Boxes::default(),
            pictures: Vec::new(),
        }
    });
    let with_pictures = captions.iter().zip(&rankings.pictures).map(|(&(entry, text), ranking)| Example {
        entry,
        text: Some(text),
        truth: vec!["the picture above".to_owned()],
        given: vec!["those in the row".to_owned(), place(ranking)],
        standing: f64::from(ranking.lead),
        boxes: Boxes::default(),
        pictures: ranking
            .first
            .iter()
            .filter_map(|found| Some((*pictures.get(found.item)?, verdict(found))))
            .collect(),
    });
    vec![
        Group { title: "Texts for a picture", class: LONG, examples: with_texts.collect() },
        Group { title: "Pictures for a text", class: LONG, examples: with_pictures.collect() },
    ]
}

fn verdict(found: &Retrieved) -> String {
    format!("{} {}", if found.right { '✓' } else { '✗' }, percent(found.score))
}

/// Where the right one came.
fn place(ranking: &Ranking) -> String {
    match ranking.rank {
        Some(rank) => format!("right one in place {}", rank + 1),
        None => "right one not among the candidates".to_owned(),
    }
}

/// The answers of the annotators, the most frequent first, with how many gave each.
fn agreed(answers: &[String]) -> String {
    let mut counts = HashMap::<&str, usize>::new();
    answers.iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let told = counts.into_iter().map(|(answer, count)| match count {
        1 => answer.to_owned(),
        _ => format!("{answer} ×{count}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

fn named(candidate: &Candidate) -> String {
    candidate.tags.words().collect::<Vec<_>>().join(" ")
}

fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing;
    use crate::score::Shortlist;
    use crate::types::{PixelBox, Tags};

    const TRUE_BOX: PixelBox = PixelBox { x: 1.0, y: 1.0, width: 4.0, height: 2.0 };

    fn grounding(bbox: Option<PixelBox>, present: f32) -> (String, f64) {
        let entry = testing::entry(&[]);
        let expression = Expression { expression: "the red one".to_owned(), bbox, kind: None };
        let tags = Tags { class: "circle".to_owned(), attributes: vec!["red".to_owned()] };
        let best = Candidate { bbox: PixelBox { width: 2.0, ..TRUE_BOX }, score: 0.5, tags };
        let example = grounded(&entry, &expression, &GroundingAnswer { present, candidates: vec![best] });
        (example.given.concat(), example.standing)
    }

    #[test]
    fn annotators_are_told_by_how_many_agree() {
        let answers = ["red", "gray", "red", "dark"].map(str::to_owned);
        assert_eq!(agreed(&answers), "red ×2, dark, gray");
    }

    #[test]
    fn unanswered_questions_are_no_examples() {
        let entry = testing::entry(&[(Some(1), &["red"]), (Some(2), &[])]);
        let pictures = [&entry];
        let evaluation = testing::evaluation(&pictures, &["red", "blue"]);
        let shown = examples(&evaluation, Part::Vqa).remove(0).examples;
        assert_eq!(shown.len(), 1);
        assert_eq!((shown[0].given[0].as_str(), shown[0].standing), ("red (50 %)", 0.5));
    }

    #[test]
    fn what_was_retrieved_stands_beside_what_was_meant() {
        let captioned = |name: &str, captions: &[&str]| Entry {
            name: name.to_owned(),
            captions: captions.iter().map(ToString::to_string).collect(),
            ..testing::entry(&[])
        };
        let entries = [captioned("a.png", &["a dog", "a hound"]), captioned("b.png", &["a cat"])];
        let pictures: Vec<&Entry> = entries.iter().collect();
        let texts = [vec![vec![1.0], vec![1.0]], vec![vec![1.0]]];
        let shortlist = Shortlist::new(&[vec![1.0], vec![1.0]], &texts);
        let ranked = shortlist.rank(&[vec![0.2, 0.7, 0.4], vec![0.1, 0.1, 0.3]]);
        let answers = vec![Answers::default(); 2];
        let evaluation = Evaluation::of(&pictures, answers, &[Part::Retrieval], Some(ranked));
        let [texts, pictures] = <[Group; 2]>::try_from(examples(&evaluation, Part::Retrieval)).ok().unwrap();
        assert_eq!(texts.examples[0].truth, ["a dog", "a hound"]);
        let given = ["✓ 70 % a hound", "✗ 40 % a cat", "✓ 20 % a dog", "right one in place 1"];
        assert_eq!(texts.examples[0].given, given);
        let cat = &pictures.examples[2];
        assert_eq!((cat.text, cat.entry.name.as_str()), (Some("a cat"), "b.png"));
        let shown: Vec<_> =
            cat.pictures.iter().map(|(entry, told)| (entry.name.as_str(), told.as_str())).collect();
        assert_eq!(shown, [("a.png", "✗ 40 %"), ("b.png", "✓ 30 %")]);
        assert_eq!(cat.given.last().unwrap(), "right one in place 2");
        assert!((cat.standing + 0.1).abs() < 1e-6);
    }

    #[test]
    fn an_expression_is_judged_by_its_overlap_and_one_about_nothing_by_its_presence() {
        let (given, standing) = grounding(Some(TRUE_BOX), 0.9);
        assert_eq!(given, "red circle, IoU 0.50, 90 % that it is there");
        assert!(standing.abs() < 1e-6, "half an overlap is neither right nor wrong");
        let (given, standing) = grounding(None, 0.75);
        assert_eq!((given.as_str(), standing), ("red circle, 75 % that it is there", -0.5));
    }

    #[test]
    fn a_picture_whose_objects_nobody_labelled_is_no_example_of_detection() {
        let mut entry = testing::entry(&[]);
        let answers = Answers { objects: vec![(TRUE_BOX, Tags::default())], ..Answers::default() };
        assert!(detected(&entry, &answers).is_none());
        entry.objects = Some(vec![crate::data::LabelledObject { bbox: TRUE_BOX, tags: Tags::default() }]);
        let example = detected(&entry, &answers).unwrap();
        assert_eq!((example.given[0].as_str(), example.standing), ("1 found, F1 1.00", 1.0));
    }
}
