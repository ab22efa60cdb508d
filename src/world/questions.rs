//! Questions with answers out of a closed list.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::asking::ask;
use super::description::{self, Description};
use super::dice::{Dice, Purpose, dice};
use super::form::{self, StatementPattern};
use super::kinds::{Attribute, Trait};
use super::part::{Part, held_out_traits};
use super::place::Direction;
use super::reference::{self, Found, Manner, Reference};
use super::scene::Scene;
use super::statement::Statement;
use super::voice::{Voice, capitalised};

/// A question as it is asked, its meaning and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub text: String,
    pub kind: QuestionKind,
    pub meaning: Meaning,
    pub answer: String,
}

/// What a question is about; figures are given per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QuestionKind {
    Exist,
    Count,
    Attribute,
    Compare,
    Relation,
    Logic,
}

impl QuestionKind {
    pub const ALL: [Self; 6] =
        [Self::Exist, Self::Count, Self::Attribute, Self::Compare, Self::Relation, Self::Logic];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exist => "exist",
            Self::Count => "count",
            Self::Attribute => "attribute",
            Self::Compare => "compare",
            Self::Relation => "relation",
            Self::Logic => "logic",
        }
    }
}

/// What a question asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Is it so?
    Whether(Statement),
    /// How many?
    Count(Description),
    CountBeside(Description, Direction, Description),
    CountWithout(Description, Trait),
    CountEither(Description, Description),
    /// Which colour, shape, size or pattern has the figure referred to?
    What(Attribute, Reference),
    /// Is the first on this side of the second, or on the opposite one?
    Side(Direction, Description, Description),
    /// Which of two figures, told apart by their shapes, is the bigger (or the smaller) one?
    Which {
        bigger: bool,
        a: Description,
        b: Description,
    },
    /// Which of two kinds, told apart by one attribute, are there more of?
    WhichMore(Description, Description),
}

impl Meaning {
    /// The answer; `None` where it is too close to call or presumes what isn't so.
    pub fn answer(&self, scene: &Scene) -> Option<String> {
        let number = |count: usize| (count <= 10).then(|| count.to_string());
        match self {
            Self::Whether(statement) => Some(if statement.holds(scene)? { "yes" } else { "no" }.to_owned()),
            Self::Count(what) => number(what.matches(scene).len()),
            Self::CountBeside(what, direction, anchor) => {
                let anchor = anchor.only(scene)?;
                let others = what.matches(scene).into_iter().filter(|&figure| figure != anchor);
                let verdicts: Option<Vec<bool>> =
                    others.map(|figure| scene.beside(figure, *direction, anchor)).collect();
                number(verdicts?.into_iter().filter(|there| *there).count())
            }
            Self::CountWithout(what, value) => {
                let all = what.matches(scene).len();
                (all > 0).then(|| all - what.with(*value).matches(scene).len()).and_then(number)
            }
            Self::CountEither(a, b) => number(a.matches(scene).len() + b.matches(scene).len()),
            Self::What(attribute, reference) => match reference.find(scene) {
                Found::One(figure) => Some(scene.figures[figure].kind.get(*attribute).word().to_owned()),
                Found::Nothing | Found::Unclear => None,
            },
            Self::Side(direction, a, b) => {
                let there = Statement::Beside(*a, *direction, *b).holds(scene)?;
                Some(if there { *direction } else { direction.opposite() }.word().to_owned())
            }
            Self::Which { bigger, a, b } => {
                let first = Statement::Bigger(*a, *b).holds(scene)? == *bigger;
                Some(if first { a } else { b }.get(Attribute::Shape)?.word().to_owned())
            }
            Self::WhichMore(a, b) => {
                let (first, second) = (a.matches(scene).len(), b.matches(scene).len());
                let more = if first > second { a } else { b };
                (first != second).then(|| more.traits().next()).flatten().map(|value| value.word().to_owned())
            }
        }
    }
}

/// The questions of a scene: one of each kind that the scene affords, and one or two more, in random order.
pub fn questions(scene: &Scene) -> Vec<Question> {
    let mut dice = dice(scene.seed, scene.index, scene.part, Purpose::Questions);
    let mut kinds = QuestionKind::ALL.to_vec();
    for _ in 0..dice.random_range(1..=2) {
        kinds.extend(QuestionKind::ALL.choose(&mut dice));
    }
    kinds.shuffle(&mut dice);
    let mut asked: Vec<Question> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        if let Some(question) = question(scene, kind, &mut dice)
            && asked.iter().all(|other| other.text != question.text)
        {
            asked.push(question);
        }
    }
    asked
}

fn question(scene: &Scene, kind: QuestionKind, dice: &mut Dice) -> Option<Question> {
    const TRIES: usize = 40;
    let meaning = (0..TRIES).find_map(|_| match (scene.part, kind) {
        (Part::HeldOut, QuestionKind::Exist) => held_out_pair(scene, dice),
        _ => meaning(scene, kind, dice),
    })?;
    let answer = meaning.answer(scene)?;
    let text = ask(&meaning, &mut Voice::new(scene.part, 0.2, dice));
    let text = addressed(text, dice);
    Some(Question { text, kind, meaning, answer })
}

/// How people begin when they speak to somebody.
const OPENINGS: &[&str] = &[
    "hey, ",
    "hi, ",
    "hi! ",
    "hello, ",
    "hmm, ",
    "ok, ",
    "ok so ",
    "so, ",
    "sorry, ",
    "please: ",
    "tell me, ",
    "tell me: ",
    "quick question: ",
    "question: ",
    "one more thing: ",
    "look closely: ",
    "looking at the picture, ",
    "in this picture, ",
    "in the image, ",
    "in this drawing, ",
    "just wondering, ",
];

/// As it is written: with or without an opening, a capital and a mark at the end.
fn addressed(text: String, dice: &mut Dice) -> String {
    let text = match OPENINGS.choose(dice) {
        Some(opening) if dice.random_bool(0.15) => format!("{opening}{text}"),
        _ => text,
    };
    let text = if dice.random_bool(0.75) { capitalised(&text) } else { text };
    if dice.random_bool(0.8) { text } else { text.trim_end_matches(['?', '.']).to_owned() }
}

fn meaning(scene: &Scene, kind: QuestionKind, dice: &mut Dice) -> Option<Meaning> {
    use StatementPattern as P;
    let whether = |patterns: &[P], dice: &mut Dice| {
        let pattern = *patterns.choose(dice)?;
        form::coin(scene, pattern, dice).map(|(statement, _)| Meaning::Whether(statement))
    };
    let share = dice.random_range(0..100);
    match kind {
        QuestionKind::Exist => whether(&[P::Exists], dice),
        QuestionKind::Count if share < 15 => whether(&[P::Exactly, P::AtLeast], dice),
        QuestionKind::Count => count(scene, dice),
        QuestionKind::Attribute if share < 15 => {
            let manners = [
                P::Has(Manner::Described),
                P::Has(Manner::Furthest),
                P::Has(Manner::BySize),
                P::Has(Manner::At),
                P::Has(Manner::Except),
            ];
            whether(&manners, dice)
        }
        QuestionKind::Attribute => {
            let manners = [
                Manner::Described,
                Manner::Described,
                Manner::Described,
                Manner::Furthest,
                Manner::BySize,
                Manner::At,
                Manner::Except,
            ];
            what(scene, *manners.choose(dice)?, dice)
        }
        QuestionKind::Compare if share < 12 => which(scene, dice),
        QuestionKind::Compare if share < 26 => which_more(scene, dice),
        QuestionKind::Compare => whether(&[P::More, P::AsMany, P::Same, P::Same, P::Bigger], dice),
        QuestionKind::Relation if share < 25 => side(scene, dice),
        QuestionKind::Relation if share < 60 => {
            let manner = *[Manner::Beside, Manner::Beside, Manner::Nearest, Manner::At].choose(dice)?;
            what(scene, manner, dice)
        }
        QuestionKind::Relation => whether(&[P::Beside, P::Beside, P::SomeBeside, P::At], dice),
        QuestionKind::Logic => whether(
            &[
                P::Both,
                P::Either,
                P::Without,
                P::Neither,
                P::Absent,
                P::Every,
                P::Every,
                P::NoneIs,
                P::NoneIs,
            ],
            dice,
        ),
    }
}

/// Asks whether a held-out pair is there, so that every held-out scene is asked about one.
fn held_out_pair(scene: &Scene, dice: &mut Dice) -> Option<Meaning> {
    let (traits, wanted) = (held_out_traits(dice), dice.random_bool(0.5));
    let what = traits.into_iter().fold(Description::default(), Description::with);
    let statement = Statement::Exists(what);
    (statement.holds(scene) == Some(wanted)).then_some(Meaning::Whether(statement))
}

/// Asks for a number, every number that the scene affords with equal chance.
fn count(scene: &Scene, dice: &mut Dice) -> Option<Meaning> {
    const PROPOSALS: usize = 40;
    let mut by_answer: BTreeMap<String, Vec<Meaning>> = BTreeMap::new();
    for _ in 0..PROPOSALS {
        if let Some(meaning) = propose_count(scene, dice)
            && let Some(answer) = meaning.answer(scene)
        {
            by_answer.entry(answer).or_default().push(meaning);
        }
    }
    let answers: Vec<Vec<Meaning>> = by_answer.into_values().collect();
    answers.choose(dice)?.choose(dice).copied()
}

fn propose_count(scene: &Scene, dice: &mut Dice) -> Option<Meaning> {
    let naming = description::attributes(dice, 1, 2);
    let what = description::present(scene, &naming, dice)?;
    let figure = scene.figures.choose(dice)?;
    Some(match dice.random_range(0..100) {
        0..45 => Meaning::Count(what),
        45..57 => Meaning::Count(description::absent(scene, &naming, dice)?),
        57..61 => Meaning::Count(Description::default()),
        61..78 => {
            let (anchor, _) = description::unique(scene, &description::attributes(dice, 1, 3), dice)?;
            let what = if dice.random_bool(0.4) { Description::default() } else { what };
            Meaning::CountBeside(what, *Direction::ALL.choose(dice)?, anchor)
        }
        78..90 => {
            let value = figure.kind.get(*Attribute::ALL.choose(dice)?);
            let what = Description::of(&figure.kind, &[naming[0]]);
            let what = if dice.random_bool(0.5) { Description::default() } else { what };
            let new = what.get(value.attribute()).is_none() && what.with(value).sayable(scene.part);
            new.then_some(Meaning::CountWithout(what, value))?
        }
        _ => {
            let attribute = *[Attribute::Colour, Attribute::Shape].choose(dice)?;
            let of = |dice: &mut Dice| description::present(scene, &[attribute], dice);
            let (a, b) = (of(dice)?, of(dice)?);
            (a != b).then_some(Meaning::CountEither(a, b))?
        }
    })
}

/// Asks for an attribute, every value that the scene affords with equal chance.
fn what(scene: &Scene, manner: Manner, dice: &mut Dice) -> Option<Meaning> {
    const PROPOSALS: usize = 24;
    let attribute = match dice.random_range(0..100) {
        0..34 => Attribute::Colour,
        34..64 => Attribute::Shape,
        64..84 => Attribute::Pattern,
        _ => Attribute::Extent,
    };
    if manner == Manner::BySize && attribute == Attribute::Extent {
        return None;
    }
    let mut by_answer: BTreeMap<String, Vec<Meaning>> = BTreeMap::new();
    for _ in 0..PROPOSALS {
        if let Some(reference) = reference::propose(scene, manner, Some(attribute), dice) {
            let meaning = Meaning::What(attribute, reference);
            if let Some(answer) = meaning.answer(scene) {
                by_answer.entry(answer).or_default().push(meaning);
            }
        }
    }
    let answers: Vec<Vec<Meaning>> = by_answer.into_values().collect();
    answers.choose(dice)?.choose(dice).copied()
}

fn side(scene: &Scene, dice: &mut Dice) -> Option<Meaning> {
    let (a, _) = description::unique(scene, &description::attributes(dice, 1, 3), dice)?;
    let (b, _) = description::unique(scene, &description::attributes(dice, 1, 3), dice)?;
    let meaning = Meaning::Side(*Direction::ALL.choose(dice)?, a, b);
    meaning.answer(scene).is_some().then_some(meaning)
}

fn which_more(scene: &Scene, dice: &mut Dice) -> Option<Meaning> {
    let attribute = *[Attribute::Shape, Attribute::Colour].choose(dice)?;
    let [a, b] = [(); 2].map(|()| description::present(scene, &[attribute], dice));
    let meaning = Meaning::WhichMore(a?, b?);
    meaning.answer(scene).is_some().then_some(meaning)
}

fn which(scene: &Scene, dice: &mut Dice) -> Option<Meaning> {
    let naming = *[&[Attribute::Shape][..], &[Attribute::Shape, Attribute::Colour]].choose(dice)?;
    let (a, _) = description::unique(scene, naming, dice)?;
    let (b, _) = description::unique(scene, naming, dice)?;
    let meaning = Meaning::Which { bigger: dice.random_bool(0.5), a, b };
    let apart = a.get(Attribute::Shape) != b.get(Attribute::Shape);
    (apart && meaning.answer(scene).is_some()).then_some(meaning)
}
