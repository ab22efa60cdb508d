//! A tokenizer that learns the words of new texts and keeps its old tokens under their ids.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokenizers::ModelWrapper;

use super::error::TokenizerError;
use super::frequency::frequent;
use super::text::{Tokenizer, count_words};
use super::vocabulary::CONTINUATION;

/// Words seen less often than this are spelled in pieces.
const LEAST: u64 = 2;

impl Tokenizer {
    /// The tokenizer with tokens for the characters and for the words of `texts` that it could not write as one, the most frequent first,
    /// up to `vocabulary` tokens in all. Old tokens keep their ids. One that is no WordPiece tokenizer stays as it is: it writes new words
    /// with the pieces that it has.
    pub fn extended(
        &self,
        texts: impl Iterator<Item = String> + Send,
        vocabulary: usize,
    ) -> Result<Self, TokenizerError> {
        let mut json: Value =
            serde_json::from_str(self.to_json()).map_err(|error| TokenizerError::Parse(error.into()))?;
        let of_pieces = matches!(self.inner.get_model(), ModelWrapper::WordPiece(_));
        let known = json.pointer_mut("/model/vocab").and_then(Value::as_object_mut);
        let Some(known) = known.filter(|_| of_pieces) else {
            return Ok(self.clone());
        };
        let words = count_words(texts, |text| self.split(text))?;
        let mut next = self.vocabulary();
        for piece in characters(&words).into_iter().chain(seen_often(&words)) {
            if next < vocabulary && !known.contains_key(&piece) {
                known.insert(piece, json!(next));
                next += 1;
            }
        }
        let text =
            serde_json::to_string_pretty(&json).map_err(|error| TokenizerError::Parse(error.into()))?;
        Self::from_json(text, self.max_tokens())
    }

    /// For each token by id, what a token of `former` it can start from: the same piece, or the pieces that `former` wrote the word with;
    /// none for what `former` could not write.
    pub fn sources(&self, former: &Self) -> Vec<Vec<usize>> {
        let pieces = (0..self.vocabulary() as u32).map(|id| self.inner.id_to_token(id));
        pieces.map(|piece| piece.map_or_else(Vec::new, |piece| former.spelled(&piece))).collect()
    }

    fn spelled(&self, piece: &str) -> Vec<usize> {
        if let Some(id) = self.inner.token_to_id(piece) {
            return vec![id as usize];
        }
        if piece.starts_with(CONTINUATION) {
            return Vec::new();
        }
        let ids =
            self.inner.encode(piece, false).map_or_else(|_| Vec::new(), |found| found.get_ids().to_vec());
        let unknown = ids.iter().any(|&id| i64::from(id) == self.unknown());
        if unknown { Vec::new() } else { ids.into_iter().map(|id| id as usize).collect() }
    }
}

/// Every character that begins or continues a frequent word, as the piece it then is.
fn characters(words: &BTreeMap<String, u64>) -> Vec<String> {
    let mut pieces = BTreeMap::<String, u64>::new();
    for (word, count) in words {
        for (place, character) in word.chars().enumerate() {
            let piece = if place == 0 { character.to_string() } else { format!("{CONTINUATION}{character}") };
            *pieces.entry(piece).or_default() += count;
        }
    }
    seen_often(&pieces)
}

fn seen_often(counted: &BTreeMap<String, u64>) -> Vec<String> {
    frequent(counted.iter().map(|(word, count)| (word.as_str(), *count)), LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn former() -> Tokenizer {
        let texts = ["a red circle", "a red square", "a circle beside a square"];
        Tokenizer::train(texts.map(str::to_owned).into_iter(), 200, 12).unwrap()
    }

    fn extended(vocabulary: usize) -> Tokenizer {
        let texts = ["a dog beside a zebra", "a dog and a zebra", "a dog"];
        former().extended(texts.map(str::to_owned).into_iter(), vocabulary).unwrap()
    }

    #[test]
    fn old_texts_are_written_as_before_and_new_words_as_one_token() {
        let (former, extended) = (former(), extended(400));
        let text = "a red circle beside a square";
        assert_eq!(extended.encode(text).unwrap(), former.encode(text).unwrap());
        assert!(former.encode("dog").unwrap().ids.contains(&former.unknown()));
        let ids = extended.encode("dog zebra").unwrap().ids;
        assert_eq!(ids.len(), 4);
        assert!(ids[1..3].iter().all(|&id| id >= former.vocabulary() as i64), "{ids:?}");
    }

    #[test]
    fn the_vocabulary_has_a_limit_that_frequent_words_reach_first() {
        let former = former();
        let few = extended(former.vocabulary() + 1);
        assert_eq!(few.vocabulary(), former.vocabulary() + 1);
        assert_eq!(extended(0).to_json(), extended(former.vocabulary()).to_json());
    }

    #[test]
    fn a_token_starts_from_itself_or_from_the_pieces_of_its_word() {
        let texts = ["a redsquare", "a redsquare dog", "a dog"];
        let former = former();
        let extended = former.extended(texts.map(str::to_owned).into_iter(), 400).unwrap();
        let sources = extended.sources(&former);
        assert_eq!(sources.len(), extended.vocabulary());
        assert!((0..former.vocabulary()).all(|id| sources[id] == [id]));
        let id_of = |word: &str| extended.encode(word).unwrap().ids[1] as usize;
        let pieces: Vec<usize> =
            former.encode("redsquare").unwrap().ids.iter().map(|&id| id as usize).collect();
        assert_eq!(sources[id_of("redsquare")], pieces[1..pieces.len() - 1]);
        assert_eq!(sources[id_of("dog")], [0usize; 0], "its letters were never seen");
    }

    #[test]
    fn a_tokenizer_that_writes_bytes_needs_no_new_tokens() {
        let texts = ["a dog", "a dog"].map(str::to_owned);
        let former = crate::input::testing::of_bytes(12);
        assert_eq!(former.extended(texts.into_iter(), 400).unwrap().to_json(), former.to_json());
    }

    #[test]
    fn words_are_learned_as_the_tokenizer_writes_them() {
        let cased = former().to_json().replace("\"lowercase\": true", "\"lowercase\": false");
        let former = Tokenizer::from_json(cased, 12).unwrap();
        let texts = ["a red Circle", "one more Circle"].map(str::to_owned);
        let extended = former.extended(texts.into_iter(), 400).unwrap();
        assert_eq!(extended.encode("Circle").unwrap().len(), 3, "one token in its frame");
    }
}
