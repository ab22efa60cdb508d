//! The lines of a dataset folder's JSON-lines files, one type per file.

use serde::{Deserialize, Serialize};

use crate::types::{Entailment, Tags};

/// A line of `objects.jsonl`: everything that is labelled in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectsRecord {
    pub image: String,
    pub objects: Vec<ObjectRecord>,
}

/// One labelled object; `box` is `[x, y, width, height]` in pixels of the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectRecord {
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
    #[serde(flatten)]
    pub tags: Tags,
}

/// A line of `captions.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptionRecord {
    pub image: String,
    pub caption: String,
}

/// A line of `vqa.jsonl`: one answer, or one per annotator. A test set whose answers are kept secret has none, and an `id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VqaRecord {
    pub image: String,
    pub question: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// Kind of question, where the corpus tells it, such as VQA v2's `answer_type`; figures are also given per kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// VQA v2's finer `question_type`: how the question begins. Figures are also given per type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question_type: Option<String>,
    /// The corpus's own number of the question, by which its evaluation server knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
}

/// A line of `entailment.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntailmentRecord {
    pub image: String,
    pub hypothesis: String,
    pub label: Entailment,
}

/// A line of `referring.jsonl`; no `box` means that the expression refers to nothing in the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferringRecord {
    pub image: String,
    pub expression: String,
    #[serde(rename = "box", default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<[f32; 4]>,
    /// Kind of expression, where the corpus tells it, such as the part of a test set that figures are customarily given for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}
