//! A published checkpoint that the text encoder of a training starts from.

use std::fs;
use std::path::Path;

use super::error::Error;
use crate::input::Tokenizer;
use crate::model::{BertDims, Checkpoint, Cmal};

/// Files of a checkpoint's folder.
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";

/// A BERT's weights, with the tokenizer that they belong to.
#[derive(Debug)]
pub struct TextStart {
    /// Name of its folder.
    pub name: String,
    /// Digest of its files.
    pub fingerprint: String,
    pub tokenizer: Tokenizer,
    checkpoint: Checkpoint,
}

impl TextStart {
    /// Opens a folder with `config.json`, `model.safetensors` and `tokenizer.json`, for texts of up to `max_tokens` tokens.
    pub fn open(folder: &Path, max_tokens: usize) -> Result<Self, Error> {
        let unusable = |source| Error::TextStart { folder: folder.to_owned(), source };
        let mut digest = blake3::Hasher::new();
        let mut read = |name: &str| {
            let path = folder.join(name);
            let bytes = fs::read(&path).map_err(Error::file("read", path))?;
            // The length too, so that no byte can pass from one file to the next unseen.
            digest.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
            Ok::<_, Error>(bytes)
        };
        let text = |bytes| String::from_utf8(bytes).map_err(|source| unusable(source.into()));
        let (config, tokenizer) = (text(read(CONFIG)?)?, text(read(TOKENIZER)?)?);
        let weights = read(WEIGHTS)?;
        let tokenizer =
            Tokenizer::from_json(tokenizer, max_tokens).map_err(|source| unusable(source.into()))?;
        let checkpoint = Checkpoint::read(&config, &weights, tokenizer.vocabulary(), max_tokens)
            .map_err(|source| unusable(source.into()))?;
        let name = folder.canonicalize().ok().and_then(|folder| Some(folder.file_name()?.to_owned()));
        Ok(Self {
            name: name.unwrap_or_else(|| folder.as_os_str().to_owned()).to_string_lossy().into_owned(),
            fingerprint: digest.finalize().to_hex().to_string(),
            tokenizer,
            checkpoint,
        })
    }

    /// Sizes of its model.
    pub fn dims(&self) -> BertDims {
        self.checkpoint.dims
    }

    /// The association model with the text encoder of the checkpoint.
    pub(super) fn cmal(&self, cmal: Cmal) -> Result<Cmal, Error> {
        let unusable = |source| Error::StartWeights { name: self.name.clone(), source };
        cmal.reading_as(&self.checkpoint).map_err(unusable)
    }
}
