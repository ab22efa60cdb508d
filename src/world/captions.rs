//! Captions: true descriptions that say enough to tell a picture from a thousand others.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::description::{self, Description};
use super::dice::{Dice, Purpose, dice};
use super::kinds::{Attribute, Kind};
use super::part::Part;
use super::place::{Direction, Zone};
use super::scene::Scene;
use super::voice::{Phrasings, Slots, Voice, capitalised};

/// A caption and everything it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    pub text: String,
    pub facts: Vec<Fact>,
}

/// One thing that a caption says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// There is such a figure.
    Some(Description),
    /// A figure of the first kind lies toward a direction from one of the second.
    Pair(Description, Direction, Description),
    /// There are exactly so many such figures.
    Number(usize, Description),
    /// A figure lies in the outer third on the side of each direction.
    At(Description, Zone),
}

/// The captions of a scene: one to three.
pub fn captions(scene: &Scene) -> Vec<Caption> {
    const TRIES: usize = 40;
    let mut dice = dice(scene.seed, scene.index, scene.part, Purpose::Captions);
    let count = dice.random_range(1..=3);
    let mut captions: Vec<Caption> = Vec::with_capacity(count);
    for _ in 0..count {
        let caption = (0..TRIES).find_map(|_| caption(scene, &mut dice));
        captions.extend(caption.filter(|caption| captions.iter().all(|other| other.text != caption.text)));
    }
    captions
}

fn caption(scene: &Scene, dice: &mut Dice) -> Option<Caption> {
    let style = dice.random_range(0..100);
    let (capital, stop) = (dice.random_bool(0.85), dice.random_bool(0.85));
    let cast = cast(scene, dice);
    let mut teller =
        Teller { scene, voice: Voice::new(scene.part, 0.12, dice), facts: Vec::with_capacity(4) };
    let text = match (style, cast) {
        (88.., _) => teller.inventory()?,
        (_, None) => return None,
        (0..18, Some(cast)) => teller.list(&cast),
        (18..46, Some(cast)) => teller.relations(&cast)?,
        (46..62, Some(cast)) => teller.places(&cast)?,
        (62..76, Some(cast)) => teller.counted(&cast)?,
        (_, Some(cast)) => teller.in_order(cast)?,
    };
    let text = if capital { capitalised(&text) } else { text };
    let stop = if stop { "." } else { "" };
    Some(Caption { text: format!("{text}{stop}"), facts: teller.facts })
}

/// A figure that a caption speaks of.
#[derive(Clone, Copy)]
struct Role {
    figure: usize,
    what: Description,
}

/// Two to four figures, described so that no description fits another one's figure. Few figures are described closely.
fn cast(scene: &Scene, dice: &mut Dice) -> Option<Vec<Role>> {
    let mut figures: Vec<usize> = (0..scene.figures.len()).collect();
    figures.shuffle(dice);
    if let Some(first) = description::focus(scene, dice)
        && let Some(place) = figures.iter().position(|&figure| figure == first)
    {
        figures.swap(0, place);
    }
    figures.truncate(if dice.random_bool(0.2) { 2 } else { dice.random_range(3..=4) });
    let closely = if figures.len() == 2 { 1.0 } else { 0.55 };
    let roles: Vec<Role> = figures
        .iter()
        .enumerate()
        .map(|(place, &figure)| {
            // Held-out pairs are said in full, so that they are talked about at all.
            let fully = place == 0 && scene.part == Part::HeldOut;
            Role { figure, what: told(&scene.figures[figure].kind, if fully { 1.0 } else { closely }, dice) }
        })
        .collect();
    let fits = |role: &Role, other: &Role| role.what.fits(&scene.figures[other.figure].kind);
    let distinct = roles
        .iter()
        .all(|role| roles.iter().filter(|other| other.figure != role.figure).all(|other| !fits(role, other)));
    distinct.then_some(roles)
}

/// Shape and colour, and size and pattern as often as is asked for.
fn told(kind: &Kind, closely: f64, dice: &mut Dice) -> Description {
    let mut naming = vec![Attribute::Shape];
    for (attribute, chance) in
        [(Attribute::Colour, closely.max(0.93)), (Attribute::Extent, closely), (Attribute::Pattern, closely)]
    {
        if dice.random_bool(chance) {
            naming.push(attribute);
        }
    }
    Description::of(kind, &naming)
}

struct Teller<'a, 'b> {
    scene: &'a Scene,
    voice: Voice<'b>,
    facts: Vec<Fact>,
}

impl Teller<'_, '_> {
    /// "A picture of a small red circle, a blue star and a hollow ring."
    fn list(&mut self, cast: &[Role]) -> String {
        const OPENINGS: Phrasings = Phrasings {
            trained: &[
                "{list}",
                "a picture of {list}",
                "there is {list}",
                "the picture shows {list}",
                "a drawing with {list}",
                "an image of {list}",
                "an image containing {list}",
                "this shows {list}",
                "this is a picture of {list}",
                "here we see {list}",
                "here is {list}",
                "i can see {list}",
                "you can see {list}",
                "we have {list}",
                "someone drew {list}",
                "somebody has drawn {list}",
                "in this picture there is {list}",
            ],
            held_out: &["a picture that shows {list}", "a drawing of {list}"],
        };
        let list = self.enumerate(cast);
        self.voice.say(&OPENINGS, &Slots::default().with_list(&list))
    }

    /// "A red circle to the left of a blue star, and a green ring above a hollow cross."
    fn relations(&mut self, cast: &[Role]) -> Option<String> {
        const PAIR: Phrasings = Phrasings {
            trained: &[
                "{a 0} {dir} {a 1}",
                "{a 0} {dir} {a 1}",
                "{a 0} that is {dir} {a 1}",
                "there is {a 0} {dir} {a 1}",
            ],
            held_out: &["{a 0} can be seen {dir} {a 1}"],
        };
        let mut clauses = Vec::with_capacity(2);
        let mut pairs = cast.chunks_exact(2);
        for pair in &mut pairs {
            let (a, b) = (pair[0], pair[1]);
            let direction = self.clearest(a.figure, b.figure)?;
            self.facts.push(Fact::Pair(a.what, direction, b.what));
            let slots = Slots { direction: Some(direction), ..Slots::nouns(&[a.what, b.what]) };
            clauses.push(self.voice.say(&PAIR, &slots));
        }
        if let [last] = pairs.remainder() {
            self.facts.push(Fact::Some(last.what));
            clauses.push(self.voice.a(&last.what));
        }
        let joint = [", and ", "; ", ", with "].choose(self.voice.dice).copied().unwrap_or(", and ");
        let joint = if joint == ", with "
            && clauses.len() > 1
            && (clauses[1].starts_with("there") || clauses[1].contains(" can be seen "))
        {
            ", and "
        } else {
            joint
        };
        Some(clauses.join(joint))
    }

    /// "A red circle in the top left corner, a blue star on the right and a ring at the bottom."
    fn places(&mut self, cast: &[Role]) -> Option<String> {
        let mut placed = 0;
        let mut clauses = Vec::with_capacity(cast.len());
        for role in cast {
            let side = |a: Direction, b: Direction| {
                [a, b].into_iter().find(|side| self.scene.outer(role.figure, *side))
            };
            let (across, upright) =
                (side(Direction::Left, Direction::Right), side(Direction::Above, Direction::Below));
            let noun = self.voice.a(&role.what);
            placed += usize::from(across.is_some() || upright.is_some());
            clauses.push(match (across, upright) {
                (None, None) => noun,
                _ => format!("{noun} {}", self.voice.zone(Zone { across, upright })),
            });
            self.facts.push(Fact::At(role.what, Zone { across, upright }));
        }
        (placed > 0).then(|| join(&clauses))
    }

    /// "Seven shapes, among them a red circle and a blue star." or "Three red shapes and a blue star above a ring."
    fn counted(&mut self, cast: &[Role]) -> Option<String> {
        const TOTAL: Phrasings = Phrasings {
            trained: &[
                "{n 0}, among them {list}",
                "{n 0}, including {list}",
                "there are {n 0}, {list} among them",
                "a picture with {n 0}, including {list}",
            ],
            held_out: &["there are {n 0} in the picture, among them {list}"],
        };
        const SOME: Phrasings = Phrasings {
            trained: &[
                "{n 0}, and also {list}",
                "{n 0} together with {list}",
                "there are {n 0} as well as {list}",
            ],
            held_out: &["{list}, and also {n 0}"],
        };
        let total = self.scene.figures.len();
        let naming = [*[Attribute::Colour, Attribute::Shape].choose(self.voice.dice)?];
        let group = description::present(self.scene, &naming, self.voice.dice)?;
        let members = group.matches(self.scene).len();
        let apart = cast.iter().all(|role| !group.fits(&self.scene.figures[role.figure].kind));
        if members > 1 && apart {
            self.facts.push(Fact::Number(members, group));
            let list = self.enumerate(cast);
            let slots = Slots { number: members, ..Slots::nouns(&[group]) };
            return Some(self.voice.say(&SOME, &slots.with_list(&list)));
        }
        if total <= cast.len() {
            return None;
        }
        self.facts.push(Fact::Number(total, Description::default()));
        let list = self.enumerate(cast);
        let slots = Slots { number: total, ..Slots::nouns(&[Description::default()]) };
        Some(self.voice.say(&TOTAL, &slots.with_list(&list)))
    }

    /// "From left to right: a red circle, a blue star and a ring."
    fn in_order(&mut self, mut cast: Vec<Role>) -> Option<String> {
        const ACROSS: &[&str] = &[
            "from left to right: {list}",
            "from left to right there is {list}",
            "going right: {list}",
            "left to right, {list}",
        ];
        const DOWN: &[&str] = &[
            "from top to bottom: {list}",
            "from top to bottom there is {list}",
            "going down: {list}",
            "top to bottom, {list}",
        ];
        let across = self.voice.dice.random_bool(0.6);
        let (direction, ways) = if across { (Direction::Right, ACROSS) } else { (Direction::Below, DOWN) };
        cast.sort_by(|a, b| self.scene.lead(a.figure, direction, b.figure).total_cmp(&0.0));
        let apart =
            |pair: &[Role]| self.scene.beside(pair[1].figure, direction, pair[0].figure) == Some(true);
        if cast.len() < 2 || !cast.windows(2).all(apart) {
            return None;
        }
        let nouns: Vec<String> = cast.iter().map(|role| self.voice.a(&role.what)).collect();
        let pairs = cast.windows(2).map(|pair| Fact::Pair(pair[1].what, direction, pair[0].what));
        // Each noun is said once, and stands in the facts once.
        self.facts.extend(pairs.step_by(2));
        if cast.len() % 2 == 1 {
            self.facts.extend(cast.last().map(|role| Fact::Some(role.what)));
        }
        let way = ways.choose(self.voice.dice).copied()?;
        Some(way.replace("{list}", &join(&nouns)))
    }

    /// "Two red circles, a blue star and three rings": everything there is, like things together.
    fn inventory(&mut self) -> Option<String> {
        const MOST_GROUPS: usize = 5;
        let closely = self.voice.dice.random_bool(0.5);
        let naming: &[Attribute] = if closely {
            &[Attribute::Colour, Attribute::Shape, Attribute::Pattern]
        } else {
            &[Attribute::Colour, Attribute::Shape]
        };
        let mut groups: Vec<(Description, usize)> = Vec::new();
        for figure in &self.scene.figures {
            let what = Description::of(&figure.kind, naming);
            match groups.iter_mut().find(|(known, _)| *known == what) {
                Some((_, count)) => *count += 1,
                None => groups.push((what, 1)),
            }
        }
        if groups.len() > MOST_GROUPS || !groups.iter().all(|(what, _)| what.sayable(self.scene.part)) {
            return None;
        }
        let mut said = Vec::with_capacity(groups.len());
        for (what, count) in groups {
            self.facts.push(Fact::Number(count, what));
            let slots = Slots { number: count, ..Slots::nouns(&[what]) };
            said.push(if count == 1 { self.voice.a(&what) } else { self.voice.fill("{n 0}", &slots) });
        }
        let ways = ["{list}", "{list}", "a picture with {list}", "{list}, nothing else", "this shows {list}"];
        Some(ways.choose(self.voice.dice)?.replace("{list}", &join(&said)))
    }

    fn enumerate(&mut self, cast: &[Role]) -> String {
        let nouns: Vec<String> = cast.iter().map(|role| self.voice.a(&role.what)).collect();
        self.facts.extend(cast.iter().map(|role| Fact::Some(role.what)));
        join(&nouns)
    }

    /// The direction in which the first of two figures lies furthest from the second.
    fn clearest(&self, a: usize, b: usize) -> Option<Direction> {
        let lead = |direction: &Direction| self.scene.lead(a, *direction, b);
        let direction = Direction::ALL.into_iter().max_by(|x, y| lead(x).total_cmp(&lead(y)))?;
        (self.scene.beside(a, direction, b) == Some(true)).then_some(direction)
    }
}

/// "a, b and c"
fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
impl Caption {
    /// The nouns of the caption.
    pub fn descriptions(&self) -> Vec<Description> {
        let named = |fact: &Fact| match *fact {
            Fact::Some(what) | Fact::Number(_, what) | Fact::At(what, ..) => vec![what],
            Fact::Pair(a, _, b) => vec![a, b],
        };
        self.facts.iter().flat_map(named).collect()
    }
}
