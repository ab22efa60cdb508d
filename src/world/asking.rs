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
    voice.ones = matches!(meaning, Meaning::What(..));
    match *meaning {
        Meaning::Whether(statement) => voice.say(&whether_phrasings(&statement), &statement.slots()),
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
            "on which side of {the 1} can you see {the 0}?",
            "did they draw {the 0} to the left or to the right of {the 1}?",
            "tell me whether {the 0} is to the left or to the right of {the 1}.",
            "which side of {the 1} is {the 0} on?",
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
                "is there {a 0} anywhere?",
                "any {s 0}?",
                "any {s 0} here?",
                "got any {s 0}?",
                "can you find {a 0}?",
                "can you spot {a 0} anywhere?",
                "could you tell me if there is {a 0}?",
                "has it got {a 0}?",
                "does it have {a 0}?",
                "did they draw {a 0}?",
                "did someone draw any {s 0}?",
                "would i find {a 0} in here?",
                "does {a 0} appear in the picture?",
                "do any {s 0} appear?",
                "is {a 0} somewhere in this image?",
                "is one of the things {a 0}?",
                "is it true that there is {a 0}?",
                "are there {s 0} in the picture?",
                "i'm looking for {a 0}, is there one?",
                "{a 0}, yes or no?",
            ],
            held_out: &["does the drawing contain any {s 0}?", "can you see any {s 0} in this image?"],
        },
        Statement::Absent(_) => Phrasings {
            trained: &[
                "is there no {0}?",
                "are there no {s 0}?",
                "is it true that there are no {s 0}?",
                "is the picture free of {s 0}?",
                "are {s 0} missing?",
                "does it not have any {s 0}?",
            ],
            held_out: &["does the picture have no {s 0}?"],
        },
        Statement::At(..) => Phrasings {
            trained: &[
                "is {the 0} {place}?",
                "is {the 0} {place}?",
                "does {the 0} lie {place}?",
                "did they put {the 0} {place}?",
                "can i find {the 0} {place}?",
                "is it true that {the 0} is {place}?",
                "{place}, is that {the 0}?",
            ],
            held_out: &["can you see {the 0} {place}?"],
        },
        Statement::Exactly(..) => Phrasings {
            trained: &[
                "{be} there exactly {n 0}?",
                "does the picture show exactly {n 0}?",
                "is the number of {s 0} {num}?",
                "would i count exactly {n 0}?",
                "{be} there just {n 0}?",
                "is it true that there {be} exactly {n 0}?",
            ],
            held_out: &["do you see exactly {n 0}?"],
        },
        Statement::AtLeast(..) => Phrasings {
            trained: &[
                "are there at least {n 0}?",
                "does the picture show {n 0} or more?",
                "can you count {n 0} or more?",
                "does it have at least {n 0}?",
            ],
            held_out: &["can you see at least {n 0}?"],
        },
        Statement::More(..) => Phrasings {
            trained: &[
                "are there more {s 0} than {s 1}?",
                "are there fewer {s 1} than {s 0}?",
                "is the number of {s 0} greater than the number of {s 1}?",
                "does the picture have more {s 0} than {s 1}?",
                "can you find more {s 0} than {s 1}?",
                "would i count more {s 0} than {s 1}?",
                "do the {s 0} outnumber the {s 1}?",
                "did they draw more {s 0} than {s 1}?",
                "are the {s 0} more numerous than the {s 1}?",
            ],
            held_out: &["do you see more {s 0} than {s 1}?"],
        },
        Statement::AsMany(..) => Phrasings {
            trained: &[
                "are there as many {s 0} as {s 1}?",
                "is the number of {s 0} the same as the number of {s 1}?",
                "is there the same number of {s 0} and {s 1}?",
                "are there equally many {s 0} and {s 1}?",
                "does it have just as many {s 0} as {s 1}?",
                "is the count of {s 0} equal to the count of {s 1}?",
            ],
            held_out: &["does the picture show as many {s 0} as {s 1}?"],
        },
        Statement::Same(..) => Phrasings {
            trained: &[
                "is {the 0} the same {attr} as {the 1}?",
                "do {the 0} and {the 1} have the same {attr}?",
                "does {the 0} have the same {attr} as {the 1}?",
                "does {the 0} match {the 1} in {attr}?",
                "do {the 0} and {the 1} share the same {attr}?",
                "are {the 0} and {the 1} alike in {attr}?",
                "when it comes to {attr}, are {the 0} and {the 1} alike?",
                "is the {attr} of {the 0} the same as that of {the 1}?",
            ],
            held_out: &["are {the 0} and {the 1} the same {attr}?"],
        },
        Statement::Bigger(..) => Phrasings {
            trained: &[
                "is {the 0} bigger than {the 1}?",
                "is {the 0} larger than {the 1}?",
                "is {the 1} smaller than {the 0}?",
                "compare sizes: is {the 0} bigger than {the 1}?",
                "was {the 0} drawn larger than {the 1}?",
                "is {the 0} the bigger one compared with {the 1}?",
                "does {the 0} take up more room than {the 1}?",
            ],
            held_out: &["would you say that {the 0} is bigger than {the 1}?"],
        },
        Statement::Beside(..) => Phrasings {
            trained: &[
                "is {the 0} {dir} {the 1}?",
                "is {the 0} {dir} {the 1}?",
                "does {the 0} lie {dir} {the 1}?",
                "was {the 0} drawn {dir} {the 1}?",
                "did they put {the 0} {dir} {the 1}?",
                "would i find {the 0} {dir} {the 1}?",
                "is it true that {the 0} is {dir} {the 1}?",
                "{the 0} is {dir} {the 1}, yes or no?",
                "looking at {the 1}, is {the 0} {dir} it?",
            ],
            held_out: &["can you see {the 0} {dir} {the 1}?"],
        },
        Statement::SomeBeside(..) => Phrasings {
            trained: &[
                "is there {a 0} {dir} {the 1}?",
                "are there any {s 0} {dir} {the 1}?",
                "do you see {a 0} {dir} {the 1}?",
                "any {s 0} {dir} {the 1}?",
                "did they draw {a 0} {dir} {the 1}?",
                "{dir} {the 1}, is there {a 0}?",
            ],
            held_out: &["does {a 0} lie {dir} {the 1}?"],
        },
        Statement::Both(..) => Phrasings {
            trained: &[
                "is there both {a 0} and {a 1}?",
                "does the picture contain {a 0} and {a 1}?",
                "can you see {a 0} as well as {a 1}?",
                "are {a 0} and {a 1} both in the picture?",
                "is there {a 0} and also {a 1}?",
                "is it true that there is {a 0} and {a 1}?",
                "has it got {a 0} and {a 1}?",
                "did they draw both {a 0} and {a 1}?",
                "can you find {a 0} and {a 1}?",
            ],
            held_out: &["do you see both {a 0} and {a 1}?"],
        },
        Statement::Either(..) => Phrasings {
            trained: &[
                "is there {a 0} or {a 1}?",
                "is there either {a 0} or {a 1}?",
                "does the picture contain {a 0} or {a 1}?",
                "do you see any {s 0} or {s 1}?",
                "are there any {s 0} or any {s 1}?",
                "has it got {a 0} or {a 1}?",
                "is at least one of these there: {a 0}, {a 1}?",
            ],
            held_out: &["can you see either {a 0} or {a 1}?"],
        },
        Statement::Without(..) => Phrasings {
            trained: &[
                "is there {a 0} but no {1}?",
                "does the picture contain {a 0} but not {a 1}?",
                "is there {a 0} but not {a 1}?",
                "has it got {a 0} and no {1}?",
                "does it have {a 0} while {s 1} are missing?",
                "is there {a 0} without {a 1}?",
                "can you see {a 0} but no {s 1}?",
            ],
            held_out: &["do you see {a 0} but no {1}?"],
        },
        Statement::Neither(..) => Phrasings {
            trained: &[
                "is there neither {a 0} nor {a 1}?",
                "does the picture have neither {s 0} nor {s 1}?",
                "are there neither {s 0} nor {s 1}?",
                "are {s 0} and {s 1} both missing?",
                "is it true that there is no {0} and no {1}?",
            ],
            held_out: &["does the drawing contain neither {a 0} nor {a 1}?"],
        },
        Statement::Every(..) => Phrasings {
            trained: &[
                "are all the {s 0} {are t}?",
                "are all of the {s 0} {are t}?",
                "is every {0} {is t}?",
                "is it true that all the {s 0} are {are t}?",
                "did they make all the {s 0} {are t}?",
                "is each of the {s 0} {is t}?",
                "without exception, are the {s 0} {are t}?",
            ],
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
            trained: &[
                "is {ref} {is t}?",
                "is {ref} {is t}?",
                "would you say that {ref} is {is t}?",
                "would you call {ref} {is t}?",
                "do you think {ref} is {is t}?",
                "is it true that {ref} is {is t}?",
                "{ref} is {is t}, yes or no?",
                "{ref} is {is t}, right?",
                "{ref}, is it {is t}?",
            ],
            held_out: &["can you see that {ref} is {is t}?"],
        },
    }
}
