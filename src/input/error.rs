//! What can be wrong with a picture, a text or a tokenizer.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

/// Why bytes are no usable picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("the picture is empty: send a PNG, JPEG or WebP file")]
    Empty,
    #[error("this is not a supported picture: send a PNG, JPEG or WebP file")]
    Unsupported,
    /// More pixels than [`Limits::pixels`](super::Limits::pixels).
    #[error(
        "the picture is {width}×{height} pixels, more than the {limit} pixels allowed: send a smaller one"
    )]
    TooLarge { width: u32, height: u32, limit: u64 },
    #[error("the picture is damaged")]
    Damaged(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the picture cannot be read")]
    Read(#[source] io::Error),
}

/// Why a text cannot be given to the model.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("the text is empty")]
    Empty,
    #[error("the text has {tokens} tokens, more than the {limit} the model reads: shorten it")]
    TooLong { tokens: usize, limit: usize },
    /// So many bytes that it was not even tokenised.
    #[error("the text has {bytes} bytes, more than the {limit} allowed: shorten it")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the text cannot be tokenised")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

/// Why there is no tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    #[error("cannot read the tokenizer `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the tokenizer is not a valid tokenizer.json")]
    Parse(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the tokenizer has no token `{name}` or `{other}`, which the model needs")]
    NoSpecial { name: &'static str, other: &'static str },
    #[error("the tokenizer does not put a text between its tokens for begin and end, which the model needs")]
    NoFrame,
    #[error("a tokenizer of {vocabulary} tokens is too small: give at least {least}")]
    TooSmall { vocabulary: usize, least: usize },
    #[error("there is not a single word to train the tokenizer on")]
    NoWords,
}
