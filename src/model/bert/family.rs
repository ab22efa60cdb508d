//! What each family of BERTs calls its weights.

/// A family of checkpoints.
#[derive(Debug)]
pub struct Family {
    /// `model_type` of its config.json.
    pub model_type: &'static str,
    /// Put before every name where the checkpoint was saved together with a head.
    pub prefix: &'static str,
    /// Whether a text's first position is the one after the padding token's id; else it is 0.
    pub after_padding: bool,
    pub token_types: bool,
    pub layers: &'static Layers,
}

/// Names in the layers of a family.
#[derive(Debug)]
pub struct Layers {
    /// Put before the number of a layer.
    pub path: &'static str,
    /// In the order of [`PARTS`].
    pub parts: [&'static str; PARTS.len()],
}

/// A weight and a bias, by their shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From states to states.
    Mixing,
    /// From states to the inner width of a feed-forward layer.
    Widening,
    /// From there to states.
    Narrowing,
    Norm,
}

/// The parts of a layer by their paths in ours.
pub const PARTS: [(&str, Part); 8] = [
    ("mha.query", Part::Mixing),
    ("mha.key", Part::Mixing),
    ("mha.value", Part::Mixing),
    ("mha.output", Part::Mixing),
    ("norm_1", Part::Norm),
    ("pwff.linear_inner", Part::Widening),
    ("pwff.linear_outer", Part::Narrowing),
    ("norm_2", Part::Norm),
];

/// Names that all families share.
pub const WORDS: &str = "embeddings.word_embeddings.weight";
pub const POSITIONS: &str = "embeddings.position_embeddings.weight";
pub const TOKEN_TYPES: &str = "embeddings.token_type_embeddings.weight";
pub const NORM: &str = "embeddings.LayerNorm";

const BERT: Layers = Layers {
    path: "encoder.layer",
    parts: [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
    ],
};

const DISTILBERT: Layers = Layers {
    path: "transformer.layer",
    parts: [
        "attention.q_lin",
        "attention.k_lin",
        "attention.v_lin",
        "attention.out_lin",
        "sa_layer_norm",
        "ffn.lin1",
        "ffn.lin2",
        "output_layer_norm",
    ],
};

/// Every family that can be read.
pub static FAMILIES: [Family; 4] = [
    Family { model_type: "bert", prefix: "bert.", after_padding: false, token_types: true, layers: &BERT },
    Family {
        model_type: "roberta",
        prefix: "roberta.",
        after_padding: true,
        token_types: true,
        layers: &BERT,
    },
    Family {
        model_type: "xlm-roberta",
        prefix: "roberta.",
        after_padding: true,
        token_types: true,
        layers: &BERT,
    },
    Family {
        model_type: "distilbert",
        prefix: "distilbert.",
        after_padding: false,
        token_types: false,
        layers: &DISTILBERT,
    },
];
