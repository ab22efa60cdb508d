//! The wording of questions.

use super::kinds::Attribute;
use super::place::Direction;
use super::questions::Meaning;
use super::statement::Statement;
use super::voice::{Phrasings, Slots, Voice};
use super::words;

/// A question with this meaning, in lower case.
pub fn ask(meaning: &Meaning, voice: &mut Voice) -> String {
    if matches!(meaning, Meaning::What(Attribute::Shape, _)) {
        voice.anything = &words::ANYTHING_BUT_SHAPE;
    }
    match *meaning {
        Meaning::Whether(statement) => voice.say(&whether_phrasings(&statement), &statement.slots()),
        Meaning::Count(what) => voice.say(
            &Phrasings {
                trained: &[
                    "how many {s 0} are there?",
                    "how many {s 0} are there?",
                    "how many {s 0} are in the picture?",
                    "how many {s 0} can you see?",
                    "how many {s 0} do you see?",
                    "how many {s 0} does the picture show?",
                    "what is the number of {s 0}?",
                    "count the {s 0}.",
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
                    "what is the number of {s 0} {dir} {the 1}?",
                ],
                held_out: &["how many {s 0} do you see {dir} {the 1}?"],
            },
            &Slots { direction: Some(direction), ..Slots::nouns(&[what, anchor]) },
        ),
        Meaning::CountWithout(what, value) => voice.say(
            &Phrasings {
                trained: &["how many {s 0} are not {are t}?", "how many {s 0} aren't {are t}?"],
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
                trained: &["which is bigger, {the 0} or {the 1}?", "which is larger, {the 0} or {the 1}?"],
                held_out: &["which of the two is bigger, {the 0} or {the 1}?"],
            };
            const SMALLER: Phrasings = Phrasings {
                trained: &["which is smaller, {the 0} or {the 1}?"],
                held_out: &["which of the two is smaller, {the 0} or {the 1}?"],
            };
            voice.say(if bigger { &BIGGER } else { &SMALLER }, &Slots::nouns(&[a, b]))
        }
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
            ],
            held_out: &["what {attr} does {ref} have?"],
        },
        Attribute::Pattern => Phrasings {
            trained: &[
                "what {attr} does {ref} have?",
                "what is the {attr} of {ref}?",
                "which {attr} does {ref} have?",
                "what kind of {attr} does {ref} have?",
            ],
            held_out: &["what {attr} is {ref}?"],
        },
        Attribute::Extent => Phrasings {
            trained: &[
                "what {attr} is {ref}?",
                "what is the {attr} of {ref}?",
                "how big is {ref}?",
                "how large is {ref}?",
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
        ],
        held_out: &["is {the 0} on the left or on the right of {the 1}?"],
    };
    const UPRIGHT: Phrasings = Phrasings {
        trained: &[
            "is {the 0} above or below {the 1}?",
            "does {the 0} lie above or below {the 1}?",
            "is {the 0} higher or lower than {the 1}, above or below?",
        ],
        held_out: &["can you see {the 0} above or below {the 1}?"],
    };
    match direction {
        Direction::Left | Direction::Right => &ACROSS,
        Direction::Above | Direction::Below => &UPRIGHT,
    }
}

fn whether_phrasings(statement: &Statement) -> Phrasings {
    match statement {
        Statement::Exists(_) => Phrasings {
            trained: &[
                "is there {a 0}?",
                "is there {a 0}?",
                "are there any {s 0}?",
                "does the picture contain {a 0}?",
                "can you see {a 0}?",
                "do you see any {s 0}?",
                "is {a 0} shown in the picture?",
                "does this image have {a 0}?",
                "is there {a 0} in this drawing?",
            ],
            held_out: &["does the drawing contain any {s 0}?", "can you see any {s 0} in this image?"],
        },
        Statement::Exactly(..) => Phrasings {
            trained: &["{be} there exactly {n 0}?", "does the picture show exactly {n 0}?"],
            held_out: &["do you see exactly {n 0}?"],
        },
        Statement::AtLeast(..) => Phrasings {
            trained: &["are there at least {n 0}?", "does the picture show {n 0} or more?"],
            held_out: &["can you see at least {n 0}?"],
        },
        Statement::More(..) => Phrasings {
            trained: &[
                "are there more {s 0} than {s 1}?",
                "are there fewer {s 1} than {s 0}?",
                "is the number of {s 0} greater than the number of {s 1}?",
                "does the picture have more {s 0} than {s 1}?",
            ],
            held_out: &["do you see more {s 0} than {s 1}?"],
        },
        Statement::AsMany(..) => Phrasings {
            trained: &[
                "are there as many {s 0} as {s 1}?",
                "is the number of {s 0} the same as the number of {s 1}?",
                "is there the same number of {s 0} and {s 1}?",
            ],
            held_out: &["does the picture show as many {s 0} as {s 1}?"],
        },
        Statement::Same(..) => Phrasings {
            trained: &[
                "is {the 0} the same {attr} as {the 1}?",
                "do {the 0} and {the 1} have the same {attr}?",
                "does {the 0} have the same {attr} as {the 1}?",
            ],
            held_out: &["are {the 0} and {the 1} the same {attr}?"],
        },
        Statement::Bigger(..) => Phrasings {
            trained: &[
                "is {the 0} bigger than {the 1}?",
                "is {the 0} larger than {the 1}?",
                "is {the 1} smaller than {the 0}?",
            ],
            held_out: &["would you say that {the 0} is bigger than {the 1}?"],
        },
        Statement::Beside(..) => Phrasings {
            trained: &[
                "is {the 0} {dir} {the 1}?",
                "is {the 0} {dir} {the 1}?",
                "does {the 0} lie {dir} {the 1}?",
            ],
            held_out: &["can you see {the 0} {dir} {the 1}?"],
        },
        Statement::SomeBeside(..) => Phrasings {
            trained: &[
                "is there {a 0} {dir} {the 1}?",
                "are there any {s 0} {dir} {the 1}?",
                "do you see {a 0} {dir} {the 1}?",
            ],
            held_out: &["does {a 0} lie {dir} {the 1}?"],
        },
        Statement::Both(..) => Phrasings {
            trained: &[
                "is there both {a 0} and {a 1}?",
                "does the picture contain {a 0} and {a 1}?",
                "can you see {a 0} as well as {a 1}?",
                "are {a 0} and {a 1} both in the picture?",
            ],
            held_out: &["do you see both {a 0} and {a 1}?"],
        },
        Statement::Either(..) => Phrasings {
            trained: &[
                "is there {a 0} or {a 1}?",
                "is there either {a 0} or {a 1}?",
                "does the picture contain {a 0} or {a 1}?",
            ],
            held_out: &["can you see either {a 0} or {a 1}?"],
        },
        Statement::Without(..) => Phrasings {
            trained: &[
                "is there {a 0} but no {1}?",
                "does the picture contain {a 0} but not {a 1}?",
                "is there {a 0} but not {a 1}?",
            ],
            held_out: &["do you see {a 0} but no {1}?"],
        },
        Statement::Neither(..) => Phrasings {
            trained: &[
                "is there neither {a 0} nor {a 1}?",
                "does the picture have neither {s 0} nor {s 1}?",
                "are there neither {s 0} nor {s 1}?",
            ],
            held_out: &["does the drawing contain neither {a 0} nor {a 1}?"],
        },
        Statement::Every(..) => Phrasings {
            trained: &["are all the {s 0} {are t}?", "are all of the {s 0} {are t}?", "is every {0} {is t}?"],
            held_out: &["are all {s 0} in the picture {are t}?"],
        },
        Statement::NoneIs(..) => Phrasings {
            trained: &[
                "are none of the {s 0} {are t}?",
                "are there no {s 0} that are {are t}?",
                "would you say that no {0} is {is t}?",
            ],
            held_out: &["would you say that none of the {s 0} are {are t}?"],
        },
        Statement::Has(..) => Phrasings {
            trained: &["is {ref} {is t}?", "is {ref} {is t}?", "would you say that {ref} is {is t}?"],
            held_out: &["can you see that {ref} is {is t}?"],
        },
    }
}
