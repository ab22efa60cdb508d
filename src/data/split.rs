//! Which part of the dataset a picture belongs to.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use super::error::{BadLine, Error};
use crate::types::Split;

pub(super) const FILE: &str = "splits.json";

/// The parts of a dataset: as `splits.json` says, or by a hash of the picture's name, 80 % train, 10 % val, 10 % test.
pub(super) struct Splits {
    listed: Option<Listed>,
}

struct Listed {
    split_of: HashMap<String, Split>,
    /// Pictures listed more than once: none of them is used, since one of the places would be a leak.
    repeated: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    train: Vec<String>,
    #[serde(default)]
    val: Vec<String>,
    #[serde(default)]
    test: Vec<String>,
}

impl Splits {
    /// Reads `splits.json` where there is one.
    pub(super) fn open(folder: &Path, bad: &mut Vec<BadLine>) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { listed: None }),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let file: File = serde_json::from_slice(&text).map_err(|source| Error::Splits { path, source })?;
        let mut listed = Listed { split_of: HashMap::new(), repeated: HashSet::new() };
        for (split, names) in [(Split::Train, file.train), (Split::Val, file.val), (Split::Test, file.test)] {
            for name in names {
                if let Some(first) = listed.split_of.insert(name.clone(), split) {
                    bad.push(fault(format!("`{name}` is listed in {first} and again in {split}")));
                    listed.repeated.insert(name);
                }
            }
        }
        Ok(Self { listed: Some(listed) })
    }

    /// The part a picture is in; none, and a bad line, for one that `splits.json` does not list.
    pub(super) fn of(&self, name: &str, bad: &mut Vec<BadLine>) -> Option<Split> {
        let Some(listed) = &self.listed else { return Some(hashed(name)) };
        if listed.repeated.contains(name) {
            return None;
        }
        let split = listed.split_of.get(name).copied();
        if split.is_none() {
            bad.push(fault(format!("`{name}` is in none of train, val and test")));
        }
        split
    }
}

fn fault(reason: String) -> BadLine {
    BadLine { file: FILE, line: None, reason }
}

fn hashed(name: &str) -> Split {
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
