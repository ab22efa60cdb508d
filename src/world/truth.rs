//! Checks what the world says against what it records, by another route: tags and boxes of the record files, brute force over
//! all objects, and the words of the texts themselves.

use std::collections::BTreeMap;

use crate::data::{ObjectRecord, ObjectsRecord};

use super::captions::{Fact, captions};
use super::description::Description;
use super::expressions::expressions;
use super::hypotheses::{Claim, hypotheses};
use super::kinds::{Attribute, Extent, Shape, Trait};
use super::part::Part;
use super::place::{Direction, Zone};
use super::questions::{Meaning, questions};
use super::reference::Reference;
use super::scene::Scene;
use super::statement::Statement;
use super::words;
use super::write::objects_record;

/// What is too close to call for a careful reader; the world keeps a wider margin.
const CLOSE: f32 = 0.09;
const SCENES: u64 = 400;

/// One picture as the record files tell it.
struct Seen {
    objects: Vec<ObjectRecord>,
    longer: f32,
    size: (f32, f32),
}

fn scenes() -> impl Iterator<Item = (Scene, Seen)> {
    let parts = [Part::Normal, Part::HeldOut].into_iter();
    parts.flat_map(|part| (0..SCENES / 2).map(move |index| Scene::new(41, index, part))).map(|scene| {
        let ObjectsRecord { objects, .. } = objects_record(&scene, String::new());
        let size = (scene.canvas.width as f32, scene.canvas.height as f32);
        (scene, Seen { objects, longer: size.0.max(size.1), size })
    })
}

impl Seen {
    fn all(&self, what: &Description) -> Vec<&ObjectRecord> {
        let fits = |object: &&ObjectRecord| {
            what.traits().all(|value| object.tags.words().any(|word| word == value.word()))
        };
        self.objects.iter().filter(fits).collect()
    }

    fn count(&self, what: &Description) -> usize {
        self.all(what).len()
    }

    fn the(&self, what: &Description) -> &ObjectRecord {
        let all = self.all(what);
        assert_eq!(all.len(), 1, "{what:?} should be one object");
        all[0]
    }

    /// How far `a` lies toward a direction from `b`; a test fails on what is too close to call.
    fn lies(&self, a: &ObjectRecord, direction: Direction, b: &ObjectRecord) -> bool {
        let (ax, ay) = centre(a);
        let (bx, by) = centre(b);
        let lead = match direction {
            Direction::Left => bx - ax,
            Direction::Right => ax - bx,
            Direction::Above => by - ay,
            Direction::Below => ay - by,
        } / self.longer;
        assert!(lead.abs() > CLOSE, "{a:?} and {b:?} are too close to call {direction:?}");
        lead > 0.0
    }

    /// Objects that fit, other than the anchor and toward a direction from it.
    fn beside(&self, what: &Description, direction: Direction, anchor: &Description) -> Vec<&ObjectRecord> {
        let anchor = self.the(anchor);
        let others = self.all(what).into_iter().filter(|object| *object != anchor);
        others.filter(|object| self.lies(object, direction, anchor)).collect()
    }

    fn find(&self, reference: &Reference) -> Vec<&ObjectRecord> {
        let what = reference.what();
        let all = self.all(what);
        match reference {
            Reference::Described(_) => all,
            Reference::Beside { direction, anchor, .. } => self.beside(what, *direction, anchor),
            Reference::Nearest { anchor, .. } => {
                let anchor = self.the(anchor);
                let far = |object: &ObjectRecord| {
                    let ((ax, ay), (bx, by)) = (centre(object), centre(anchor));
                    (ax - bx).hypot(ay - by) / self.longer
                };
                let others: Vec<&ObjectRecord> = all.into_iter().filter(|object| *object != anchor).collect();
                let nearest = others.iter().map(|object| far(object)).fold(f32::INFINITY, f32::min);
                others.into_iter().filter(|object| far(object) < nearest + CLOSE).collect()
            }
            Reference::At { zone, .. } => {
                all.into_iter().filter(|object| self.within(object, *zone, 1.0 / 3.0)).collect()
            }
            Reference::Except { value, .. } => {
                all.into_iter().filter(|object| word(object, value.attribute()) != value.word()).collect()
            }
            Reference::Furthest { direction, .. } => {
                let ahead = |object: &&ObjectRecord| {
                    let lead = |other: &ObjectRecord| toward(object, *direction) - toward(other, *direction);
                    all.iter().all(|other| other == object || lead(other) > CLOSE * self.longer)
                };
                all.iter().copied().filter(ahead).collect()
            }
            Reference::Ranked { from, rank, .. } => {
                let before = |object: &ObjectRecord| {
                    all.iter()
                        .filter(|other| **other != object && toward(other, *from) > toward(object, *from))
                        .count()
                };
                all.iter().copied().filter(|object| before(object) == *rank).collect()
            }
            Reference::BySize { largest, .. } => {
                let beats = |a: &ObjectRecord, b: &ObjectRecord| {
                    if *largest { span(a) > span(b) * 1.2 } else { span(a) * 1.2 < span(b) }
                };
                let first =
                    |object: &&ObjectRecord| all.iter().all(|other| other == object || beats(object, other));
                all.iter().copied().filter(first).collect()
            }
        }
    }

    /// Whether an object's centre lies within a share of the picture's extent from each side of a zone.
    fn within(&self, object: &ObjectRecord, zone: Zone, share: f32) -> bool {
        let ((x, y), (width, height)) = (centre(object), self.size);
        [zone.across, zone.upright].into_iter().flatten().all(|side| {
            share
                > match side {
                    Direction::Left => x / width,
                    Direction::Right => 1.0 - x / width,
                    Direction::Above => y / height,
                    Direction::Below => 1.0 - y / height,
                }
        })
    }

    fn holds(&self, statement: &Statement) -> bool {
        match statement {
            Statement::Absent(what) => self.count(what) == 0,
            Statement::At(what, zone) => {
                let (inner, outer) =
                    (self.within(self.the(what), *zone, 0.334), self.within(self.the(what), *zone, 0.54));
                assert_eq!(inner, outer, "{what:?} and {zone:?} are too close to call");
                inner
            }
            Statement::Exists(what) => self.count(what) > 0,
            Statement::Exactly(number, what) => self.count(what) == *number,
            Statement::AtLeast(number, what) => self.count(what) >= *number,
            Statement::More(a, b) => self.count(a) > self.count(b),
            Statement::AsMany(a, b) => self.count(a) == self.count(b),
            Statement::Same(attribute, a, b) => {
                word(self.the(a), *attribute) == word(self.the(b), *attribute)
            }
            Statement::Bigger(a, b) => {
                let (a, b) = (span(self.the(a)), span(self.the(b)));
                assert!(a.max(b) > a.min(b) * 1.2, "sizes {a} and {b} are too close to call");
                a > b
            }
            Statement::Beside(a, direction, b) => self.lies(self.the(a), *direction, self.the(b)),
            Statement::SomeBeside(a, direction, b) => {
                let anchor = self.the(b);
                let (x, y) = centre(anchor);
                self.all(a).into_iter().filter(|object| *object != anchor).any(|object| {
                    let (ax, ay) = centre(object);
                    match direction {
                        Direction::Left => ax < x - CLOSE * self.longer,
                        Direction::Right => ax > x + CLOSE * self.longer,
                        Direction::Above => ay < y - CLOSE * self.longer,
                        Direction::Below => ay > y + CLOSE * self.longer,
                    }
                })
            }
            Statement::Both(a, b) => self.count(a) > 0 && self.count(b) > 0,
            Statement::Either(a, b) => self.count(a) > 0 || self.count(b) > 0,
            Statement::Without(a, b) => self.count(a) > 0 && self.count(b) == 0,
            Statement::Neither(a, b) => self.count(a) + self.count(b) == 0,
            Statement::Every(what, value) => self.count(&what.with(*value)) == self.count(what),
            Statement::NoneIs(what, value) => self.count(&what.with(*value)) == 0,
            Statement::Has(reference, value) => {
                let found = self.find(reference);
                assert_eq!(found.len(), 1, "{reference:?}");
                word(found[0], value.attribute()) == value.word()
            }
        }
    }

    fn answer(&self, meaning: &Meaning) -> String {
        match meaning {
            Meaning::Whether(statement) => if self.holds(statement) { "yes" } else { "no" }.to_owned(),
            Meaning::Count(what) => self.count(what).to_string(),
            Meaning::CountBeside(what, direction, anchor) => {
                self.beside(what, *direction, anchor).len().to_string()
            }
            Meaning::CountWithout(what, value) => {
                let without = self
                    .all(what)
                    .into_iter()
                    .filter(|object| word(object, value.attribute()) != value.word());
                without.count().to_string()
            }
            Meaning::CountEither(a, b) => {
                let (first, second) = (self.all(a), self.all(b));
                self.objects
                    .iter()
                    .filter(|object| first.contains(object) || second.contains(object))
                    .count()
                    .to_string()
            }
            Meaning::What(attribute, reference) => {
                let found = self.find(reference);
                assert_eq!(found.len(), 1, "{reference:?}");
                word(found[0], *attribute).to_owned()
            }
            Meaning::Side(direction, a, b) => {
                let there = self.lies(self.the(a), *direction, self.the(b));
                let answer = match (direction, there) {
                    (Direction::Left, true) | (Direction::Right, false) => "left",
                    (Direction::Left, false) | (Direction::Right, true) => "right",
                    (Direction::Above, true) | (Direction::Below, false) => "above",
                    (Direction::Above, false) | (Direction::Below, true) => "below",
                };
                answer.to_owned()
            }
            Meaning::Which { bigger, a, b } => {
                let (a, b) = (self.the(a), self.the(b));
                let first = (span(a) > span(b)) == *bigger;
                if first { a } else { b }.tags.class.clone()
            }
            Meaning::WhichMore(a, b) => {
                let (first, second) = (self.count(a), self.count(b));
                assert_ne!(first, second);
                let more = if first > second { a } else { b };
                more.traits().next().unwrap().word().to_owned()
            }
        }
    }

    fn bears_out(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Some(what) => self.count(what) > 0,
            Fact::Number(number, what) => self.count(what) == *number,
            Fact::Pair(a, direction, b) => self.all(a).into_iter().any(|a| {
                self.all(b)
                    .into_iter()
                    .any(|b| toward(a, *direction) - toward(b, *direction) > CLOSE * self.longer)
            }),
            Fact::At(what, zone) => self.all(what).into_iter().any(|object| self.within(object, *zone, 0.34)),
        }
    }
}

fn centre(object: &ObjectRecord) -> (f32, f32) {
    let [x, y, width, height] = object.bbox;
    (x + width / 2.0, y + height / 2.0)
}

fn toward(object: &ObjectRecord, direction: Direction) -> f32 {
    let (x, y) = centre(object);
    match direction {
        Direction::Left => -x,
        Direction::Right => x,
        Direction::Above => -y,
        Direction::Below => y,
    }
}

fn span(object: &ObjectRecord) -> f32 {
    object.bbox[2].max(object.bbox[3])
}

/// The object's tag that is a value of an attribute.
fn word(object: &ObjectRecord, attribute: Attribute) -> &str {
    let known: Vec<&str> = Trait::all(attribute).into_iter().map(Trait::word).collect();
    object.tags.words().find(|word| known.contains(word)).unwrap()
}

/// Every way to say a trait in a noun phrase, and the trait's canonical word.
fn lexicon() -> Vec<(Vec<&'static str>, &'static str)> {
    let mut ways: Vec<(&str, &str)> = Vec::new();
    for attribute in Attribute::ALL {
        for value in Trait::all(attribute) {
            ways.extend(words::adjective_synonyms(value).iter().map(|way| (*way, value.word())));
            match value {
                Trait::Shape(shape) => {
                    let nouns =
                        words::shape_synonyms(shape).iter().copied().chain([words::shape_noun(shape)]);
                    ways.extend(nouns.flat_map(|noun| [noun.one, noun.many]).map(|way| (way, value.word())));
                }
                Trait::Pattern(pattern) => {
                    ways.push((value.word(), value.word()));
                    ways.extend(words::pattern_after(pattern).iter().map(|way| (*way, value.word())));
                }
                Trait::Colour(_) | Trait::Extent(_) => ways.push((value.word(), value.word())),
            }
        }
    }
    let mut ways: Vec<(Vec<&str>, &str)> =
        ways.into_iter().map(|(way, word)| (way.split(' ').collect(), word)).collect();
    ways.sort_by_key(|(way, _)| std::cmp::Reverse(way.len()));
    ways
}

/// How often a text names each trait, by the words it is written with.
fn named(text: &str, lexicon: &[(Vec<&'static str>, &'static str)]) -> BTreeMap<&'static str, usize> {
    // Words of the asking that name nothing: how big it is, what it may be, a box to be put around it.
    let ways_of_asking =
        words::CHOICES.into_iter().chain(["how big is", "how large is", "a box around", "plain background"]);
    let lower = ways_of_asking.fold(text.to_lowercase(), |text, way| text.replace(way, ""));
    let end = lower.trim_end_matches('?');
    let lower = match end.strip_suffix(" filled in").or_else(|| end.strip_suffix(" filled")) {
        Some(asked) if asked.contains("how is ") => asked.to_owned(),
        _ => lower,
    };
    let tokens: Vec<&str> =
        lower.split_whitespace().map(|token| token.trim_matches(['.', ',', ';', '?', ':', '!'])).collect();
    let mut named = BTreeMap::new();
    let mut at = 0;
    while at < tokens.len() {
        match lexicon.iter().find(|(way, _)| tokens[at..].starts_with(way)) {
            Some((way, word)) => {
                *named.entry(*word).or_default() += 1;
                at += way.len();
            }
            None => at += 1,
        }
    }
    named
}

fn expected(descriptions: &[Description], value: Option<Trait>) -> BTreeMap<&'static str, usize> {
    let mut expected = BTreeMap::new();
    for value in descriptions.iter().flat_map(Description::traits).chain(value) {
        *expected.entry(value.word()).or_default() += 1;
    }
    expected
}

fn of_reference(reference: &Reference) -> Vec<Description> {
    match reference {
        Reference::Beside { what, anchor, .. } | Reference::Nearest { what, anchor } => vec![*what, *anchor],
        Reference::Except { what, value } => vec![*what, Description::default().with(*value)],
        other => vec![*other.what()],
    }
}

fn of_statement(statement: &Statement) -> (Vec<Description>, Option<Trait>) {
    let slots = statement.slots();
    let reference = slots.reference.iter().flat_map(of_reference);
    (slots.nouns.iter().copied().chain(reference).collect(), slots.value)
}

fn of_meaning(meaning: &Meaning) -> (Vec<Description>, Option<Trait>) {
    match *meaning {
        Meaning::Whether(statement) => of_statement(&statement),
        Meaning::Count(what) => (vec![what], None),
        Meaning::CountWithout(what, value) => (vec![what], Some(value)),
        Meaning::CountBeside(a, _, b) | Meaning::CountEither(a, b) | Meaning::Side(_, a, b) => {
            (vec![a, b], None)
        }
        Meaning::What(_, reference) => (of_reference(&reference), None),
        Meaning::Which { a, b, .. } | Meaning::WhichMore(a, b) => (vec![a, b], None),
    }
}

#[test]
fn answers_are_what_boxes_and_tags_say() {
    for (scene, seen) in scenes() {
        for question in questions(&scene) {
            assert_eq!(question.answer, seen.answer(&question.meaning), "{}: {question:?}", scene.index);
        }
    }
}

#[test]
fn labels_are_what_boxes_and_tags_say() {
    for (scene, seen) in scenes() {
        for hypothesis in hypotheses(&scene) {
            match &hypothesis.claim {
                Claim::Decided(statement, truth) => {
                    assert_eq!(*truth, seen.holds(statement), "{hypothesis:?}")
                }
                Claim::Unknowable(figures) => assert!(figures.iter().all(|figure| seen.count(figure) == 1)),
            }
        }
    }
}

#[test]
fn expressions_point_at_one_object_or_at_none() {
    for (scene, seen) in scenes() {
        let objects = &seen.objects;
        for expression in expressions(&scene) {
            let expected: Vec<&ObjectRecord> =
                expression.figure.iter().map(|&figure| &objects[figure]).collect();
            assert_eq!(seen.find(&expression.meaning), expected, "{expression:?}");
        }
    }
}

#[test]
fn captions_say_what_is_so() {
    for (scene, seen) in scenes() {
        for caption in captions(&scene) {
            let alone = scene.figures.len() == 1;
            assert!(
                alone || caption.facts.len() > 1 || caption.text.len() > 30,
                "{caption:?} says too little"
            );
            caption.facts.iter().for_each(|fact| assert!(seen.bears_out(fact), "{caption:?}: {fact:?}"));
        }
    }
}

#[test]
fn texts_name_exactly_what_they_mean() {
    let lexicon = lexicon();
    let check = |text: &str, (descriptions, value): (Vec<Description>, Option<Trait>)| {
        assert!(!text.contains(['{', '}']) && !text.contains("  "), "{text}");
        assert_eq!(named(text, &lexicon), expected(&descriptions, value), "{text}");
    };
    for (scene, _) in scenes() {
        for question in questions(&scene) {
            check(&question.text, of_meaning(&question.meaning));
        }
        for expression in expressions(&scene) {
            check(&expression.text, (of_reference(&expression.meaning), None));
        }
        for hypothesis in hypotheses(&scene) {
            if let Claim::Decided(statement, _) = &hypothesis.claim {
                check(&hypothesis.text, of_statement(statement));
            }
        }
        for caption in captions(&scene) {
            check(&caption.text, (caption.descriptions(), None));
        }
    }
}

#[test]
fn texts_name_the_direction_they_mean() {
    let says = |text: &str, direction: Direction| {
        words::beside(direction)
            .iter()
            .any(|way| format!(" {text}").to_lowercase().contains(&format!(" {way} ")))
    };
    let check = |text: &str, meant: Direction| {
        assert!(says(text, meant), "{text}: {meant:?}");
        assert!(!says(text, meant.opposite()), "{text}: {meant:?}");
    };
    for (scene, _) in scenes() {
        for question in questions(&scene) {
            match question.meaning {
                Meaning::Whether(
                    Statement::Beside(_, direction, _) | Statement::SomeBeside(_, direction, _),
                )
                | Meaning::CountBeside(_, direction, _)
                | Meaning::What(_, Reference::Beside { direction, .. }) => check(&question.text, direction),
                _ => {}
            }
        }
        for expression in expressions(&scene) {
            if let Reference::Beside { direction, .. } = expression.meaning {
                check(&expression.text, direction);
            }
        }
    }
}

#[test]
fn normal_scenes_and_texts_hold_no_held_out_pair_and_held_out_ones_do() {
    let joined = |(descriptions, value): (Vec<Description>, Option<Trait>)| -> Vec<Description> {
        descriptions
            .into_iter()
            .flat_map(|what| [Some(what), value.map(|value| what.with(value))])
            .flatten()
            .collect()
    };
    for (scene, _) in scenes() {
        let shown: Vec<Description> =
            scene.figures.iter().map(|figure| Description::of(&figure.kind, &Attribute::ALL)).collect();
        let mut asked: Vec<Description> = Vec::new();
        asked.extend(questions(&scene).iter().flat_map(|question| joined(of_meaning(&question.meaning))));
        for expression in expressions(&scene) {
            asked.extend(of_reference(&expression.meaning));
            if let Reference::Except { what, value } = expression.meaning {
                asked.push(what.with(value));
            }
        }
        for hypothesis in hypotheses(&scene) {
            match &hypothesis.claim {
                Claim::Decided(statement, _) => asked.extend(joined(of_statement(statement))),
                Claim::Unknowable(figures) => asked.extend(figures),
            }
        }
        let held_out = |all: &[Description]| all.iter().any(Description::holds_out);
        assert_eq!(held_out(&shown), scene.part == Part::HeldOut, "figures of scene {}", scene.index);
        assert_eq!(held_out(&asked), scene.part == Part::HeldOut, "texts of scene {}", scene.index);
    }
}

#[test]
fn small_medium_and_large_are_kept_apart() {
    let mut spans: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
    for (scene, seen) in scenes() {
        for (figure, object) in scene.figures.iter().zip(&seen.objects) {
            spans.entry(figure.kind.extent.word()).or_default().push(span(object) / seen.longer);
        }
    }
    let least = |extent: Extent| spans[extent.word()].iter().copied().fold(f32::INFINITY, f32::min);
    let most = |extent: Extent| spans[extent.word()].iter().copied().fold(0.0, f32::max);
    assert!(least(Extent::Small) >= 0.085);
    assert!(least(Extent::Medium) > most(Extent::Small) * 1.2);
    assert!(least(Extent::Large) > most(Extent::Medium) * 1.2);
}

#[test]
fn every_shape_and_trait_occurs() {
    let mut seen_words: Vec<String> = scenes()
        .flat_map(|(_, seen)| seen.objects)
        .flat_map(|object| object.tags.words().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    seen_words.sort();
    seen_words.dedup();
    let known: usize = Attribute::ALL.into_iter().map(|attribute| Trait::all(attribute).len()).sum();
    assert_eq!(seen_words.len(), known);
    assert!(Shape::ALL.iter().all(|shape| seen_words.iter().any(|word| word == shape.word())));
}
