//! Checkpoints as they are found, held against what Hugging Face's `transformers` computes with the same weights.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData, Tolerance};
use safetensors::tensor::Dtype;

use super::testing::{self, Tiny};
use super::{Checkpoint, CheckpointError};
use crate::model::embed::TokenEmbedding;
use crate::model::{Activation, BertDims, Dims, Vocabulary};

const MAX_TOKENS: usize = 11;
const VOCABULARY: Vocabulary = Vocabulary { tokens: 34, answers: 3, classes: 5, attributes: 6 };

/// Two texts, the second padded by three tokens.
const TEXTS: [[i64; 7]; 2] = [[2, 9, 27, 5, 17, 30, 3], [2, 21, 8, 3, 0, 0, 0]];
const REAL: [usize; 2] = [7, 4];

/// The first three numbers of every real token's last hidden state.
type Published = [[f64; 3]; 11];

/// `last_hidden_state` of `BertModel`, `RobertaModel` and `DistilBertModel` of transformers 5.24 on PyTorch 2.15, for these texts and the
/// weights of [`testing`]; in f32, 1e-6 from the same in f64.
const BERT: Published = [
    [0.598896, -1.477660, -1.564071],
    [1.257758, -1.205285, -0.059948],
    [1.144289, -0.223693, -0.501514],
    [0.810480, -0.344748, -0.684447],
    [0.667851, -1.155566, -1.713164],
    [1.445818, -1.918970, 0.827799],
    [1.429929, -1.426072, -0.517428],
    [0.893480, -1.329735, -1.897484],
    [1.274134, -0.137572, -1.203912],
    [1.151273, -0.045729, -1.018196],
    [1.336410, -1.191639, -1.492002],
];
const ROBERTA: Published = [
    [1.117249, -0.253108, -1.577659],
    [1.003681, -1.691790, -0.223919],
    [0.194440, -1.261429, -0.846742],
    [0.623943, -1.593993, -0.389571],
    [1.436978, -1.006634, -0.683639],
    [0.795736, -1.219536, -0.248433],
    [0.983229, -1.647973, -2.193110],
    [1.206464, -0.453072, -1.826860],
    [1.125041, -0.461934, -1.248065],
    [0.222084, -0.152360, -1.087442],
    [1.317734, -2.329480, -0.960364],
];
const DISTILBERT: Published = [
    [-1.160888, -0.650574, -0.575130],
    [-0.919869, -0.874535, 0.238935],
    [-0.866290, 0.174150, 0.125150],
    [-0.170532, -0.834708, 0.180833],
    [-0.598876, -0.959929, -0.809327],
    [0.107998, -1.111582, 0.897002],
    [0.114749, -0.753462, -0.245238],
    [-1.932573, -0.629567, -0.821540],
    [-2.169321, 0.388203, -0.726407],
    [-2.290799, 0.657701, -0.611475],
    [-1.351445, -0.433959, -0.516437],
];

fn read(tiny: &Tiny, weights: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::read(&tiny.config.to_string(), weights, VOCABULARY.tokens, MAX_TOKENS)
}

fn bare(tiny: &Tiny) -> Vec<u8> {
    tiny.weights(Dtype::F32, str::to_owned)
}

fn dims(checkpoint: &Checkpoint) -> Dims {
    Dims {
        width: 12,
        heads: 2,
        features: 5,
        expansion: 2,
        coarse: 7,
        max_tokens: MAX_TOKENS,
        bert: Some(checkpoint.dims),
        ..Dims::default()
    }
}

fn embedding(checkpoint: &Checkpoint) -> TokenEmbedding {
    TokenEmbedding::new(&dims(checkpoint), &VOCABULARY, &Device::flex()).taken(checkpoint).unwrap()
}

fn inputs() -> (Tensor<2, Int>, Tensor<2, Bool>) {
    let device = Device::flex();
    let real: Vec<bool> = REAL.iter().flat_map(|&real| (0..7).map(move |slot| slot < real)).collect();
    (Tensor::from_data(TEXTS, &device), Tensor::from_data(TensorData::new(real, [2, 7]), &device))
}

/// What stands in [`Published`] of states `[texts, slots, width]`.
fn shown(states: &TensorData) -> Vec<[f64; 3]> {
    let values: Vec<f64> = states.iter::<f64>().collect();
    let width = states.shape()[2];
    let slots = REAL.iter().enumerate().flat_map(|(text, &real)| (0..real).map(move |slot| text * 7 + slot));
    slots.map(|slot| std::array::from_fn(|place| values[slot * width + place])).collect()
}

fn assert_close(found: &[[f64; 3]], wanted: &[[f64; 3]], within: f64) {
    assert_eq!(found.len(), wanted.len());
    for (slot, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let apart = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart <= within, "slot {slot} is {found:?}, {apart} from {wanted:?}");
    }
}

fn states(checkpoint: &Checkpoint) -> Vec<[f64; 3]> {
    let (tokens, real) = inputs();
    shown(&embedding(checkpoint).bert_states(tokens, real).unwrap().into_data())
}

#[test]
fn every_family_computes_what_was_published() {
    for (tiny, published) in
        [(testing::bert(), BERT), (testing::roberta(), ROBERTA), (testing::distilbert(), DISTILBERT)]
    {
        assert_close(&states(&read(&tiny, &bare(&tiny)).unwrap()), &published, 1e-5);
    }
}

#[test]
fn sizes_are_taken_from_the_config() {
    let tiny = testing::roberta();
    let checkpoint = read(&tiny, &bare(&tiny)).unwrap();
    let activation = Activation::GeluTanh;
    let wanted = BertDims { width: 32, layers: 2, heads: 4, inner: 48, activation, epsilon: 1e-5 };
    assert_eq!(checkpoint.dims, wanted);
}

#[test]
fn names_with_a_prefix_old_names_and_heads_are_understood() {
    let mut tiny = testing::bert();
    tiny.tensors.push(("pooler.dense.weight".to_owned(), vec![32, 32]));
    let old = |name: &str| match name.rsplit_once("LayerNorm.") {
        Some((before, "weight")) => format!("bert.{before}LayerNorm.gamma"),
        Some((before, _)) => format!("bert.{before}LayerNorm.beta"),
        None => format!("bert.{name}"),
    };
    assert_close(&states(&read(&tiny, &tiny.weights(Dtype::F32, old)).unwrap()), &BERT, 1e-5);
    let tiny = testing::roberta();
    for (model_type, prefix) in [("roberta", "roberta."), ("xlm-roberta", "roberta.")] {
        let mut named = testing::roberta();
        named.config["model_type"] = model_type.into();
        let weights = tiny.weights(Dtype::F32, |name| format!("{prefix}{name}"));
        assert_close(&states(&read(&named, &weights).unwrap()), &ROBERTA, 1e-5);
    }
    let tiny = testing::distilbert();
    let weights = tiny.weights(Dtype::F32, |name| format!("distilbert.{name}"));
    assert_close(&states(&read(&tiny, &weights).unwrap()), &DISTILBERT, 1e-5);
}

#[test]
fn narrow_weights_are_widened_and_others_are_named() {
    let tiny = testing::bert();
    for (dtype, within) in [(Dtype::F16, 5e-3), (Dtype::BF16, 4e-2)] {
        let weights = tiny.weights(dtype, str::to_owned);
        assert_close(&states(&read(&tiny, &weights).unwrap()), &BERT, within);
    }
    let error = read(&tiny, &tiny.weights(Dtype::F64, str::to_owned)).unwrap_err().to_string();
    assert!(error.contains("embeddings.word_embeddings.weight") && error.contains("F64"), "{error}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let refused = |spoil: &dyn Fn(&mut Tiny)| {
        let mut tiny = testing::bert();
        spoil(&mut tiny);
        read(&tiny, &bare(&tiny)).unwrap_err().to_string()
    };
    let set =
        |key: &'static str, value: serde_json::Value| refused(&move |tiny| tiny.config[key] = value.clone());
    let error = set("model_type", "t5".into());
    assert!(error.contains("`t5`") && error.contains("bert, roberta, xlm-roberta, distilbert"), "{error}");
    let error = refused(&|tiny| tiny.tensors.retain(|(name, _)| name != "encoder.layer.1.output.dense.bias"));
    assert_eq!(error, "model.safetensors has no `encoder.layer.1.output.dense.bias`");
    let error = set("intermediate_size", 64.into());
    assert!(error.contains("encoder.layer.0.intermediate.dense.weight"), "{error}");
    assert!(error.contains("[48, 32]") && error.contains("[64, 32]"), "{error}");
    assert!(set("num_hidden_layers", 1.into()).contains("num_hidden_layers = 1"));
    assert!(set("num_hidden_layers", 3.into()).contains("no `encoder.layer.2.attention.self.query.weight`"));
    assert!(set("num_attention_heads", 5.into()).contains("num_attention_heads = 5"));
    assert!(set("hidden_act", "quick_gelu".into()).contains("`quick_gelu`"));
    assert!(set("position_embedding_type", "relative_key".into()).contains("`relative_key` positions"));
    assert!(set("is_decoder", true.into()).contains("a decoder"));
    assert!(set("hidden_size", "wide".into()).contains("sizes of a model"));
    assert!(set("max_position_embeddings", 10.into()).contains("max_tokens = 11 is more than the 10 tokens"));
    assert!(set("vocab_size", 33.into()).contains("tokenizer.json has 34 tokens, and the model knows 33"));
    let tiny = testing::bert();
    assert!(matches!(read(&tiny, b"no safetensors"), Err(CheckpointError::Format(_))));
}

#[test]
fn positions_behind_the_paddings_are_counted_by_roberta() {
    let tiny = testing::roberta();
    let config = tiny.config.to_string();
    let most = |max_tokens| Checkpoint::read(&config, &bare(&tiny), VOCABULARY.tokens, max_tokens);
    assert!(most(17).is_ok());
    let error = most(18).unwrap_err().to_string();
    assert!(error.contains("more than the 17 tokens"), "{error}");
}

#[test]
fn padding_changes_no_real_token() {
    let tiny = testing::bert();
    let checkpoint = read(&tiny, &bare(&tiny)).unwrap();
    let embedding = embedding(&checkpoint);
    let (tokens, real) = inputs();
    let padded = embedding.forward(tokens.clone(), real.clone()).narrow(0, 1, 1).narrow(1, 0, 4);
    let cut = |tensor: Tensor<2, Int>| tensor.narrow(0, 1, 1).narrow(1, 0, 4);
    let alone = embedding.forward(cut(tokens), cut(real.int()).bool());
    alone.into_data().assert_approx_eq::<f32>(&padded.into_data(), Tolerance::absolute(1e-5));
}

#[cfg(feature = "serve")]
mod exported {
    use super::*;
    use crate::bundle::names::{axis, tensor};
    use crate::onnx::testing::{check_narrow, run, session};
    use crate::onnx::{Axis, Kind, Options, Signature, Values, convert};

    fn axes() -> [Axis; 2] {
        [Axis::named(axis::BATCH), Axis::up_to(axis::TOKENS, MAX_TOKENS)]
    }

    fn signature() -> Signature {
        let [batch, tokens] = axes();
        Signature::new("bert")
            .input(tensor::TOKENS, Kind::I64, axes())
            .input(tensor::TOKEN_MASK, Kind::Bool, axes())
            .output("states", [batch, tokens, Axis::fixed(testing::WIDTH)])
    }

    fn forward(embedding: &TokenEmbedding, values: &Values) -> Result<Values, crate::onnx::Error> {
        let tokens = values.int::<2>(tensor::TOKENS)?;
        let states = embedding.bert_states(tokens, values.bool::<2>(tensor::TOKEN_MASK)?);
        let mut out = Values::new();
        out.insert_float("states", states.expect("the embedding was made with a BERT"));
        Ok(out)
    }

    #[test]
    fn onnx_runtime_computes_what_was_published() {
        for (tiny, published) in
            [(testing::bert(), BERT), (testing::roberta(), ROBERTA), (testing::distilbert(), DISTILBERT)]
        {
            let embedding = embedding(&read(&tiny, &bare(&tiny)).unwrap());
            let graph = convert(&signature(), &embedding, Options::default(), forward).unwrap();
            let (tokens, real) = inputs();
            let device = Device::flex();
            let mut values = Values::new();
            values.insert_data(tensor::TOKENS, tokens.into_data(), &device).unwrap();
            values.insert_data(tensor::TOKEN_MASK, real.into_data(), &device).unwrap();
            let found = run(&mut session(&graph), &signature(), &values).remove("states").unwrap();
            let states = TensorData::new(found.values, [2, 7, testing::WIDTH]);
            assert_close(&shown(&states), &published, 1e-5);
        }
    }

    #[test]
    fn its_weights_may_be_stored_in_half_precision() {
        let tiny = testing::bert();
        check_narrow(signature(), &embedding(&read(&tiny, &bare(&tiny)).unwrap()), forward);
    }
}
