//! A published checkpoint's weights under the paths that they have in our modules.
//!
//! A text is one segment that starts at the first position, so the row of token type 0 is added to every position, and rows beyond the
//! longest text are left out: the sums are the same, and nothing is kept that no text uses.

use std::collections::HashMap;

use burn::module::Module;
use safetensors::SafeTensors;

use super::config::Config;
use super::error::CheckpointError;
use super::family::{NORM, PARTS, POSITIONS, Part, TOKEN_TYPES, WORDS};
use crate::model::dims::BertDims;
use crate::model::state_dict::{self, StateDict, StateError};

/// Where in a state dict the parts of the textual side lie.
pub mod path {
    pub const WORDS: &str = "token";
    pub const POSITIONS: &str = "position";
    pub const NORM: &str = "norm";
    pub const ENCODER: &str = "encoder";
}

/// The weights and the sizes of a BERT.
#[derive(Debug)]
pub struct Checkpoint {
    pub dims: BertDims,
    state: StateDict,
}

impl Checkpoint {
    /// Reads config.json and model.safetensors, for texts of up to `max_tokens` tokens of a tokenizer that has `tokens`.
    pub fn read(
        config: &str,
        weights: &[u8],
        tokens: usize,
        max_tokens: usize,
    ) -> Result<Self, CheckpointError> {
        let config = Config::parse(config)?;
        if max_tokens > config.most_tokens() {
            return Err(CheckpointError::Positions { wanted: max_tokens, most: config.most_tokens() });
        }
        if tokens > config.tokens {
            return Err(CheckpointError::Tokens { tokens, known: config.tokens });
        }
        let file = SafeTensors::deserialize(weights).map_err(CheckpointError::Format)?;
        let mut taking =
            Taking { named: Named::new(&file, &config), config: &config, state: StateDict::default() };
        taking.no_more_layers()?;
        taking.embeddings(tokens, max_tokens)?;
        for layer in 0..config.dims.layers {
            taking.layer(layer)?;
        }
        Ok(Self { dims: config.dims, state: taking.state })
    }

    /// The module with the weights that lie under `path`.
    pub fn give<M: Module>(&self, path: &str, module: M) -> Result<M, StateError> {
        self.state.give(path, module, &[], &HashMap::new())
    }
}

/// The tensors of a file by the names of their family.
struct Named<'a> {
    file: &'a SafeTensors<'a>,
    prefix: &'static str,
}

impl<'a> Named<'a> {
    fn new(file: &'a SafeTensors<'a>, config: &Config) -> Self {
        let bare = file.tensor(WORDS).is_ok();
        Self { file, prefix: if bare { "" } else { config.family.prefix } }
    }

    /// The values of a tensor of that shape.
    fn get(&self, name: &str, wanted: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let name = format!("{}{name}", self.prefix);
        let Some(tensor) = self.file.tensor(&name).ok().or_else(|| self.file.tensor(&old(&name)?).ok())
        else {
            return Err(CheckpointError::Missing { name });
        };
        if tensor.shape() != wanted {
            let (found, wanted) = (tensor.shape().to_vec(), wanted.to_vec());
            return Err(CheckpointError::Shape { name, found, wanted });
        }
        state_dict::values(&tensor).ok_or_else(|| CheckpointError::Element { name, found: tensor.dtype() })
    }
}

/// What the weight or the bias of a norm was called in checkpoints that come from TensorFlow.
fn old(name: &str) -> Option<String> {
    let of_norm = |end: &str| name.strip_suffix(end).filter(|norm| norm.ends_with("LayerNorm"));
    let weight = of_norm(".weight").map(|norm| format!("{norm}.gamma"));
    weight.or_else(|| of_norm(".bias").map(|norm| format!("{norm}.beta")))
}

/// A checkpoint on its way into a state dict.
struct Taking<'a> {
    named: Named<'a>,
    config: &'a Config,
    state: StateDict,
}

impl Taking<'_> {
    /// A layer that the config does not know would be left out in silence.
    fn no_more_layers(&self) -> Result<(), CheckpointError> {
        let layers = self.config.dims.layers;
        let next = format!("{}{}.{layers}.", self.named.prefix, self.config.family.layers.path);
        match self.named.file.names().into_iter().find(|name| name.starts_with(&next)) {
            Some(name) => Err(CheckpointError::Layers { name: name.to_owned(), layers }),
            None => Ok(()),
        }
    }

    fn embeddings(&mut self, tokens: usize, max_tokens: usize) -> Result<(), CheckpointError> {
        let config = self.config;
        let width = config.dims.width;
        let mut words = self.named.get(WORDS, &[config.tokens, width])?;
        words.truncate(tokens * width);
        self.state.insert(&format!("{}.weight", path::WORDS), vec![tokens, width], words);

        let all = self.named.get(POSITIONS, &[config.positions, width])?;
        let read = all.chunks_exact(width).skip(config.first).take(max_tokens);
        let mut positions: Vec<f32> = read.flatten().copied().collect();
        if config.family.token_types {
            let types = self.named.get(TOKEN_TYPES, &[config.token_types, width])?;
            for position in positions.chunks_exact_mut(width) {
                position.iter_mut().zip(&types).for_each(|(value, of_type)| *value += of_type);
            }
        }
        self.state.insert(&format!("{}.weight", path::POSITIONS), vec![max_tokens, width], positions);
        self.norm(NORM, path::NORM)
    }

    fn layer(&mut self, layer: usize) -> Result<(), CheckpointError> {
        let BertDims { width, inner, .. } = self.config.dims;
        let names = self.config.family.layers;
        for ((ours, part), theirs) in PARTS.into_iter().zip(names.parts) {
            let ours = format!("{}.layers.{layer}.{ours}", path::ENCODER);
            let theirs = format!("{}.{layer}.{theirs}", names.path);
            match part {
                Part::Mixing => self.linear(&theirs, &ours, [width, width])?,
                Part::Widening => self.linear(&theirs, &ours, [width, inner])?,
                Part::Narrowing => self.linear(&theirs, &ours, [inner, width])?,
                Part::Norm => self.norm(&theirs, &ours)?,
            }
        }
        Ok(())
    }

    /// Theirs has a row for each output, ours for each input.
    fn linear(&mut self, theirs: &str, ours: &str, [from, to]: [usize; 2]) -> Result<(), CheckpointError> {
        let weight = self.named.get(&format!("{theirs}.weight"), &[to, from])?;
        let turned = (0..from).flat_map(|row| weight.iter().skip(row).step_by(from).copied()).collect();
        self.state.insert(&format!("{ours}.weight"), vec![from, to], turned);
        let bias = self.named.get(&format!("{theirs}.bias"), &[to])?;
        self.state.insert(&format!("{ours}.bias"), vec![to], bias);
        Ok(())
    }

    fn norm(&mut self, theirs: &str, ours: &str) -> Result<(), CheckpointError> {
        let width = self.config.dims.width;
        for (end, name) in [("weight", "gamma"), ("bias", "beta")] {
            let values = self.named.get(&format!("{theirs}.{end}"), &[width])?;
            self.state.insert(&format!("{ours}.{name}"), vec![width], values);
        }
        Ok(())
    }
}
