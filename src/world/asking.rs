//! The wording of questions.

use super::kinds::Attribute;
use super::place::Direction;
use super::questions::Meaning;
use super::voice::{Phrasings, Slots, Voice};
use super::whether;
use super::words;

/// A question with this meaning, in lower case.
pub fn ask(meaning: &Meaning, voice: &mut Voice) -> String {
    if matches!(meaning, Meaning::What(Attribute::Shape, _)) {
        voice.anything = &words::ANYTHING_BUT_SHAPE;
    }
    voice.ones = matches!(meaning, Meaning::What(..));
    match *meaning {
        Meaning::Whether(statement) => voice.say(&whether::phrasings(&statement), &statement.slots()),
        Meaning::Count(what) => voice.say(
            &Phrasings {
                trained: &[
                    "how many {s 0} are there?",
                    "how many {s 0} are there?",
                    "how many {s 0}?",
                    "how many {s 0} are in the picture?",
                    "how many {s 0} can you see?",
                    "how many {s 0} can you find?",
                    "how many {s 0} do you see?",
                    "how many {s 0} do you count?",
                    "how many {s 0} does the picture show?",
                    "how many {s 0} does it have?",
                    "how many {s 0} did they draw?",
                    "how many {s 0} are shown here?",
                    "how many {s 0} have been drawn?",
                    "i'd like to know how many {s 0} there are.",
                    "tell me how many {s 0} there are.",
                    "could you tell me how many {s 0} there are?",
                    "what is the number of {s 0}?",
                    "what's the total number of {s 0}?",
                    "what is the count of {s 0}?",
                    "number of {s 0}?",
                    "count the {s 0}.",
                    "please count all the {s 0}.",
                    "could you count the {s 0} for me?",
                    "{s 0}: how many are there?",
                ],
                held_out: &["can you count the {s 0}?", "how many {s 0} are in this drawing?"],
            },
            &Slots::nouns(&[what]),
        ),
        Meaning::CountBeside(what, direction, anchor) => voice.say(
            &Phrasings {
                trained: &[
                    "how many {s 0} are {dir} {the 1}?",
                    "how many {s 0} lie {dir} {the 1}?",
                    "how many {s 0} can you see {dir} {the 1}?",
                    "{dir} {the 1}, how many {s 0} are there?",
                    "count the {s 0} {dir} {the 1}.",
                    "tell me how many {s 0} there are {dir} {the 1}.",
                    "what is the number of {s 0} {dir} {the 1}?",
                ],
                held_out: &["how many {s 0} do you see {dir} {the 1}?"],
            },
            &Slots { direction: Some(direction), ..Slots::nouns(&[what, anchor]) },
        ),
        Meaning::CountWithout(what, value) => voice.say(
            &Phrasings {
                trained: &[
                    "how many {s 0} are not {are t}?",
                    "how many {s 0} aren't {are t}?",
                    "how many {s 0} are there that are not {are t}?",
                    "how many {s 0} that aren't {are t} do you see?",
                    "count the {s 0} that are not {are t}.",
                ],
                held_out: &["how many of the {s 0} are not {are t}?"],
            },
            &Slots { value: Some(value), ..Slots::nouns(&[what]) },
        ),
        Meaning::CountEither(a, b) => voice.say(
            &Phrasings {
                trained: &[
                    "how many {s 0} and {s 1} are there altogether?",
                    "how many {s 0} and {s 1} are there in total?",
                    "how many {s 0} or {s 1} are there?",
                    "what's the number of {s 0} or {s 1}?",
                    "{s 0} and {s 1} together, how many?",
                    "how many things are either {s 0} or {s 1}?",
                    "what do you get if you add up the {s 0} and the {s 1}?",
                ],
                held_out: &["how many {s 0} and {s 1} can you see in total?"],
            },
            &Slots::nouns(&[a, b]),
        ),
        Meaning::What(attribute, reference) => voice.say(
            &what_phrasings(attribute),
            &Slots { attribute: Some(attribute), reference: Some(reference), ..Slots::default() },
        ),
        Meaning::Side(direction, a, b) => voice.say(side_phrasings(direction), &Slots::nouns(&[a, b])),
        Meaning::Which { bigger, a, b } => {
            const BIGGER: Phrasings = Phrasings {
                trained: &[
                    "which is bigger, {the 0} or {the 1}?",
                    "which is larger, {the 0} or {the 1}?",
                    "which one is bigger: {the 0} or {the 1}?",
                    "what is bigger, {the 0} or {the 1}?",
                    "is {the 0} bigger or {the 1}?",
                    "of {the 0} and {the 1}, which is larger?",
                ],
                held_out: &["which of the two is bigger, {the 0} or {the 1}?"],
            };
            const SMALLER: Phrasings = Phrasings {
                trained: &[
                    "which is smaller, {the 0} or {the 1}?",
                    "which one is smaller: {the 0} or {the 1}?",
                    "of {the 0} and {the 1}, which is smaller?",
                ],
                held_out: &["which of the two is smaller, {the 0} or {the 1}?"],
            };
            voice.say(if bigger { &BIGGER } else { &SMALLER }, &Slots::nouns(&[a, b]))
        }
        Meaning::WhichMore(a, b) => voice.say(
            &Phrasings {
                trained: &[
                    "are there more {s 0} or more {s 1}?",
                    "are there more {s 0} or {s 1}?",
                    "what are there more of, {s 0} or {s 1}?",
                    "which are there more of, {s 0} or {s 1}?",
                    "more {s 0} or more {s 1}?",
                    "do you see more {s 0} or more {s 1}?",
                    "does it have more {s 0} or more {s 1}?",
                    "which are more numerous, the {s 0} or the {s 1}?",
                    "of {s 0} and {s 1}, which are more common?",
                    "which group is larger, the {s 0} or the {s 1}?",
                    "which did they draw more of: {s 0} or {s 1}?",
                ],
                held_out: &["can you see more {s 0} or more {s 1}?"],
            },
            &Slots::nouns(&[a, b]),
        ),
    }
}

fn what_phrasings(attribute: Attribute) -> Phrasings {
    match attribute {
        Attribute::Colour => Phrasings {
            trained: &[
                "what {attr} is {ref}?",
                "what {attr} is {ref}?",
                "what is the {attr} of {ref}?",
                "which {attr} does {ref} have?",
                "{ref} is what {attr}?",
                "what's the {attr} of {ref}?",
                "which {attr} is {ref}?",
                "tell me the {attr} of {ref}.",
                "name the {attr} of {ref}.",
                "{attr} of {ref}?",
                "can you tell me what {attr} {ref} is?",
                "do you know what {attr} {ref} is?",
                "i'd like to know the {attr} of {ref}.",
                "{ref}, what {attr} is it?",
                "{ref} - which {attr}?",
                "in what {attr} is {ref} drawn?",
                "what {attr} was used for {ref}?",
                "what {attr} did they make {ref}?",
                "in which {attr} did someone paint {ref}?",
            ],
            held_out: &["what {attr} does {ref} have?"],
        },
        Attribute::Shape => Phrasings {
            trained: &[
                "what {attr} is {ref}?",
                "what {attr} is {ref}?",
                "what is the {attr} of {ref}?",
                "which {attr} does {ref} have?",
                "what kind of {attr} is {ref}?",
                "what is {ref}?",
                "what's {ref}?",
                "what's the {attr} of {ref}?",
                "which {attr} is {ref}?",
                "tell me the {attr} of {ref}.",
                "name the {attr} of {ref}.",
                "{attr} of {ref}?",
                "can you tell me what {attr} {ref} is?",
                "do you know which {attr} {ref} is?",
                "i'd like to know what {attr} {ref} has.",
                "{ref}, what {attr} is it?",
                "{ref} - which {attr}?",
                "what would you call {ref}?",
                "what sort of {attr} is {ref}?",
                "{ref} is what {attr}?",
            ],
            held_out: &["what {attr} does {ref} have?"],
        },
        Attribute::Pattern => Phrasings {
            trained: &[
                "what {attr} does {ref} have?",
                "what is the {attr} of {ref}?",
                "which {attr} does {ref} have?",
                "what kind of {attr} does {ref} have?",
                "what's the {attr} of {ref}?",
                "what {attr} is on {ref}?",
                "what {attr} can you see on {ref}?",
                "how is {ref} filled?",
                "how is {ref} filled in?",
                "what does the inside of {ref} look like?",
                "tell me the {attr} of {ref}.",
                "{attr} of {ref}?",
                "{ref}, what {attr} does it have?",
                "which kind of {attr} is on {ref}?",
                "is {ref} {choices}?",
                "is {ref} {choices}?",
                "{ref}: {choices}?",
                "would you call {ref} {choices}?",
                "what does the inside of {ref} look like, {choices}?",
                "which {attr} does {ref} have, {choices}?",
            ],
            held_out: &["what {attr} is {ref}?"],
        },
        Attribute::Extent => Phrasings {
            trained: &[
                "what {attr} is {ref}?",
                "what is the {attr} of {ref}?",
                "how big is {ref}?",
                "how large is {ref}?",
                "what's the {attr} of {ref}?",
                "tell me the {attr} of {ref}.",
                "is {ref} {sizes}?",
                "would you call {ref} {sizes}?",
            ],
            held_out: &["which {attr} is {ref}?"],
        },
    }
}

fn side_phrasings(direction: Direction) -> &'static Phrasings {
    const ACROSS: Phrasings = Phrasings {
        trained: &[
            "is {the 0} to the left or to the right of {the 1}?",
            "is {the 0} left or right of {the 1}?",
            "on which side of {the 1} is {the 0}, left or right?",
            "is {the 0} to the left of or to the right of {the 1}?",
            "{the 0}: left or right of {the 1}?",
            "on which side of {the 1} can you see {the 0}, left or right?",
            "did they draw {the 0} to the left or to the right of {the 1}?",
            "tell me whether {the 0} is to the left or to the right of {the 1}.",
            "which side of {the 1} is {the 0} on, left or right?",
        ],
        held_out: &["is {the 0} on the left or on the right of {the 1}?"],
    };
    const UPRIGHT: Phrasings = Phrasings {
        trained: &[
            "is {the 0} above or below {the 1}?",
            "does {the 0} lie above or below {the 1}?",
            "is {the 0} higher or lower than {the 1}, above or below?",
            "{the 0}: above or below {the 1}?",
            "did they draw {the 0} above or below {the 1}?",
            "tell me whether {the 0} is above or below {the 1}.",
            "is {the 0} over or under {the 1}, above or below?",
            "where is {the 0}, above {the 1} or below it?",
        ],
        held_out: &["can you see {the 0} above or below {the 1}?"],
    };
    match direction {
        Direction::Left | Direction::Right => &ACROSS,
        Direction::Above | Direction::Below => &UPRIGHT,
    }
}
