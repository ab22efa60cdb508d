//! Visual objects, their tags, and the anchor points that tie them to words.

use serde::{Deserialize, Serialize};

use super::UnitBox;

/// The words a detector gives an object: its class and its attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    pub class: String,
    #[serde(default)]
    pub attributes: Vec<String>,
}

impl Tags {
    /// Attributes first, then the class, as one would say them.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().chain(std::iter::once(&self.class)).map(String::as_str)
    }
}

/// Something a detector found in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub bbox: UnitBox,
    pub tags: Tags,
    /// Confidence of the detector, 0..1.
    pub score: f32,
}

/// An object and a token that name the same thing: the token's word is among the object's tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct AnchorPoint {
    /// Index of the object in its picture.
    pub object: usize,
    /// Index of the token in its text.
    pub token: usize,
}
