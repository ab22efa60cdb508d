//! The tokenizer: text to token ids, and which word each token belongs to.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use rayon::iter::{ParallelBridge, ParallelIterator};
use serde_json::json;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use super::error::{TextError, TokenizerError};
use super::vocabulary::{self, CONTINUATION};
use super::words::words;

const PAD: &str = "[PAD]";
const UNKNOWN: &str = "[UNK]";
const CLS: &str = "[CLS]";
const SEP: &str = "[SEP]";
const MASK: &str = "[MASK]";
/// In the order of their ids in a tokenizer that is learned here.
const SPECIALS: [&str; 5] = [PAD, UNKNOWN, CLS, SEP, MASK];
/// The same as RoBERTa's tokenizers call them.
const OTHER_SPECIALS: [&str; 5] = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"];

/// Longer words are one unknown token.
const WORD_CHARACTERS: usize = 100;
/// Bytes of a text per token that it may have; a longer text is refused unread. English has about five.
const BYTES_PER_TOKEN: usize = 64;
/// Tokens around a text: where it starts and where it ends.
const FRAME: usize = 2;
/// Smallest vocabulary that can be trained.
const LEAST_VOCABULARY: usize = 32;

/// A tokenizer stored as Hugging Face's `tokenizer.json`: one that is learned here is of WordPiece with lower-casing, one that comes with a
/// checkpoint of any kind. Immutable and shared between threads.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    pub(super) inner: tokenizers::Tokenizer,
    json: String,
    max_tokens: usize,
    vocabulary: usize,
    /// Ids of [`SPECIALS`].
    specials: [i64; SPECIALS.len()],
}

/// A tokenised text: `[CLS]`, the pieces of its words, `[SEP]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    pub ids: Vec<i64>,
    /// Index of the word each token belongs to; none for `[CLS]`, `[SEP]` and blanks. Words and punctuation marks count from 0.
    pub words: Vec<Option<usize>>,
    /// The words in lower case.
    pub word_texts: Vec<String>,
}

impl Tokens {
    /// Number of tokens, special ones counted.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The first token of each word.
    pub fn first_of_words(&self) -> Vec<usize> {
        let mut first = Vec::with_capacity(self.word_texts.len());
        for (token, word) in self.words.iter().enumerate() {
            // The words stand in the order of their tokens, and each has one.
            if *word == Some(first.len()) {
                first.push(token);
            }
        }
        first
    }
}

impl Tokenizer {
    /// Learns a tokenizer of about `vocabulary` tokens at most, for texts of up to `max_tokens` tokens. The same texts in any
    /// order give the same tokenizer.
    pub fn train(
        texts: impl Iterator<Item = String> + Send,
        vocabulary: usize,
        max_tokens: usize,
    ) -> Result<Self, TokenizerError> {
        if vocabulary < LEAST_VOCABULARY {
            return Err(TokenizerError::TooSmall { vocabulary, least: LEAST_VOCABULARY });
        }
        let words = count_words(texts, split)?;
        if words.is_empty() {
            return Err(TokenizerError::NoWords);
        }
        let learned = vocabulary::learn(&words, vocabulary - SPECIALS.len());
        let json = serde_json::to_string_pretty(&tokenizer_json(&learned))
            .map_err(|error| TokenizerError::Parse(error.into()))?;
        Self::from_json(json, max_tokens)
    }

    /// Reads a `tokenizer.json`.
    pub fn open(path: &Path, max_tokens: usize) -> Result<Self, TokenizerError> {
        let json = fs::read_to_string(path)
            .map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
        Self::from_json(json, max_tokens)
    }

    /// From the text of a `tokenizer.json`.
    pub fn from_json(json: impl Into<String>, max_tokens: usize) -> Result<Self, TokenizerError> {
        let json = json.into();
        let mut inner = tokenizers::Tokenizer::from_bytes(&json).map_err(TokenizerError::Parse)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(TokenizerError::Parse)?;
        // A "[MASK]" that somebody types is a word in brackets, not the special token.
        inner.set_encode_special_tokens(true);
        let mut specials = [0; SPECIALS.len()];
        for ((id, name), other) in specials.iter_mut().zip(SPECIALS).zip(OTHER_SPECIALS) {
            let found = inner.token_to_id(name).or_else(|| inner.token_to_id(other));
            *id = found.map(i64::from).ok_or(TokenizerError::NoSpecial { name, other })?;
        }
        let vocabulary = inner.get_vocab(true).values().max().map_or(0, |&last| last as usize + 1);
        let tokenizer = Self { inner, json, max_tokens, vocabulary, specials };
        let framed = tokenizer.inner.encode("a", true).map_err(TokenizerError::Parse)?;
        let ends = [framed.get_ids().first(), framed.get_ids().last()];
        let wanted = [tokenizer.cls(), tokenizer.sep()];
        if ends.map(|id| id.copied().map(i64::from)) != wanted.map(Some) {
            return Err(TokenizerError::NoFrame);
        }
        Ok(tokenizer)
    }

    /// The text of its `tokenizer.json`.
    pub fn to_json(&self) -> &str {
        &self.json
    }

    /// Tokenises a text of at most [`max_tokens`](Self::max_tokens) tokens.
    pub fn encode(&self, text: &str) -> Result<Tokens, TextError> {
        let text = self.readable(text)?;
        let encoding = self.inner.encode(text, true).map_err(TextError::Failed)?;
        if encoding.len() > self.max_tokens {
            return Err(TextError::TooLong { tokens: encoding.len(), limit: self.max_tokens });
        }
        let (words, word_texts) = words(text, encoding.get_word_ids(), encoding.get_offsets());
        if word_texts.is_empty() {
            return Err(TextError::Empty);
        }
        Ok(Tokens { ids: encoding.get_ids().iter().copied().map(i64::from).collect(), words, word_texts })
    }

    /// The whole words that fit, if the text as a whole is too long to be [encoded](Self::encode); of a first word that is too long by
    /// itself, as much as fits.
    pub fn start_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        let text = text.trim();
        let bytes_limit = self.max_tokens.saturating_mul(BYTES_PER_TOKEN);
        let readable = &text[..text.floor_char_boundary(bytes_limit)];
        let encoding = self.inner.encode(readable, false).ok()?;
        let room = self.max_tokens.checked_sub(FRAME)?;
        let words = encoding.get_word_ids();
        let end = if words.len() > room {
            // The first token without room, or the start of the word that it is in.
            let first = (0..=room).rev().take_while(|&token| words[token] == words[room]).last();
            let first = first.filter(|&first| first > 0).unwrap_or(room);
            encoding.get_offsets()[first].0
        } else if readable.len() < text.len() {
            readable.rfind(char::is_whitespace)?
        } else {
            return None;
        };
        Some(text[..end].trim_end()).filter(|start| !start.is_empty())
    }

    /// A text without the blanks around it, if there is something left and not too much to be looked at.
    pub fn readable<'a>(&self, text: &'a str) -> Result<&'a str, TextError> {
        let text = text.trim();
        let limit = self.max_tokens.saturating_mul(BYTES_PER_TOKEN);
        if text.is_empty() {
            Err(TextError::Empty)
        } else if text.len() > limit {
            Err(TextError::TooLarge { bytes: text.len(), limit })
        } else {
            Ok(text)
        }
    }

    /// Tokens of a text at most, special ones counted.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Number of tokens; ids are below it.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The words of a text as the tokenizer sees them.
    pub(super) fn split(&self, text: &str) -> tokenizers::Result<Vec<String>> {
        split_by(text, self.inner.get_normalizer(), self.inner.get_pre_tokenizer())
    }

    pub fn pad(&self) -> i64 {
        self.specials[0]
    }

    pub fn unknown(&self) -> i64 {
        self.specials[1]
    }

    pub fn cls(&self) -> i64 {
        self.specials[2]
    }

    pub fn sep(&self) -> i64 {
        self.specials[3]
    }

    pub fn mask(&self) -> i64 {
        self.specials[4]
    }

    /// Whether an id is one of `[PAD] [UNK] [CLS] [SEP] [MASK]`.
    pub fn special(&self, id: i64) -> bool {
        self.specials.contains(&id)
    }
}

/// The words that `split` finds in the texts, with their counts.
pub(super) fn count_words(
    texts: impl Iterator<Item = String> + Send,
    split: impl Fn(&str) -> tokenizers::Result<Vec<String>> + Sync,
) -> Result<BTreeMap<String, u64>, TokenizerError> {
    let counted = texts
        .par_bridge()
        .try_fold(HashMap::<String, u64>::new, |mut counts, text| {
            for word in split(&text)? {
                if word.chars().count() <= WORD_CHARACTERS {
                    *counts.entry(word).or_default() += 1;
                }
            }
            Ok(counts)
        })
        .try_reduce(HashMap::new, |mut all, part| {
            for (word, count) in part {
                *all.entry(word).or_default() += count;
            }
            Ok(all)
        })
        .map_err(TokenizerError::Parse)?;
    Ok(counted.into_iter().collect())
}

/// As a tokenizer that is learned here will see a text.
fn split(text: &str) -> tokenizers::Result<Vec<String>> {
    split_by(text, Some(&BertNormalizer::default()), Some(&BertPreTokenizer))
}

fn split_by(
    text: &str,
    normalizer: Option<&impl Normalizer>,
    pre_tokenizer: Option<&impl PreTokenizer>,
) -> tokenizers::Result<Vec<String>> {
    let mut normalized = NormalizedString::from(text);
    normalizer.map_or(Ok(()), |normalizer| normalizer.normalize(&mut normalized))?;
    let mut pieces = PreTokenizedString::from(normalized);
    pre_tokenizer.map_or(Ok(()), |pre_tokenizer| pre_tokenizer.pre_tokenize(&mut pieces))?;
    let splits = pieces.get_splits(OffsetReferential::Normalized, OffsetType::Byte);
    Ok(splits.into_iter().map(|(word, _, _)| word.to_owned()).collect())
}

fn tokenizer_json(learned: &[String]) -> serde_json::Value {
    let vocabulary: serde_json::Map<_, _> = SPECIALS
        .into_iter()
        .chain(learned.iter().map(String::as_str))
        .enumerate()
        .map(|(id, piece)| (piece.to_owned(), json!(id)))
        .collect();
    let added: Vec<_> = SPECIALS
        .iter()
        .enumerate()
        .map(|(id, special)| {
            json!({"id": id, "content": special, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": [SEP, vocabulary[SEP]], "cls": [CLS, vocabulary[CLS]]},
        "decoder": {"type": "WordPiece", "prefix": CONTINUATION, "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": UNKNOWN, "continuing_subword_prefix": CONTINUATION,
                  "max_input_chars_per_word": WORD_CHARACTERS, "vocab": vocabulary},
    })
}

#[cfg(test)]
mod tests;
