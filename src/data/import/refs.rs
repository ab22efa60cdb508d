//! The references of RefCOCO, RefCOCO+ and RefCOCOg: a pickle of Python 2, or the same list as JSON.

use std::fs;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::pickle::{Item, Pickle};
use super::source::{self, Meter};
use super::text::name_of;
use crate::types::Split;
use serde::Deserialize;

/// An object with what people said to single it out.
#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) ann_id: i64,
    pub(super) image_id: i64,
    pub(super) split: String,
    pub(super) sentences: Vec<Sentence>,
}

/// As it was cleaned; the text as it was typed is not what figures are reported for.
#[derive(Debug, Deserialize)]
pub(super) struct Sentence {
    pub(super) sent: String,
}

/// What a file holds, which its first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A list of references, pickled.
    Pickle,
    /// A list of references.
    Json,
    /// A picture for each expression, as MDETR lists them.
    Mdetr,
}

impl Kind {
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        let mut source = source::open(path, &|_| {})?;
        let start = source.fill_buf().map_err(Error::read(path))?.trim_ascii_start();
        Ok(match start.first() {
            Some(b'[') => Self::Json,
            Some(b'{') => Self::Mdetr,
            _ => Self::Pickle,
        })
    }
}

/// Reads a list of references whole; the largest has 50,000.
pub(super) fn read(path: &Path, kind: Kind, meter: Meter) -> Result<Vec<Reference>, Error> {
    let mut source = source::open(path, meter)?;
    if kind == Kind::Pickle {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).map_err(Error::read(path))?;
        return pickled(&bytes).map_err(|reason| Error::Pickle { path: path.to_owned(), reason });
    }
    serde_json::from_reader(source).map_err(|source| Error::Json {
        path: path.to_owned(),
        layout: "a list of references",
        source,
    })
}

fn pickled(bytes: &[u8]) -> Result<Vec<Reference>, String> {
    let pickle = Pickle::read(bytes)?;
    let list = pickle.root().list().ok_or("it holds no list")?;
    let whole = list.enumerate().map(|(number, item)| {
        Reference::unpickle(item).ok_or_else(|| format!("element {number} lacks what makes a reference"))
    });
    whole.collect()
}

impl Reference {
    fn unpickle(item: Item) -> Option<Self> {
        let sentence = |item: Item| Some(Sentence { sent: item.get("sent")?.text()?.to_owned() });
        Some(Self {
            ann_id: item.get("ann_id")?.int()?,
            image_id: item.get("image_id")?.int()?,
            split: item.get("split")?.text()?.to_owned(),
            sentences: item.get("sentences")?.list()?.map(sentence).collect::<Option<_>>()?,
        })
    }
}

/// Our part and, where figures are given for halves of it, the name of the half.
pub(super) fn part(split: &str) -> Option<(Split, Option<String>)> {
    match split {
        "train" => Some((Split::Train, None)),
        "val" => Some((Split::Val, None)),
        "test" => Some((Split::Test, None)),
        "testA" | "testB" => Some((Split::Test, Some(split.to_owned()))),
        _ => None,
    }
}

/// The references file that is meant by a path: the file itself, or the one `refs(BY).p` of a folder.
pub(super) fn locate(path: &Path, by: Option<&str>) -> Result<PathBuf, Error> {
    let chosen = by.map(|by| format!("refs({by}).p"));
    if !path.is_dir() {
        if chosen.is_some_and(|chosen| chosen != name_of(path)) {
            let reason =
                "--split-by chooses among the files of a folder, and this is another file".to_owned();
            return Err(Error::Unfit { path: path.to_owned(), reason });
        }
        return Ok(path.to_owned());
    }
    if let Some(chosen) = chosen {
        return Ok(path.join(chosen));
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::read(path))? {
        let path = entry.map_err(Error::read(path))?.path();
        let name = name_of(&path);
        if name.starts_with("refs(") && name.ends_with(").p") {
            found.push(path);
        }
    }
    found.sort();
    match &found[..] {
        [only] => Ok(only.clone()),
        [] => Err(Error::Unfit {
            path: path.to_owned(),
            reason: "it holds no `refs(unc).p` or the like; name the file itself".to_owned(),
        }),
        several => {
            let names: Vec<_> = several.iter().map(|path| name_of(path)).collect();
            let reason = format!("it holds {}; choose with --split-by", names.join(" and "));
            Err(Error::Unfit { path: path.to_owned(), reason })
        }
    }
}
