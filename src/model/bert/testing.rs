//! For tests: tiny checkpoints of every family, with weights that any program can compute anew.

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

pub const TOKENS: usize = 37;
pub const WIDTH: usize = 32;
pub const INNER: usize = 48;
pub const POSITIONS: usize = 19;
pub const HEADS: usize = 4;

/// A checkpoint's tensors by name, with their shapes, and its config.json.
pub struct Tiny {
    pub config: Value,
    pub tensors: Vec<(String, Vec<usize>)>,
}

pub fn bert() -> Tiny {
    of_bert(
        json!({
            "model_type": "bert", "vocab_size": TOKENS, "hidden_size": WIDTH, "num_hidden_layers": 2,
            "num_attention_heads": HEADS, "intermediate_size": INNER, "max_position_embeddings": POSITIONS,
            "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0,
        }),
        2,
    )
}

pub fn roberta() -> Tiny {
    of_bert(
        json!({
            "model_type": "roberta", "vocab_size": TOKENS, "hidden_size": WIDTH, "num_hidden_layers": 2,
            "num_attention_heads": HEADS, "intermediate_size": INNER, "max_position_embeddings": POSITIONS,
            "type_vocab_size": 1, "layer_norm_eps": 1e-5, "hidden_act": "gelu_new", "pad_token_id": 1,
        }),
        1,
    )
}

pub fn distilbert() -> Tiny {
    let config = json!({
        "model_type": "distilbert", "vocab_size": TOKENS, "dim": WIDTH, "n_layers": 2, "n_heads": HEADS,
        "hidden_dim": INNER, "max_position_embeddings": POSITIONS, "activation": "relu", "pad_token_id": 0,
    });
    let mut tensors = embeddings();
    for layer in 0..2 {
        let name = |part: &str| format!("transformer.layer.{layer}.{part}");
        for part in ["q_lin", "k_lin", "v_lin", "out_lin"] {
            tensors.extend(linear(&name(&format!("attention.{part}")), [WIDTH, WIDTH]));
        }
        tensors.extend(norm(&name("sa_layer_norm")));
        tensors.extend(linear(&name("ffn.lin1"), [INNER, WIDTH]));
        tensors.extend(linear(&name("ffn.lin2"), [WIDTH, INNER]));
        tensors.extend(norm(&name("output_layer_norm")));
    }
    Tiny { config, tensors }
}

fn of_bert(config: Value, token_types: usize) -> Tiny {
    let mut tensors = embeddings();
    tensors.push(("embeddings.token_type_embeddings.weight".to_owned(), vec![token_types, WIDTH]));
    for layer in 0..2 {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            tensors.extend(linear(&name(&format!("attention.{part}")), [WIDTH, WIDTH]));
        }
        tensors.extend(norm(&name("attention.output.LayerNorm")));
        tensors.extend(linear(&name("intermediate.dense"), [INNER, WIDTH]));
        tensors.extend(linear(&name("output.dense"), [WIDTH, INNER]));
        tensors.extend(norm(&name("output.LayerNorm")));
    }
    Tiny { config, tensors }
}

fn embeddings() -> Vec<(String, Vec<usize>)> {
    let tables = [
        ("embeddings.word_embeddings.weight".to_owned(), vec![TOKENS, WIDTH]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![POSITIONS, WIDTH]),
    ];
    tables.into_iter().chain(norm("embeddings.LayerNorm")).collect()
}

fn linear(name: &str, [to, from]: [usize; 2]) -> [(String, Vec<usize>); 2] {
    [(format!("{name}.weight"), vec![to, from]), (format!("{name}.bias"), vec![to])]
}

fn norm(name: &str) -> [(String, Vec<usize>); 2] {
    [(format!("{name}.weight"), vec![WIDTH]), (format!("{name}.bias"), vec![WIDTH])]
}

impl Tiny {
    /// The content of model.safetensors, each tensor called by what `named` makes of its name.
    pub fn weights(&self, dtype: Dtype, named: impl Fn(&str) -> String) -> Vec<u8> {
        let packed: Vec<(String, &[usize], Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, shape)| {
                let values = values(name, shape.iter().product()).into_iter();
                let bytes = match dtype {
                    Dtype::F32 => values.flat_map(f32::to_le_bytes).collect(),
                    Dtype::F16 => values.flat_map(|value| half::f16::from_f32(value).to_le_bytes()).collect(),
                    Dtype::BF16 => {
                        values.flat_map(|value| half::bf16::from_f32(value).to_le_bytes()).collect()
                    }
                    _ => values.flat_map(|value| f64::from(value).to_le_bytes()).collect(),
                };
                (named(name), shape.as_slice(), bytes)
            })
            .collect();
        let views = packed.iter().map(|(name, shape, bytes)| {
            (name.as_str(), TensorView::new(dtype, shape.to_vec(), bytes).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }
}

/// Values in -0.25..0.25, around 1 for the weights of norms: the place in the tensor and the FNV-1a hash of its name, added and mixed as
/// MurmurHash3 ends.
fn values(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(2_166_136_261u32, |h, byte| (h ^ u32::from(byte)).wrapping_mul(16_777_619));
    let norm = name.to_lowercase().contains("norm") && name.ends_with("weight");
    let middle = if norm { 1.0 } else { 0.0 };
    (0..count as u32)
        .map(|place| {
            let mut h = place.wrapping_add(seed);
            h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
            h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
            h ^= h >> 16;
            ((f64::from(h) / 2f64.powi(32) - 0.5) * 0.5 + middle) as f32
        })
        .collect()
}
