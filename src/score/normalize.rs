//! The normalisation of answers in the official VQA evaluation, its oddities included: figures must be comparable.

use std::collections::HashMap;
use std::sync::LazyLock;

const PUNCTUATION: [char; 21] = [
    ';', '/', '[', ']', '"', '{', '}', '(', ')', '=', '+', '\\', '_', '-', '>', '<', '@', '`', ',', '?', '!',
];
/// Full stops that are deleted at most: the evaluation passes a flag where its library takes a count.
const MOST_STOPS: usize = 32;

const NUMBERS: [&str; 11] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/// Contractions by their endings. A word that lacks one of the apostrophes gets it back. Some that one would expect are missing, since
/// without their apostrophe they are other words, or since the evaluation does not know them.
const CONTRACTIONS: [(&str, &[&str]); 9] = [
    (
        "n't",
        &[
            "ai", "are", "ca", "could", "did", "does", "do", "had", "has", "have", "is", "might", "must",
            "need", "ought", "sha", "should", "was", "were", "wo", "would",
        ],
    ),
    ("n't've", &["could", "had", "might", "should", "would"]),
    (
        "'ve",
        &["could", "might", "must", "not", "should", "they", "we", "what", "where", "who", "would", "you"],
    ),
    ("'d", &["he", "how", "it", "someone", "something", "there", "they", "where", "who", "you"]),
    (
        "'d've",
        &[
            "he",
            "it",
            "she",
            "somebody",
            "someone",
            "something",
            "there",
            "they",
            "we",
            "who",
            "y'all",
            "you",
        ],
    ),
    ("'s", &["he", "how", "somebody", "someone", "that", "there", "what", "when", "where", "who", "why"]),
    ("'ll", &["how", "it", "somebody", "someone", "something", "they", "what", "who", "why", "y'all", "you"]),
    ("'re", &["there", "they", "what", "why", "you"]),
    ("", &["ma'am", "o'clock", "y'all", "'twas", "'ow's'at"]),
];

/// The one entry that goes the other way.
const REVERSED: (&str, &str) = ("somebody'd", "somebodyd");

static RESTORED: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut restored = HashMap::from([(REVERSED.0.to_owned(), REVERSED.1.to_owned())]);
    for (ending, stems) in CONTRACTIONS {
        for stem in stems {
            let whole = format!("{stem}{ending}");
            for (at, _) in whole.match_indices('\'') {
                let lacking = format!("{}{}", &whole[..at], &whole[at + 1..]);
                restored.insert(lacking, whole.clone());
            }
        }
    }
    restored
});

/// An answer without punctuation, articles and capitals, number words as digits, apostrophes where they belong.
pub fn normalize_answer(answer: &str) -> String {
    let answer = answer.replace(['\n', '\t'], " ");
    let plain = without_punctuation(answer.trim()).to_lowercase();
    let words = plain.split_whitespace().map(digits).filter(|word| !matches!(*word, "a" | "an" | "the"));
    words.map(|word| RESTORED.get(word).map_or(word, String::as_str)).collect::<Vec<_>>().join(" ")
}

/// Marks become blanks, or nothing where the text has them beside a blank or has a comma between digits.
fn without_punctuation(text: &str) -> String {
    let groups_digits = has_grouped_digits(text);
    let mut plain = text.to_owned();
    for mark in PUNCTUATION {
        let beside_blank = text.contains(&format!("{mark} ")) || text.contains(&format!(" {mark}"));
        plain = plain.replace(mark, if beside_blank || groups_digits { "" } else { " " });
    }
    without_stops(&plain)
}

fn has_grouped_digits(text: &str) -> bool {
    text.as_bytes().windows(3).any(|w| w[0].is_ascii_digit() && w[1] == b',' && w[2].is_ascii_digit())
}

/// Full stops go unless a digit follows.
fn without_stops(text: &str) -> String {
    let mut deleted = 0;
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let before_digit = characters.peek().is_some_and(char::is_ascii_digit);
        if c == '.' && !before_digit && deleted < MOST_STOPS {
            deleted += 1;
        } else {
            kept.push(c);
        }
    }
    kept
}

fn digits(word: &str) -> &str {
    const DIGITS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
    if word == "none" {
        return DIGITS[0];
    }
    NUMBERS.iter().position(|&number| number == word).map_or(word, |n| DIGITS[n])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_normalised_as_in_the_official_evaluation() {
        for (answer, expected) in [
            ("Two", "2"),
            ("the red hat", "red hat"),
            ("a", ""),
            ("1,000 people", "1000 people"),
            ("10.5", "10.5"),
            ("3.", "3"),
            ("u.s.a.", "usa"),
            ("yes, sir", "yes sir"),
            ("no/yes", "no yes"),
            ("stop - sign", "stop sign"),
            ("\"hello\"", "hello"),
            ("$5", "$5"),
            ("5:30", "5:30"),
            ("isnt", "isn't"),
            ("somebodyd", "somebodyd"),
            ("somebody'd", "somebodyd"),
            ("None", "0"),
            ("ten men", "10 men"),
            ("  white\n", "white"),
            ("women's", "women's"),
            ("its", "its"),
            ("Im", "im"),
            ("ow's'at", "'ow's'at"),
            ("couldnt've", "couldn't've"),
            ("yall'd've", "y'all'd've"),
            (".5", ".5"),
            ("x@y.com", "x ycom"),
            ("red,blue", "red blue"),
            ("1,2", "12"),
        ] {
            assert_eq!(normalize_answer(answer), expected, "{answer}");
        }
    }

    #[test]
    fn only_the_first_full_stops_are_deleted() {
        assert_eq!(normalize_answer(&".".repeat(40)), ".".repeat(8));
    }
}
