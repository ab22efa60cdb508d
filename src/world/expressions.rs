//! Referring expressions: phrases that point at one figure, and some that point at nothing in the picture.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::description::{self, Description};
use super::dice::{Dice, Purpose, dice};
use super::kinds::{Attribute, Trait};
use super::part::Part;
use super::reference::{self, Found, Manner, Reference};
use super::scene::Scene;
use super::voice::{Voice, capitalised};

/// A phrase and the figure it points at, if any.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub text: String,
    pub meaning: Reference,
    pub figure: Option<usize>,
}

/// The expressions of a scene: three or four, a fifth of them pointing at nothing.
pub fn expressions(scene: &Scene) -> Vec<Expression> {
    const TRIES: usize = 400;
    let mut dice = dice(scene.seed, scene.index, scene.part, Purpose::Expressions);
    let count = dice.random_range(3..=4);
    let mut said: Vec<Expression> = Vec::with_capacity(count);
    for _ in 0..count {
        // Every held-out scene is asked to find a held-out pair, in the plainest way.
        let plain = scene.part == Part::HeldOut && said.is_empty();
        let manner = if plain { Manner::Described } else { manner(&mut dice) };
        let vain = dice.random_bool(0.2);
        let found = (0..TRIES).find_map(|tried| {
            // Not every scene affords every manner.
            let manner = if tried < TRIES / 2 { manner } else { Manner::Described };
            let (meaning, figure) =
                if vain { missing(scene, manner, &mut dice) } else { present(scene, manner, &mut dice) }?;
            let fresh =
                (!plain || meaning.what().holds_out()) && said.iter().all(|other| other.meaning != meaning);
            fresh.then_some((meaning, figure))
        });
        if let Some((meaning, figure)) = found {
            let text = phrase(&meaning, scene, &mut dice);
            said.push(Expression { text, meaning, figure });
        }
    }
    said
}

fn manner(dice: &mut Dice) -> Manner {
    match dice.random_range(0..100) {
        0..36 => Manner::Described,
        36..56 => Manner::Beside,
        56..63 => Manner::Nearest,
        63..74 => Manner::Furthest,
        74..80 => Manner::Ranked,
        80..87 => Manner::BySize,
        87..95 => Manner::At,
        _ => Manner::Except,
    }
}

fn present(scene: &Scene, manner: Manner, dice: &mut Dice) -> Option<(Reference, Option<usize>)> {
    let reference = reference::propose(scene, manner, None, dice)?;
    match reference.find(scene) {
        Found::One(figure) => Some((reference, Some(figure))),
        Found::Nothing | Found::Unclear => None,
    }
}

/// A near miss: a phrase of the same make with one trait changed, or with the figure on the other side of its anchor.
fn missing(scene: &Scene, manner: Manner, dice: &mut Dice) -> Option<(Reference, Option<usize>)> {
    let reference = reference::propose(scene, manner, None, dice)?;
    let reference = match reference {
        Reference::Beside { .. } if dice.random_bool(0.5) => reference,
        _ => reference.about(changed(reference.what(), dice)?),
    };
    let joined = match reference {
        Reference::Except { what, value } => what.with(value),
        other => *other.what(),
    };
    let usable = joined.sayable(scene.part)
        && reference.what().sayable(scene.part)
        && reference.what().traits().next().is_some()
        && reference.find(scene) == Found::Nothing;
    usable.then_some((reference, None))
}

fn changed(what: &Description, dice: &mut Dice) -> Option<Description> {
    let named: Vec<Attribute> = what.traits().map(Trait::attribute).collect();
    let value = *Trait::all(*named.choose(dice)?).choose(dice)?;
    Some(what.with(value)).filter(description::imaginable)
}

/// How people ask for something to be pointed at.
const REQUESTS: &[&str] = &[
    "find {}",
    "find me {}",
    "point to {}",
    "point at {}",
    "show me {}",
    "select {}",
    "pick {}",
    "click on {}",
    "locate {}",
    "mark {}",
    "highlight {}",
    "look for {}",
    "put a box around {}",
    "draw a box around {}",
    "where is {}?",
    "where's {}?",
    "which one is {}?",
    "can you find {}?",
    "could you find {}?",
    "i mean {}",
    "i'm looking for {}",
    "give me {}",
    "{}, please",
    "{} please",
];

/// With or without the article, alone or as a request, as people write.
fn phrase(meaning: &Reference, scene: &Scene, dice: &mut Dice) -> String {
    let (bare, asked) = (dice.random_bool(0.35), dice.random_bool(0.35));
    let mut voice = Voice::new(scene.part, 0.2, dice);
    voice.ones = true;
    let text = voice.refer(meaning);
    let text = match text.strip_prefix("the ") {
        Some(rest) if bare && !asked => rest.to_owned(),
        _ => text,
    };
    let text = match REQUESTS.choose(dice) {
        Some(request) if asked => request.replace("{}", &text),
        _ => text,
    };
    let text = if dice.random_bool(0.3) { capitalised(&text) } else { text };
    if dice.random_bool(0.15) && !text.ends_with('?') { format!("{text}.") } else { text }
}
