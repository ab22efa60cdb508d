//! Bytes and text to arrays, the same for training, evaluation and serving, so that the model meets one kind of input everywhere.

mod anchors;
mod error;
mod frequency;
mod growth;
mod pad;
mod picture;
#[cfg(test)]
mod testing;
mod text;
mod vocabulary;
mod words;

pub use anchors::anchors;
pub use error::{PictureError, TextError, TokenizerError};
pub use frequency::frequent;
pub use pad::{Padded, PaddedRows, pad_rows, pad_tokens};
pub use picture::{Limits, Picture, Pixels};
pub use text::{Tokenizer, Tokens};
