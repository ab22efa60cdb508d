//! The attributes of Visual Genome's objects where they come in a file of their own.

use std::collections::HashMap;

use super::text::tidy;
use super::visual_genome::Object;

/// Attributes by object. The words repeat millions of times, so each is held once.
#[derive(Default)]
pub(super) struct Attributes {
    numbers: HashMap<String, u32>,
    words: Vec<String>,
    of: HashMap<i64, Box<[u32]>>,
}

impl Attributes {
    /// Notes the attributes of an object, if it has any.
    pub(super) fn put(&mut self, object: &Object) {
        let words: Box<[u32]> =
            object.attributes.iter().flatten().map(|word| self.number(tidy(word))).collect();
        if let (Some(id), false) = (object.id(), words.is_empty()) {
            self.of.insert(id, words);
        }
    }

    /// All attributes of an object, each once: its own, those noted for it, and those noted for objects that
    /// it was merged from.
    pub(super) fn take(&mut self, object: Object) -> Vec<String> {
        let ids = object.id().into_iter().chain(object.merged_object_ids);
        let noted: Vec<_> = ids.filter_map(|id| self.of.remove(&id)).collect();
        let noted = noted.iter().flatten().map(|&word| self.words[word as usize].clone());
        let own = object.attributes.into_iter().flatten().map(|word| tidy(&word));
        let mut all: Vec<String> = Vec::new();
        for word in own.chain(noted) {
            if !word.is_empty() && !all.contains(&word) {
                all.push(word);
            }
        }
        all
    }

    /// How many objects with attributes were not asked for.
    pub(super) fn left(&self) -> usize {
        self.of.len()
    }

    fn number(&mut self, word: String) -> u32 {
        let next = self.words.len() as u32;
        *self.numbers.entry(word).or_insert_with_key(|word| {
            self.words.push(word.clone());
            next
        })
    }
}
