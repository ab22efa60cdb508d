//! How statements are made up: a form is fixed first, then filled so that it comes out true or false.
//!
//! A form is used only where the scene affords both, so that nothing in a statement's wording gives its truth away.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::description;
use super::dice::Dice;
use super::kinds::{Attribute, Trait};
use super::place::{Direction, Zone};
use super::reference::{self, Manner};
use super::scene::Scene;
use super::statement::Statement;

/// The kinds of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementPattern {
    Exists,
    Absent,
    At,
    Exactly,
    AtLeast,
    More,
    AsMany,
    Same,
    Bigger,
    Beside,
    SomeBeside,
    Both,
    Either,
    Without,
    Neither,
    Every,
    NoneIs,
    Has(Manner),
}

/// What kind of statement to make, with everything fixed that must not depend on whether it will be true.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub pattern: StatementPattern,
    first: Vec<Attribute>,
    second: Vec<Attribute>,
    value: Trait,
    number: usize,
    direction: Direction,
    zone: Zone,
}

impl Form {
    pub fn new(scene: &Scene, pattern: StatementPattern, dice: &mut Dice) -> Option<Self> {
        use StatementPattern as P;
        let (fewest, most) = match pattern {
            P::Exists | P::Absent => (1, 4),
            P::At => (1, 3),
            P::Exactly | P::AtLeast | P::More | P::AsMany => (1, 2),
            P::Every | P::NoneIs => (1, 2),
            P::Both | P::Either | P::Without | P::Neither => (1, 2),
            P::Same | P::Bigger | P::Beside => (1, 3),
            P::SomeBeside => (1, 3),
            P::Has(_) => (1, 3),
        };
        let first = description::attributes(dice, fewest, most);
        let second = match pattern {
            P::More | P::AsMany | P::Both | P::Either | P::Without | P::Neither => first.clone(),
            _ => description::attributes(dice, fewest, most),
        };
        let value = scene.figures.choose(dice)?.kind.get(*Attribute::ALL.choose(dice)?);
        let asked = match pattern {
            P::Same | P::Every | P::NoneIs => Some(value.attribute()),
            P::Bigger => Some(Attribute::Extent),
            _ => None,
        };
        let tells = |naming: &[Attribute]| asked.is_some_and(|asked| naming.contains(&asked));
        let number = dice.random_range(if pattern == P::AtLeast { 2..=4 } else { 1..=4 });
        let direction = *Direction::ALL.choose(dice)?;
        let zone = Zone::random(dice);
        (!tells(&first) && !tells(&second)).then_some(Self {
            pattern,
            first,
            second,
            value,
            number,
            direction,
            zone,
        })
    }

    /// A statement of this form, meant to be true or false as wanted; [`Statement::holds`] tells what it is.
    fn propose(&self, scene: &Scene, wanted: bool, dice: &mut Dice) -> Option<Statement> {
        use StatementPattern as P;
        let thing = |naming: &[Attribute], there: bool, dice: &mut Dice| {
            if there {
                description::present(scene, naming, dice)
            } else {
                description::absent(scene, naming, dice)
            }
        };
        Some(match self.pattern {
            P::Exists => Statement::Exists(thing(&self.first, wanted, dice)?),
            P::Absent => Statement::Absent(thing(&self.first, !wanted, dice)?),
            P::At => {
                let (what, _) = description::unique(scene, &self.first, dice)?;
                Statement::At(what, self.zone)
            }
            P::Exactly => Statement::Exactly(self.number, description::present(scene, &self.first, dice)?),
            P::AtLeast => Statement::AtLeast(self.number, description::present(scene, &self.first, dice)?),
            P::More | P::AsMany => {
                let a = description::present(scene, &self.first, dice)?;
                let b = description::present(scene, &self.second, dice)?;
                if self.pattern == P::More { Statement::More(a, b) } else { Statement::AsMany(a, b) }
            }
            P::Same => {
                let (a, _) = description::unique(scene, &self.first, dice)?;
                let (b, _) = description::unique(scene, &self.second, dice)?;
                Statement::Same(self.value.attribute(), a, b)
            }
            P::Bigger => {
                let (a, _) = description::unique(scene, &self.first, dice)?;
                let (b, _) = description::unique(scene, &self.second, dice)?;
                Statement::Bigger(a, b)
            }
            P::Beside => {
                let (a, _) = description::unique(scene, &self.first, dice)?;
                let (b, _) = description::unique(scene, &self.second, dice)?;
                Statement::Beside(a, self.direction, b)
            }
            P::SomeBeside => {
                let a = description::present(scene, &self.first, dice)?;
                let (b, _) = description::unique(scene, &self.second, dice)?;
                Statement::SomeBeside(a, self.direction, b)
            }
            P::Both | P::Either | P::Without | P::Neither => {
                let (a, b) = self.presence(wanted, dice);
                let a = thing(&self.first, a, dice)?;
                let b = thing(&self.second, b, dice)?;
                match self.pattern {
                    P::Both => Statement::Both(a, b),
                    P::Either => Statement::Either(a, b),
                    P::Without => Statement::Without(a, b),
                    _ => Statement::Neither(a, b),
                }
            }
            P::Every => Statement::Every(description::present(scene, &self.first, dice)?, self.value),
            P::NoneIs => Statement::NoneIs(description::present(scene, &self.first, dice)?, self.value),
            P::Has(manner) => {
                let reference = reference::propose(scene, manner, Some(self.value.attribute()), dice)?;
                Statement::Has(reference, self.value)
            }
        })
    }

    /// Which of two things must be there for a statement of logic to come out as wanted.
    fn presence(&self, wanted: bool, dice: &mut Dice) -> (bool, bool) {
        use StatementPattern as P;
        let one = if dice.random_bool(0.5) { (true, false) } else { (false, true) };
        match (self.pattern, wanted) {
            (P::Both, true) => (true, true),
            (P::Either, false) | (P::Neither, true) => (false, false),
            (P::Without, true) => (true, false),
            (P::Without, false) => (dice.random_bool(0.75), true),
            _ => one,
        }
    }
}

/// A statement of a pattern that is true or false with equal chance: a form is used only if the scene affords both.
pub fn coin(scene: &Scene, pattern: StatementPattern, dice: &mut Dice) -> Option<(Statement, bool)> {
    let wanted = dice.random_bool(0.5);
    either(scene, pattern, wanted, dice).map(|statement| (statement, wanted))
}

/// A statement of a pattern that is true or false as wanted, of a form that the scene affords both ways.
pub fn either(scene: &Scene, pattern: StatementPattern, wanted: bool, dice: &mut Dice) -> Option<Statement> {
    const FORMS: usize = 6;
    (0..FORMS).find_map(|_| {
        let form = Form::new(scene, pattern, dice)?;
        let yes = sample(scene, &form, true, dice)?;
        let no = sample(scene, &form, false, dice)?;
        Some(if wanted { yes } else { no })
    })
}

fn sample(scene: &Scene, form: &Form, wanted: bool, dice: &mut Dice) -> Option<Statement> {
    const TRIES: usize = 24;
    (0..TRIES).find_map(|_| {
        let statement = form.propose(scene, wanted, dice)?;
        (statement.sayable(scene) && statement.holds(scene) == Some(wanted)).then_some(statement)
    })
}
