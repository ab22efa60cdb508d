//! Holds the corpus against shortcuts: what can be answered without looking at the picture.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::types::Entailment;

use super::captions::captions;
use super::description::Description;
use super::expressions::expressions;
use super::hypotheses::hypotheses;
use super::part::Part;
use super::questions::{Question, QuestionKind, questions};
use super::scene::Scene;

const SCENES: u64 = 800;

fn scenes() -> impl Iterator<Item = Scene> {
    (0..SCENES).map(|index| Scene::new(97, index, Part::Normal))
}

fn share<T>(items: &[T], counted: impl Fn(&T) -> bool) -> f64 {
    items.iter().filter(|item| counted(item)).count() as f64 / items.len() as f64
}

/// Accuracy of naive Bayes over words and word pairs, trained on every other text and asked about the rest.
fn text_only(items: &[(String, bool)]) -> f64 {
    let features = |text: &str| -> BTreeSet<String> {
        let lower = text.to_lowercase();
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let pairs = words.windows(2).map(|pair| pair.join(" "));
        words.iter().map(|word| (*word).to_owned()).chain(pairs).collect()
    };
    let mut seen: HashMap<String, [f64; 2]> = HashMap::new();
    for (text, label) in items.iter().step_by(2) {
        for feature in features(text) {
            seen.entry(feature).or_default()[usize::from(*label)] += 1.0;
        }
    }
    let asked = items.iter().skip(1).step_by(2);
    let right = asked.clone().filter(|(text, label)| {
        let score: f64 = features(text)
            .iter()
            .filter_map(|feature| seen.get(feature))
            .map(|[no, yes]| ((yes + 1.0) / (no + 1.0)).ln())
            .sum();
        (score > 0.0) == *label
    });
    right.count() as f64 / asked.count() as f64
}

#[test]
fn yes_and_no_are_even_and_words_do_not_give_them_away() {
    let all: Vec<Question> = scenes().flat_map(|scene| questions(&scene)).collect();
    for kind in QuestionKind::ALL {
        let binary: Vec<(String, bool)> = all
            .iter()
            .filter(|question| question.kind == kind && ["yes", "no"].contains(&question.answer.as_str()))
            .map(|question| (question.text.clone(), question.answer == "yes"))
            .collect();
        let yes = share(&binary, |(_, yes)| *yes);
        let spread = 2.0 / (binary.len() as f64).sqrt();
        assert!((yes - 0.5).abs() < 0.02 + spread, "{kind:?}: {yes:.3} yes of {}", binary.len());
        let guessed = text_only(&binary);
        assert!(guessed < 0.55 + spread, "{kind:?}: {guessed:.3} by text alone");
    }
}

#[test]
fn no_number_colour_or_shape_dominates_the_answers() {
    let all: Vec<Question> = scenes().flat_map(|scene| questions(&scene)).collect();
    let of = |kind: QuestionKind| -> Vec<&str> {
        let of_kind =
            all.iter().filter(|question| question.kind == kind).map(|question| question.answer.as_str());
        of_kind.filter(|answer| !["yes", "no"].contains(answer)).collect()
    };
    for (kind, most) in
        [(QuestionKind::Count, 0.24), (QuestionKind::Attribute, 0.16), (QuestionKind::Relation, 0.20)]
    {
        let answers = of(kind);
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        answers.iter().for_each(|answer| *counted.entry(answer).or_default() += 1);
        let (answer, count) = counted.into_iter().max_by_key(|(_, count)| *count).unwrap();
        let share = count as f64 / answers.len() as f64;
        assert!(share < most, "{kind:?}: {answer} makes up {share:.3}");
    }
    let answers: BTreeSet<&str> = all.iter().map(|question| question.answer.as_str()).collect();
    assert!((40..=48).contains(&answers.len()), "{} answers", answers.len());
}

#[test]
fn every_scene_has_all_kinds_of_texts() {
    let (mut asked, mut count) = (0, 0);
    for scene in scenes() {
        let questions = questions(&scene).len();
        // One or two figures give less to talk about.
        let few = scene.figures.len() < 3;
        assert!((if few { 1 } else { 4 }..=8).contains(&questions), "{questions} questions");
        assert!((1..=3).contains(&captions(&scene).len()));
        assert!(expressions(&scene).len() >= if few { 1 } else { 2 }, "scene {}", scene.index);
        asked += questions;
        count += 1;
    }
    assert!(asked as f64 / f64::from(count) > 7.0);
}

#[test]
fn labels_are_thirds_and_words_do_not_tell_truth_from_falsehood() {
    let all: Vec<(String, Entailment)> = scenes()
        .flat_map(|scene| hypotheses(&scene))
        .map(|hypothesis| (hypothesis.text, hypothesis.claim.label()))
        .collect();
    for label in Entailment::ALL {
        let share = share(&all, |(_, of)| *of == label);
        assert!((share - 1.0 / 3.0).abs() < 0.01, "{label}: {share:.3}");
    }
    let decided: Vec<(String, bool)> = all
        .iter()
        .filter(|(_, label)| *label != Entailment::Neutral)
        .map(|(text, label)| (text.clone(), *label == Entailment::Entailment))
        .collect();
    let guessed = text_only(&decided);
    assert!(guessed < 0.57, "{guessed:.3} by text alone");
}

#[test]
fn a_fifth_of_the_expressions_points_at_nothing() {
    let all: Vec<bool> = scenes()
        .flat_map(|scene| expressions(&scene))
        .map(|expression| expression.figure.is_none())
        .collect();
    let share = share(&all, |nothing| *nothing);
    assert!((0.16..0.24).contains(&share), "{share:.3}");
}

#[test]
fn most_captions_fit_their_own_scene_only() {
    let scenes: Vec<Scene> = scenes().take(500).collect();
    let describes =
        |facts: &[Description], scene: &Scene| facts.iter().all(|what| !what.matches(scene).is_empty());
    let mut single = Vec::new();
    for scene in &scenes {
        for caption in captions(scene) {
            let what = caption.descriptions();
            single.push(scenes.iter().filter(|other| describes(&what, other)).count() == 1);
        }
    }
    let share = share(&single, |single| *single);
    assert!(share > 0.93, "{share:.3} of the captions tell their scene from 500 by what they name alone");
}

#[test]
fn held_out_texts_use_no_word_that_training_has_not_seen() {
    let words = |part: Part, count: u64| -> BTreeSet<String> {
        let texts = (0..count).map(|index| Scene::new(3, index, part)).flat_map(|scene| {
            let captions = captions(&scene).into_iter().map(|caption| caption.text);
            let questions = questions(&scene).into_iter().map(|question| question.text);
            let hypotheses = hypotheses(&scene).into_iter().map(|hypothesis| hypothesis.text);
            let expressions = expressions(&scene).into_iter().map(|expression| expression.text);
            captions.chain(questions).chain(hypotheses).chain(expressions).collect::<Vec<_>>()
        });
        let word = |token: &str| token.trim_matches(['.', ',', ';', '?', ':', '!', '-']).to_lowercase();
        texts.flat_map(|text| text.split_whitespace().map(word).collect::<Vec<_>>()).collect()
    };
    let trained = words(Part::Normal, SCENES * 4);
    let held_out = words(Part::HeldOut, SCENES / 2);
    let unknown: Vec<&String> = held_out.difference(&trained).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
