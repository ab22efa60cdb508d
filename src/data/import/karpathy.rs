//! Karpathy's split files, of COCO and of Flickr30k.

use serde::{Deserialize, Deserializer};

use super::json::Element;
use crate::types::Split;

/// A picture as the split file lists it.
#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub(super) filename: String,
    split: String,
    /// In COCO's file only.
    #[serde(default)]
    pub(super) cocoid: Option<i64>,
    #[serde(default)]
    pub(super) sentences: Vec<Sentence>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sentence {
    pub(super) raw: String,
}

impl Image {
    /// None for a part of another name. Training customarily takes COCO's `restval` in.
    pub(super) fn split(&self) -> Option<Split> {
        match self.split.as_str() {
            "train" | "restval" => Some(Split::Train),
            "val" => Some(Split::Val),
            "test" => Some(Split::Test),
            _ => None,
        }
    }
}

impl Element for Image {
    const LAYOUT: &'static str = "a split file of Karpathy";
    const LISTS: &'static [&'static str] = &["images"];

    fn read<'de, D: Deserializer<'de>>(_: &str, value: D) -> Result<Self, D::Error> {
        Self::deserialize(value)
    }
}
