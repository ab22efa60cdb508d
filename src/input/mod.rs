//! Bytes and text to arrays, the same for training, evaluation and serving, so that the model meets one kind of input everywhere.

mod anchors;
mod error;
mod growth;
mod pad;
mod picture;
mod text;
mod vocabulary;

pub use anchors::anchors;
pub use error::{PictureError, TextError, TokenizerError};
pub use pad::{Padded, PaddedRows, pad_rows, pad_tokens};
pub use picture::{Limits, Picture, Pixels};
pub use text::{Tokenizer, Tokens};
