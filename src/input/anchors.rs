//! Anchor points: where the words of a text name the objects of a picture.

use std::iter;

use super::text::Tokens;
use crate::types::{AnchorPoint, Tags};

/// Pairs each object with the first token of every word that is among its tags (class or attribute), by object, then by token.
///
/// Case is ignored and a plural is taken for its singular. A tag of several words is found where they follow one another,
/// at the first of them.
pub fn anchors(tags: &[Tags], tokens: &Tokens) -> Vec<AnchorPoint> {
    let first_tokens = tokens.first_of_words();
    let mut found = Vec::new();
    for (object, tags) in tags.iter().enumerate() {
        let tags: Vec<_> = tags.words().map(words_of).filter(|tag| !tag.is_empty()).collect();
        for (word, &token) in first_tokens.iter().enumerate() {
            let here = &tokens.word_texts[word..];
            if tags.iter().any(|tag| stands_at_start(tag, here)) {
                found.push(AnchorPoint { object, token });
            }
        }
    }
    found
}

/// A tag split as the tokenizer splits text: at blanks, and around every punctuation mark.
fn words_of(tag: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in tag.split_whitespace() {
        let mut word = String::new();
        for c in part.to_lowercase().chars() {
            if c.is_alphanumeric() {
                word.push(c);
                continue;
            }
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            words.push(c.to_string());
        }
        words.extend((!word.is_empty()).then_some(word));
    }
    words
}

fn stands_at_start(tag: &[String], words: &[String]) -> bool {
    tag.len() <= words.len() && iter::zip(tag, words).all(|(tag, word)| same(tag, word))
}

fn same(a: &str, b: &str) -> bool {
    a == b || is_plural(a, b) || is_plural(b, a)
}

/// Whether `word` is the regular plural of `singular`.
fn is_plural(word: &str, singular: &str) -> bool {
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|end| singular.ends_with(end));
    if hisses {
        return word.strip_suffix("es") == Some(singular);
    }
    if let Some(stem) = singular.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return word.strip_suffix("ies") == Some(stem);
    }
    word.strip_suffix('s') == Some(singular)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(class: &str, attributes: &[&str]) -> Tags {
        Tags { class: class.into(), attributes: attributes.iter().map(|&a| a.into()).collect() }
    }

    /// One token per word between `[CLS]` and `[SEP]`, and a second piece for every word in `split`.
    fn tokens(text: &str, split: &[&str]) -> Tokens {
        let word_texts: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let mut words = vec![None];
        for (n, word) in word_texts.iter().enumerate() {
            words.push(Some(n));
            words.extend(split.contains(&word.as_str()).then_some(Some(n)));
        }
        words.push(None);
        Tokens { ids: vec![9; words.len()], words, word_texts }
    }

    fn pairs(found: &[AnchorPoint]) -> Vec<(usize, usize)> {
        found.iter().map(|anchor| (anchor.object, anchor.token)).collect()
    }

    #[test]
    fn words_are_paired_with_the_objects_whose_tags_they_name() {
        let objects = [tags("circle", &["red", "large"]), tags("square", &["red"]), tags("cross", &[])];
        //                   1   2   3 + 4   5  6 7   8      9
        let tokens = tokens("the red circles is a big square .", &["circles"]);
        assert_eq!(pairs(&anchors(&objects, &tokens)), [(0, 2), (0, 3), (1, 2), (1, 8)]);
    }

    #[test]
    fn a_tag_of_several_words_is_found_at_its_first() {
        let objects = [tags("Traffic Light", &[]), tags("t-shirt", &[])];
        let text = tokens("traffic lights and traffic near a t - shirt", &[]);
        assert_eq!(pairs(&anchors(&objects, &text)), [(0, 1), (1, 7)]);
    }

    #[test]
    fn a_word_in_pieces_is_anchored_at_the_first_of_them() {
        let tokens = crate::input::testing::of_bytes(40).encode("A red zebra, striped.").unwrap();
        let first = |word: &str| {
            let word = tokens.word_texts.iter().position(|text| text == word);
            tokens.words.iter().position(|of| *of == word).unwrap()
        };
        assert!(tokens.words.iter().filter(|word| **word == Some(2)).count() > 1);
        let found = anchors(&[tags("zebra", &["red", "striped"])], &tokens);
        assert_eq!(pairs(&found), [(0, first("red")), (0, first("zebra")), (0, first("striped"))]);
    }

    #[test]
    fn regular_plurals_are_folded_and_nothing_else() {
        for (plural, singular) in [
            ("circles", "circle"),
            ("crosses", "cross"),
            ("boxes", "box"),
            ("berries", "berry"),
            ("toys", "toy"),
            ("ellipses", "ellipse"),
        ] {
            assert!(same(plural, singular) && same(singular, plural), "{plural} / {singular}");
        }
        for (a, b) in [("cross", "cros"), ("red", "reds!"), ("star", "start"), ("bus", "buse")] {
            assert!(!same(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn an_object_whose_class_and_attribute_agree_is_anchored_once() {
        let anchored = anchors(&[tags("orange", &["orange"])], &tokens("an orange", &[]));
        assert_eq!(pairs(&anchored), [(0, 2)]);
    }
}
