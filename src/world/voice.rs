//! A speaker: turns descriptions and references into phrases, and fills templates with them.
//!
//! A template's slots are written in braces: `{a 0}`, `{the 0}`, `{s 0}` (plural), `{n 0}` (counted) and `{0}` (bare) for the noun
//! of that number; `{ref}` for a reference; `{list}` for a ready phrase; `{is t}` and `{are t}` for a trait said of one or of several; `{dir}`, `{attr}`, `{be}`,
//! `{side}`; and the name of a word list.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::description::Description;
use super::dice::Dice;
use super::kinds::{Attribute, Extent, Trait};
use super::part::Part;
use super::place::{Direction, Zone};
use super::reference::Reference;
use super::words::{self, Noun};

/// The ways to say one thing: those that training sees, and those held out of it.
#[derive(Clone, Copy, Debug)]
pub struct Phrasings {
    pub trained: &'static [&'static str],
    pub held_out: &'static [&'static str],
}

/// What a template's slots stand for.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    pub nouns: Vec<Description>,
    pub reference: Option<Reference>,
    pub value: Option<Trait>,
    pub direction: Option<Direction>,
    pub zone: Option<Zone>,
    pub number: usize,
    pub attribute: Option<Attribute>,
    /// What `{list}` stands for.
    pub list: Option<String>,
    /// Lists of words by name.
    pub lists: &'static [(&'static str, &'static [&'static str])],
}

impl Slots {
    pub fn nouns(nouns: &[Description]) -> Self {
        Self { nouns: nouns.to_vec(), ..Self::default() }
    }

    /// With a ready phrase for `{list}`.
    pub fn with_list(self, list: &str) -> Self {
        Self { list: Some(list.to_owned()), ..self }
    }
}

/// One who speaks about a scene.
pub struct Voice<'a> {
    pub dice: &'a mut Dice,
    pub part: Part,
    /// How often another word than the canonical one is used, 0..1.
    pub synonyms: f64,
    /// What a figure of unnamed shape may be called.
    pub anything: &'static [Noun],
    /// Whether "the red one" will do.
    pub ones: bool,
}

/// How a noun stands in a sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    One,
    Many,
}

impl<'a> Voice<'a> {
    pub fn new(part: Part, synonyms: f64, dice: &'a mut Dice) -> Self {
        Self { dice, part, synonyms, anything: &words::ANYTHING, ones: false }
    }

    /// One of the phrasings with its slots filled.
    pub fn say(&mut self, phrasings: &Phrasings, slots: &Slots) -> String {
        let held_out =
            self.part == Part::HeldOut && !phrasings.held_out.is_empty() && self.dice.random_bool(0.5);
        let templates = if held_out { phrasings.held_out } else { phrasings.trained };
        let template = templates.choose(self.dice).copied().unwrap_or_default();
        self.fill(template, slots)
    }

    /// A template with its slots filled.
    pub fn fill(&mut self, template: &str, slots: &Slots) -> String {
        let mut said = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').unwrap_or((after, ""));
            said.push_str(before);
            said.push_str(&self.slot(slot, slots));
            rest = after;
        }
        said.push_str(rest);
        said
    }

    /// "a small red circle"
    pub fn a(&mut self, what: &Description) -> String {
        let noun = self.noun(what, Number::One);
        let article =
            if noun.starts_with(['a', 'e', 'i', 'o']) || noun.starts_with("un") { "an" } else { "a" };
        format!("{article} {noun}")
    }

    /// "the circle to the left of the blue square"
    pub fn refer(&mut self, reference: &Reference) -> String {
        let pick = |list: &'static [&'static str], voice: &mut Self| {
            if voice.dice.random_bool(0.5) {
                list[0]
            } else {
                list.choose(voice.dice).copied().unwrap_or_default()
            }
        };
        match reference {
            Reference::Described(what) => format!("the {}", self.noun(what, Number::One)),
            Reference::Beside { what, direction, anchor } => {
                const WAYS: Phrasings = Phrasings {
                    trained: &[
                        "the {0} {dir} {the 1}",
                        "the {0} {dir} {the 1}",
                        "the {0} that is {dir} {the 1}",
                    ],
                    held_out: &["the {0} you can see {dir} {the 1}"],
                };
                let slots = Slots { direction: Some(*direction), ..Slots::nouns(&[*what, *anchor]) };
                self.say(&WAYS, &slots)
            }
            Reference::Nearest { what, anchor } => {
                const WAYS: Phrasings = Phrasings {
                    trained: &[
                        "the {0} closest to {the 1}",
                        "the {0} nearest to {the 1}",
                        "the {0} next to {the 1}",
                    ],
                    held_out: &["the {0} that is closest to {the 1}"],
                };
                self.say(&WAYS, &Slots::nouns(&[*what, *anchor]))
            }
            Reference::Furthest { what, direction } => {
                let noun = self.noun(what, Number::One);
                if self.part == Part::HeldOut && self.dice.random_bool(0.4) {
                    format!("the {noun} that is {}", words::furthest_after(*direction)[0])
                } else if self.dice.random_bool(0.7) {
                    format!("the {} {noun}", pick(words::furthest(*direction), self))
                } else {
                    format!("the {noun} {}", pick(words::furthest_after(*direction), self))
                }
            }
            Reference::Ranked { what, from, rank } => {
                let ordinal = ["first", "second", "third"].get(*rank).copied().unwrap_or("next");
                let noun = self.noun(what, Number::One);
                let side = words::side(*from);
                if self.part == Part::HeldOut && self.dice.random_bool(0.5) {
                    format!("the {ordinal} {noun} when counted from the {side}")
                } else if self.dice.random_bool(0.8) {
                    format!("the {ordinal} {noun} from the {side}")
                } else {
                    format!("the {ordinal} {noun} counting from the {side}")
                }
            }
            Reference::BySize { what, largest, two } => {
                const LARGEST: &[&str] = &["largest", "biggest"];
                const SMALLEST: &[&str] = &["smallest", "littlest", "tiniest"];
                const LARGER: &[&str] = &["bigger", "larger"];
                const SMALLER: &[&str] = &["smaller"];
                let ways = match (largest, *two && self.dice.random_bool(0.6)) {
                    (true, false) => LARGEST,
                    (false, false) => SMALLEST,
                    (true, true) => LARGER,
                    (false, true) => SMALLER,
                };
                let superlative = pick(ways, self);
                if self.dice.random_bool(0.85) {
                    format!("the {superlative} {}", self.noun(what, Number::One))
                } else {
                    format!("the {superlative} of the {}", self.noun(what, Number::Many))
                }
            }
            Reference::At { what, zone } => {
                let noun = self.noun(what, Number::One);
                format!("the {noun} {}", self.zone(*zone))
            }
            Reference::Except { what, value } => {
                const WAYS: Phrasings = Phrasings {
                    trained: &[
                        "the {0} that is not {is t}",
                        "the {0} that isn't {is t}",
                        "the only {0} that is not {is t}",
                    ],
                    held_out: &["the {0} which is not {is t}"],
                };
                self.say(&WAYS, &Slots { value: Some(*value), ..Slots::nouns(&[*what]) })
            }
        }
    }

    fn slot(&mut self, slot: &str, slots: &Slots) -> String {
        let (form, number) = slot.split_once(' ').unwrap_or(("", slot));
        if let Some(what) = number.parse::<usize>().ok().and_then(|number| slots.nouns.get(number)) {
            return match form {
                "a" => self.a(what),
                "the" => format!("the {}", self.noun(what, Number::One)),
                "s" => self.noun(what, Number::Many),
                "n" => {
                    let number = if slots.number == 1 { Number::One } else { Number::Many };
                    format!("{} {}", self.number(slots.number), self.noun(what, number))
                }
                _ => self.noun(what, Number::One),
            };
        }
        match (slot, slots) {
            ("list", Slots { list: Some(list), .. }) => list.clone(),
            ("ref", Slots { reference: Some(reference), .. }) => self.refer(reference),
            ("is t", Slots { value: Some(value), .. }) => self.predicate(*value, Number::One),
            ("are t", Slots { value: Some(value), .. }) => self.predicate(*value, Number::Many),
            ("dir", Slots { direction: Some(direction), .. }) => {
                let ways = words::beside(*direction);
                let way = if self.dice.random_bool(0.5) { ways.first() } else { ways.choose(self.dice) };
                way.copied().unwrap_or_default().to_owned()
            }
            ("attr", Slots { attribute: Some(attribute), .. }) => {
                words::attribute_nouns(*attribute).choose(self.dice).copied().unwrap_or_default().to_owned()
            }
            ("place", Slots { zone: Some(zone), .. }) => self.zone(*zone),
            ("num", _) => self.number(slots.number),
            ("choices", _) => words::CHOICES[..3].choose(self.dice).copied().unwrap_or_default().to_owned(),
            ("sizes", _) => words::CHOICES[3..].choose(self.dice).copied().unwrap_or_default().to_owned(),
            ("be", _) => if slots.number == 1 { "is" } else { "are" }.to_owned(),
            _ => {
                let list = slots.lists.iter().find(|(name, _)| *name == slot).map(|(_, list)| *list);
                list.and_then(|list| list.choose(self.dice)).copied().unwrap_or_default().to_owned()
            }
        }
    }

    /// In words or in digits.
    fn number(&mut self, number: usize) -> String {
        if self.dice.random_bool(self.synonyms * 0.7) { number.to_string() } else { words::number(number) }
    }

    /// "in the top left corner"
    pub fn zone(&mut self, zone: Zone) -> String {
        let ways = words::inside(zone);
        let way = if self.dice.random_bool(0.4) { ways.first() } else { ways.choose(self.dice) };
        way.cloned().unwrap_or_default()
    }

    /// "red", "a circle", "circles": what stands after "is" or "are".
    fn predicate(&mut self, value: Trait, number: Number) -> String {
        match (value, number) {
            (Trait::Shape(_), Number::One) => self.a(&Description::default().with(value)),
            (Trait::Shape(_), Number::Many) => self.noun(&Description::default().with(value), Number::Many),
            (Trait::Extent(Extent::Medium), _) => "medium-sized".to_owned(),
            _ => self.adjective(value).to_owned(),
        }
    }

    /// Adjectives and a noun: size, then pattern and colour in either order, or the pattern after the noun.
    fn noun(&mut self, what: &Description, number: Number) -> String {
        let pattern = what.get(Attribute::Pattern);
        let after = match pattern {
            Some(Trait::Pattern(pattern)) if self.dice.random_bool(self.synonyms * 0.6) => {
                words::pattern_after(pattern).choose(self.dice).copied()
            }
            _ => None,
        };
        let pattern = pattern.filter(|_| after.is_none());
        let colour = what.get(Attribute::Colour);
        let middle = if self.dice.random_bool(0.5) { [pattern, colour] } else { [colour, pattern] };
        let mut said = Vec::with_capacity(5);
        for value in [what.get(Attribute::Extent), middle[0], middle[1]].into_iter().flatten() {
            said.push(self.adjective(value));
        }
        let noun = match what.get(Attribute::Shape) {
            Some(Trait::Shape(shape)) => {
                let synonym = words::shape_synonyms(shape).choose(self.dice);
                let other = self.dice.random_bool(self.synonyms);
                synonym.filter(|_| other).copied().unwrap_or(words::shape_noun(shape))
            }
            _ if self.ones && what.traits().next().is_some() && self.dice.random_bool(0.3) => words::ONE,
            _ => self.anything(),
        };
        said.push(if number == Number::One { noun.one } else { noun.many });
        said.extend(after);
        said.join(" ")
    }

    fn anything(&mut self) -> Noun {
        let other = self.dice.random_bool(0.4);
        let noun = if other { self.anything.choose(self.dice) } else { self.anything.first() };
        noun.copied().unwrap_or(words::ANYTHING[0])
    }

    fn adjective(&mut self, value: Trait) -> &'static str {
        let synonym = words::adjective_synonyms(value).choose(self.dice);
        let other = self.dice.random_bool(self.synonyms);
        synonym.filter(|_| other).copied().unwrap_or(value.word())
    }
}

/// With its first letter in upper case.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::dice::{Purpose, dice};
    use crate::world::kinds::{Colour, Pattern, Shape};

    const WAYS: Phrasings = Phrasings { trained: &["trained"], held_out: &["held out"] };

    fn said(part: Part) -> Vec<String> {
        let mut dice = dice(1, 1, part, Purpose::Questions);
        let mut voice = Voice::new(part, 0.2, &mut dice);
        (0..200).map(|_| voice.say(&WAYS, &Slots::default())).collect()
    }

    #[test]
    fn held_out_phrasings_are_said_in_the_held_out_part_only() {
        assert!(said(Part::Normal).iter().all(|text| text == "trained"));
        let held_out = said(Part::HeldOut).iter().filter(|text| *text == "held out").count();
        assert!((60..140).contains(&held_out), "{held_out}");
    }

    #[test]
    fn templates_are_filled_in_plain_english() {
        let orange =
            Description::default().with(Trait::Colour(Colour::Orange)).with(Trait::Shape(Shape::Cross));
        let striped =
            Description::default().with(Trait::Pattern(Pattern::Striped)).with(Trait::Shape(Shape::Star));
        let mut dice = dice(1, 1, Part::Normal, Purpose::Questions);
        let mut voice = Voice::new(Part::Normal, 0.0, &mut dice);
        let slots =
            Slots { number: 2, value: Some(Trait::Shape(Shape::Star)), ..Slots::nouns(&[orange, striped]) };
        let text = voice.fill("{n 0} {be} not {a 0}, {the 1} is {is t}, {s 1} are {are t}", &slots);
        assert_eq!(
            text,
            "two orange crosses are not an orange cross, the striped star is a star, striped stars are stars"
        );
        let one = Slots { number: 1, ..slots };
        assert_eq!(voice.fill("there {be} {n 0}", &one), "there is one orange cross");
    }
}
