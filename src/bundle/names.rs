//! Every name that the graphs of a bundle are addressed by, once: the exporter writes them, the runtime checks them at load.

/// Version of the manifest's format.
pub const FORMAT: u32 = 1;

pub const MANIFEST: &str = "manifest.json";
pub const TOKENIZER: &str = "tokenizer.json";
pub const CARD: &str = "README.md";
/// Golden inputs and outputs of every graph, as safetensors called `GRAPH/in/TENSOR` and `GRAPH/out/TENSOR`.
pub const GOLDEN: &str = "golden.safetensors";
/// The weights to go on training from, as safetensors called by their paths in the model.
pub const WEIGHTS: &str = "weights.safetensors";

/// The graphs of a bundle.
pub mod graph {
    pub const OBJECTS: &str = "objects";
    pub const VISION: &str = "vision";
    pub const TEXT: &str = "text";
    pub const FUSION: &str = "fusion";
    pub const ASSOCIATION: &str = "association";
    /// In the order a request meets them.
    pub const ALL: [&str; 5] = [OBJECTS, VISION, TEXT, FUSION, ASSOCIATION];
}

/// Dynamic axes.
pub mod axis {
    pub const BATCH: &str = "batch";
    /// Object slots of a picture.
    pub const OBJECTS: &str = "objects";
    /// Token slots of a text.
    pub const TOKENS: &str = "tokens";
}

/// Inputs and outputs. B batch, R objects, T tokens, S side, F feature width, D model width, C coarse width. Masks are true at real slots.
pub mod tensor {
    /// u8 \[B, S, S, 3\], RGB.
    pub const PIXELS: &str = "pixels";
    /// f32 \[B, R, 4\], corners (x1, y1, x2, y2) in 0..1 of the square.
    pub const BOXES: &str = "boxes";
    /// f32 \[B, R, F\], the region features.
    pub const FEATURES: &str = "features";
    /// f32 \[B, R, classes\], probabilities.
    pub const CLASSES: &str = "classes";
    /// f32 \[B, R, attributes\], independent probabilities.
    pub const ATTRIBUTES: &str = "attributes";
    /// f32 \[B, R\], confidence of each object, 0..1, falling.
    pub const SCORES: &str = "scores";
    /// bool \[B, R\].
    pub const OBJECT_MASK: &str = "object_mask";
    /// f32 \[B, R, D\], the visual states H_v.
    pub const VISUAL: &str = "visual";
    /// f32 \[B, C\], unit length.
    pub const VISUAL_COARSE: &str = "visual_coarse";
    /// i64 \[B, T\].
    pub const TOKENS: &str = "tokens";
    /// bool \[B, T\].
    pub const TOKEN_MASK: &str = "token_mask";
    /// f32 \[B, T, D\], the textual states H_t.
    pub const TEXTUAL: &str = "textual";
    /// f32 \[B, C\], unit length.
    pub const TEXTUAL_COARSE: &str = "textual_coarse";
    /// f32 \[B, answers\], logits.
    pub const VQA: &str = "vqa";
    /// f32 \[B, 3\], logits in the order of `types::Entailment::ALL`.
    pub const ENTAILMENT: &str = "entailment";
    /// f32 \[B, R\], logit of each object; a softmax over these and `absent` gives probabilities. Slots outside the mask are very low.
    pub const GROUNDING: &str = "grounding";
    /// f32 \[B, 1\], logit of "refers to nothing in this picture".
    pub const ABSENT: &str = "absent";
    /// f32 \[B, 1\], logit of "the text describes the picture".
    pub const MATCH: &str = "match";
    /// bool \[B, R\], the one object per row whose state fills the text slot.
    pub const FILLED_OBJECTS: &str = "filled_objects";
    /// bool \[B, T\], the one text slot per row that is filled.
    pub const FILLED_TOKENS: &str = "filled_tokens";
    /// f32 \[B, 1\], probability that the two belong together.
    pub const ASSOCIATION: &str = "association";
}
