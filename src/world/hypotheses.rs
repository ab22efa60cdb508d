//! Hypotheses about a picture: what it shows, what it contradicts, and what nobody can tell from it.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::types::Entailment;

use super::description::{self, Description};
use super::dice::{Dice, Purpose, dice};
use super::form::{self, StatementPattern};
use super::kinds::{Attribute, Trait};
use super::place::Direction;
use super::reference::Manner;
use super::scene::Scene;
use super::statement::Statement;
use super::unknowable;
use super::voice::{Phrasings, Slots, Voice, capitalised};

/// A hypothesis and its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    pub text: String,
    pub claim: Claim,
}

/// What a hypothesis says.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    Decided(Statement, bool),
    /// The figures spoken of are in the picture; what is said of them can't be seen.
    Unknowable(Vec<Description>),
}

impl Claim {
    pub fn label(&self) -> Entailment {
        match self {
            Self::Decided(_, true) => Entailment::Entailment,
            Self::Decided(_, false) => Entailment::Contradiction,
            Self::Unknowable(_) => Entailment::Neutral,
        }
    }
}

/// The hypotheses of a scene: one of each label, in random order.
pub fn hypotheses(scene: &Scene) -> Vec<Hypothesis> {
    let mut dice = dice(scene.seed, scene.index, scene.part, Purpose::Hypotheses);
    let mut labels = Entailment::ALL;
    labels.shuffle(&mut dice);
    labels.into_iter().filter_map(|label| hypothesis(scene, label, &mut dice)).collect()
}

fn hypothesis(scene: &Scene, label: Entailment, dice: &mut Dice) -> Option<Hypothesis> {
    const TRIES: usize = 500;
    let (text, claim) = match label {
        Entailment::Neutral => (0..TRIES).find_map(|_| neutral(scene, dice))?,
        Entailment::Entailment | Entailment::Contradiction => {
            let wanted = label == Entailment::Entailment;
            let statement = (0..TRIES).find_map(|_| {
                let pattern = *PATTERNS.choose(dice)?;
                form::either(scene, pattern, wanted, dice)
            })?;
            let mut voice = Voice::new(scene.part, 0.2, dice);
            (voice.say(&phrasings(&statement), &statement.slots()), Claim::Decided(statement, wanted))
        }
    };
    let text = if dice.random_bool(0.85) { capitalised(&text) } else { text };
    let text = if dice.random_bool(0.85) { format!("{text}.") } else { text };
    Some(Hypothesis { text, claim })
}

const PATTERNS: [StatementPattern; 20] = {
    use StatementPattern as P;
    [
        P::Exists,
        P::Exists,
        P::Absent,
        P::At,
        P::Exactly,
        P::AtLeast,
        P::More,
        P::AsMany,
        P::Same,
        P::Bigger,
        P::Beside,
        P::Beside,
        P::SomeBeside,
        P::Both,
        P::Without,
        P::Neither,
        P::Every,
        P::NoneIs,
        P::Has(Manner::Described),
        P::Has(Manner::Furthest),
    ]
};

/// Something about figures that are there which no picture tells.
fn neutral(scene: &Scene, dice: &mut Dice) -> Option<(String, Claim)> {
    let (first, a) = description::unique(scene, &description::attributes(dice, 1, 3), dice)?;
    let (second, b) = description::unique(scene, &description::attributes(dice, 1, 3), dice)?;
    let attribute = *[Attribute::Colour, Attribute::Pattern, Attribute::Extent].choose(dice)?;
    let value = *Trait::all(attribute).choose(dice)?;
    let direction = *Direction::ALL.choose(dice)?;
    // What was, will be or is elsewhere must differ from what can be seen, or "it used to be red" would deny a red figure; and
    // an overlap would tell which figure was drawn first.
    let [first_box, second_box] = [a, b].map(|figure| scene.figures[figure].bbox());
    let open = a != b
        && first.get(attribute).is_none()
        && first.with(value).sayable(scene.part)
        && scene.figures[a].kind.get(attribute) != value
        && scene.beside(a, direction, b) == Some(false)
        && first_box.iou(&second_box) == 0.0;
    if !open {
        return None;
    }
    let slots = Slots {
        value: Some(value),
        direction: Some(direction),
        lists: unknowable::LISTS,
        ..Slots::nouns(&[first, second])
    };
    let text = Voice::new(scene.part, 0.2, dice).say(&unknowable::PHRASINGS, &slots);
    Some((text, Claim::Unknowable(vec![first, second])))
}

fn phrasings(statement: &Statement) -> Phrasings {
    match statement {
        Statement::Exists(_) => Phrasings {
            trained: &[
                "there is {a 0}",
                "there is {a 0} in the picture",
                "the picture shows {a 0}",
                "{a 0} can be seen",
                "someone drew {a 0}",
                "the artist put {a 0} on the page",
                "you can see {a 0}",
                "one of the shapes is {a 0}",
                "one of the things here is {a 0}",
                "i can see {a 0}",
                "i see {a 0} in this drawing",
                "we see {a 0}",
                "there's {a 0} here",
                "at least one {0} is in the picture",
                "{a 0} appears in the drawing",
                "the drawing has {a 0} in it",
                "they drew {a 0}",
                "somewhere in the image there is {a 0}",
            ],
            held_out: &["the artist drew {a 0}", "you can see {a 0} in the picture"],
        },
        Statement::Absent(_) => Phrasings {
            trained: &[
                "there is no {0}",
                "there are no {s 0}",
                "there are no {s 0} in the picture",
                "there isn't {a 0}",
                "i don't see any {s 0}",
                "i can't find {a 0}",
                "no {s 0} can be seen",
                "no {s 0} are visible",
                "nobody drew {a 0} here",
                "they did not draw {a 0}",
                "the picture doesn't have any {s 0}",
                "not a single {0} is in the picture",
            ],
            held_out: &["the drawing does not have any {s 0}"],
        },
        Statement::At(..) => Phrasings {
            trained: &[
                "{the 0} is {place}",
                "{the 0} is {place}",
                "{the 0} lies {place}",
                "{place} there is {the 0}",
                "they put {the 0} {place}",
                "we can see {the 0} {place}",
                "you'll find {the 0} {place}",
            ],
            held_out: &["the artist put {the 0} {place}"],
        },
        Statement::Exactly(..) => Phrasings {
            trained: &[
                "there {be} exactly {n 0}",
                "the picture has exactly {n 0}",
                "exactly {n 0} can be seen",
                "someone drew exactly {n 0}",
                "there {be} {n 0}, no more and no fewer",
                "i count exactly {n 0}",
                "i count {n 0}",
                "the number of {s 0} is {num}",
                "if you count the {s 0} you get {num}",
                "there {be} just {n 0}",
                "in all there {be} {n 0}",
            ],
            held_out: &["the artist drew exactly {n 0}"],
        },
        Statement::AtLeast(..) => Phrasings {
            trained: &[
                "there are at least {n 0}",
                "the picture shows {n 0} or more",
                "the painter made at least {n 0}",
                "there are {n 0} or more",
                "i can count at least {n 0}",
                "no fewer than {n 0} are there",
            ],
            held_out: &["at least {n 0} can be seen"],
        },
        Statement::More(..) => Phrasings {
            trained: &[
                "there are more {s 0} than {s 1}",
                "there are fewer {s 1} than {s 0}",
                "the picture has more {s 0} than {s 1}",
                "the artist drew more {s 0} than {s 1}",
                "they drew fewer {s 1} than {s 0}",
                "i see more {s 0} than {s 1}",
                "the {s 0} outnumber the {s 1}",
            ],
            held_out: &["you can see more {s 0} than {s 1}"],
        },
        Statement::AsMany(..) => Phrasings {
            trained: &[
                "there are as many {s 0} as {s 1}",
                "the number of {s 0} is the same as the number of {s 1}",
                "there is the same number of {s 0} and {s 1}",
                "there are just as many {s 0} as {s 1}",
                "the picture has equally many {s 0} and {s 1}",
            ],
            held_out: &["the picture has as many {s 0} as {s 1}"],
        },
        Statement::Same(..) => Phrasings {
            trained: &[
                "{the 0} has the same {attr} as {the 1}",
                "{the 0} and {the 1} have the same {attr}",
                "{the 0} and {the 1} share their {attr}",
                "{the 0} matches {the 1} in {attr}",
                "the {attr} of {the 0} is the same as that of {the 1}",
            ],
            held_out: &["{the 0} and {the 1} are the same {attr}"],
        },
        Statement::Bigger(..) => Phrasings {
            trained: &[
                "{the 0} is bigger than {the 1}",
                "{the 0} is larger than {the 1}",
                "{the 1} is smaller than {the 0}",
                "someone drew {the 0} bigger than {the 1}",
                "{the 1} was drawn smaller than {the 0}",
                "compared to {the 1}, {the 0} is bigger",
            ],
            held_out: &["the artist made {the 0} larger than {the 1}"],
        },
        Statement::Beside(..) => Phrasings {
            trained: &[
                "{the 0} is {dir} {the 1}",
                "{the 0} is {dir} {the 1}",
                "{the 0} lies {dir} {the 1}",
                "the artist put {the 0} {dir} {the 1}",
                "{the 0} can be seen {dir} {the 1}",
                "we can see that {the 0} is {dir} {the 1}",
                "{the 0} was drawn {dir} {the 1}",
                "you'll find {the 0} {dir} {the 1}",
                "{the 0} sits {dir} {the 1}",
            ],
            held_out: &["someone drew {the 0} {dir} {the 1}"],
        },
        Statement::SomeBeside(..) => Phrasings {
            trained: &[
                "there is {a 0} {dir} {the 1}",
                "{a 0} lies {dir} {the 1}",
                "someone drew {a 0} {dir} {the 1}",
                "{dir} {the 1} there is {a 0}",
                "i see {a 0} {dir} {the 1}",
            ],
            held_out: &["the picture shows {a 0} {dir} {the 1}"],
        },
        Statement::Both(..) | Statement::Either(..) => Phrasings {
            trained: &[
                "there is {a 0} and {a 1}",
                "the picture contains both {a 0} and {a 1}",
                "the painter drew {a 0} as well as {a 1}",
                "there is {a 0} and also {a 1}",
                "they drew {a 0} and {a 1}",
                "the picture has {a 0} and {a 1}",
            ],
            held_out: &["you can see both {a 0} and {a 1}"],
        },
        Statement::Without(..) => Phrasings {
            trained: &[
                "there is {a 0} but no {1}",
                "the picture contains {a 0} but not {a 1}",
                "someone drew {a 0} but no {s 1}",
                "i see {a 0} but no {s 1}",
                "it has {a 0} and no {1}",
            ],
            held_out: &["you can see {a 0} but no {1}"],
        },
        Statement::Neither(..) => Phrasings {
            trained: &[
                "there is neither {a 0} nor {a 1}",
                "the picture contains neither {s 0} nor {s 1}",
                "the artist drew neither {a 0} nor {a 1}",
                "i see neither {a 0} nor {a 1}",
                "there is no {0} and no {1}",
            ],
            held_out: &["neither {a 0} nor {a 1} can be seen"],
        },
        Statement::Every(..) => Phrasings {
            trained: &[
                "all the {s 0} are {are t}",
                "all of the {s 0} are {are t}",
                "every {0} is {is t}",
                "the painter made all the {s 0} {are t}",
                "each of the {s 0} is {is t}",
                "every single {0} in the picture is {is t}",
                "without exception, the {s 0} are {are t}",
            ],
            held_out: &["all {s 0} in the picture are {are t}"],
        },
        Statement::NoneIs(..) => Phrasings {
            trained: &[
                "none of the {s 0} are {are t}",
                "no {0} is {is t}",
                "not one of the {s 0} is {is t}",
                "none of the {s 0} here is {is t}",
                "you won't find {a 0} that is {is t}",
            ],
            held_out: &["there is no {0} that is {is t}"],
        },
        Statement::Has(..) => Phrasings {
            trained: &[
                "{ref} is {is t}",
                "{ref} is {is t}",
                "it is true that {ref} is {is t}",
                "they made {ref} {is t}",
                "we can see that {ref} is {is t}",
                "i'd say {ref} is {is t}",
            ],
            held_out: &["you can see that {ref} is {is t}"],
        },
    }
}
