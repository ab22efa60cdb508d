//! Which part of the dataset a picture belongs to.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{BadLine, Error};
use crate::types::Split;

pub(super) const FILE: &str = "splits.json";

/// The parts of a dataset: as `splits.json` says, or by a hash of the picture's name, 80 % train, 10 % val, 10 % test.
pub(super) struct Splits {
    index: Option<Index>,
}

struct Index {
    split_of: HashMap<String, Split>,
    /// Pictures listed more than once: none of them is used, since one of the places would be a leak.
    repeated: HashSet<String>,
}

/// What `splits.json` holds.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    #[serde(default)]
    train: Vec<String>,
    #[serde(default)]
    val: Vec<String>,
    #[serde(default)]
    test: Vec<String>,
}

impl Listed {
    pub(super) fn of(&self, split: Split) -> &[String] {
        match split {
            Split::Train => &self.train,
            Split::Val => &self.val,
            Split::Test => &self.test,
        }
    }

    pub(super) fn of_mut(&mut self, split: Split) -> &mut Vec<String> {
        match split {
            Split::Train => &mut self.train,
            Split::Val => &mut self.val,
            Split::Test => &mut self.test,
        }
    }

    /// Every picture with its part.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, Split)> {
        Split::ALL.into_iter().flat_map(|split| self.of(split).iter().map(move |name| (name.as_str(), split)))
    }
}

impl Splits {
    /// Reads `splits.json` where there is one.
    pub(super) fn open(folder: &Path, bad: &mut Vec<BadLine>) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { index: None }),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let listed: Listed =
            serde_json::from_slice(&text).map_err(|source| Error::Splits { path, source })?;
        let mut index = Index { split_of: HashMap::new(), repeated: HashSet::new() };
        for (name, split) in listed.each() {
            if let Some(first) = index.split_of.insert(name.to_owned(), split) {
                bad.push(fault(format!("`{name}` is listed in {first} and again in {split}")));
                index.repeated.insert(name.to_owned());
            }
        }
        Ok(Self { index: Some(index) })
    }

    /// The part a picture is in; none, and a bad line, for one that `splits.json` does not list.
    pub(super) fn of(&self, name: &str, bad: &mut Vec<BadLine>) -> Option<Split> {
        let Some(index) = &self.index else { return Some(hashed(name)) };
        if index.repeated.contains(name) {
            return None;
        }
        let split = index.split_of.get(name).copied();
        if split.is_none() {
            bad.push(fault(format!("`{name}` is in none of train, val and test")));
        }
        split
    }
}

fn fault(reason: String) -> BadLine {
    BadLine { file: FILE, line: None, reason }
}

/// The part of a picture that no file assigns.
pub(super) fn hashed(name: &str) -> Split {
    let hash = blake3::hash(name.as_bytes());
    match hash.as_bytes().iter().fold(0u32, |rest, &byte| (rest * 256 + u32::from(byte)) % 10) {
        0..8 => Split::Train,
        8 => Split::Val,
        _ => Split::Test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spread_eighty_ten_ten_and_stay_where_they_are() {
        let count = |split| (0..10_000).filter(|n| hashed(&format!("{n:06}.jpg")) == split).count();
        let counts = Split::ALL.map(count);
        assert!(counts[0].abs_diff(8_000) < 150 && counts[1].abs_diff(1_000) < 120, "{counts:?}");
        assert_eq!(hashed("000000.jpg"), hashed("000000.jpg"));
    }
}
