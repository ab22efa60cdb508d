//! Why a checkpoint is not taken.

use safetensors::tensor::Dtype;

/// What is wrong with the files of a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("config.json does not tell the sizes of a model")]
    Config(#[source] serde_json::Error),
    #[error("config.json is of the model type `{found}`, and those that can be read are {known}")]
    Family { found: String, known: String },
    #[error("config.json asks for {what}; {want}")]
    Unknown { what: String, want: &'static str },
    #[error("model.safetensors is no safetensors file")]
    Format(#[source] safetensors::SafeTensorError),
    #[error("model.safetensors has no `{name}`")]
    Missing { name: String },
    #[error("`{name}` in model.safetensors is {found:?}, and by config.json it is {wanted:?}")]
    Shape { name: String, found: Vec<usize>, wanted: Vec<usize> },
    #[error("`{name}` in model.safetensors is {found}, and f32, f16 and bf16 are read")]
    Element { name: String, found: Dtype },
    #[error("model.safetensors has `{name}`, and config.json has num_hidden_layers = {layers}")]
    Layers { name: String, layers: usize },
    #[error("tokenizer.json has {tokens} tokens, and the model knows {known}")]
    Tokens { tokens: usize, known: usize },
    #[error(
        "max_tokens = {wanted} is more than the {most} tokens that it reads; lower it in the recipe's [model]"
    )]
    Positions { wanted: usize, most: usize },
}
