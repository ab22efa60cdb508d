//! Joins the splits that a corpus tells with those of the folder that it goes to.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::aside::if_there;
use super::error::Error;
use crate::data::folder::IMAGES;
use crate::data::split::{self, Listed};
use crate::types::Split;

/// What the corpus tells of its pictures so far.
#[derive(Default)]
pub(super) struct Splits {
    told: HashMap<String, Split>,
}

impl Splits {
    /// Notes a picture's part; another than before is refused.
    pub(super) fn put(&mut self, image: &str, split: Split) -> Result<(), Error> {
        match self.told.get(image) {
            Some(&first) if first != split => {
                Err(two(image, (first, "one record".to_owned()), (split, "another".to_owned())))
            }
            Some(_) => Ok(()),
            None => {
                self.told.insert(image.to_owned(), split);
                Ok(())
            }
        }
    }

    /// The `splits.json` to write, if any: the folder's own, what the corpus tells, and for every other
    /// picture in use the part that its name hashes to, as if there were no such file.
    pub(super) fn merge(self, out: &Path, placed: &[&str], keep: bool) -> Result<Option<Listed>, Error> {
        let path = out.join(split::FILE);
        let text = if_there(fs::read(&path)).map_err(Error::read(&path))?;
        if text.is_none() && self.told.is_empty() {
            return Ok(None);
        }
        let listed = text.as_deref().map(serde_json::from_slice::<Listed>).transpose();
        let listed = listed.map_err(|source| Error::Splits { path: path.clone(), source })?;
        let mut of = BTreeMap::new();
        for (name, split) in listed.iter().flat_map(Listed::each) {
            if let Some(first) = of.insert(name.to_owned(), split) {
                let file = format!("`{}`", path.display());
                return Err(two(name, (first, file), (split, "the same file".to_owned())));
            }
        }
        for (name, split) in self.told {
            match of.get(&name) {
                Some(&first) if first != split && !keep => {
                    let file = format!("`{}`", path.display());
                    return Err(two(&name, (first, file), (split, "what is imported".to_owned())));
                }
                Some(_) => {}
                None => {
                    of.insert(name, split);
                }
            }
        }
        let others = if listed.is_none() { under(&out.join(IMAGES))? } else { Vec::new() };
        for name in others.iter().map(String::as_str).chain(placed.iter().copied()) {
            if !of.contains_key(name) {
                of.insert(name.to_owned(), split::hashed(name));
            }
        }
        let mut merged = Listed::default();
        for (name, split) in of {
            merged.of_mut(split).push(name);
        }
        Ok(Some(merged))
    }
}

fn two(image: &str, first: (Split, String), second: (Split, String)) -> Error {
    Error::TwoSplits { image: image.to_owned(), first, second }
}

/// The files under a folder by their paths from it.
fn under(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        let path = folder.join(&inside);
        let Some(entries) = if_there(fs::read_dir(&path)).map_err(Error::read(&path))? else { continue };
        for entry in entries {
            let entry = entry.map_err(Error::read(&path))?;
            let name = inside.join(entry.file_name());
            if entry.path().is_dir() {
                open.push(name);
            } else if let Some(name) = name.to_str() {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(of: &[(&str, Split)]) -> Splits {
        let mut splits = Splits::default();
        of.iter().try_for_each(|(image, split)| splits.put(image, *split)).unwrap();
        splits
    }

    #[test]
    fn what_is_told_joins_what_is_listed() {
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("splits.json"), r#"{"train":["a"],"test":["b"]}"#).unwrap();
        let told = splits(&[("b", Split::Test), ("c", Split::Val)]);
        let merged = told.merge(out.path(), &["c"], false).unwrap().unwrap();
        let text = serde_json::to_string(&merged).unwrap();
        assert_eq!(text, r#"{"train":["a"],"val":["c"],"test":["b"]}"#);
    }

    #[test]
    fn pictures_that_nobody_assigned_stay_where_their_name_puts_them() {
        let out = tempfile::tempdir().unwrap();
        fs::create_dir_all(out.path().join("images/sub")).unwrap();
        fs::write(out.path().join("images/sub/old"), "").unwrap();
        assert!(splits(&[]).merge(out.path(), &["new"], false).unwrap().is_none());
        let merged = splits(&[("told", Split::Test)]).merge(out.path(), &["new"], false);
        let merged = merged.unwrap().unwrap();
        let of = |name: &str| merged.each().find(|(image, _)| *image == name).map(|(_, split)| split);
        assert_eq!(of("told"), Some(Split::Test));
        assert_eq!(of("sub/old"), Some(split::hashed("sub/old")));
        assert_eq!(of("new"), Some(split::hashed("new")));
    }

    #[test]
    fn a_picture_in_two_splits_is_refused_unless_the_folder_is_to_win() {
        let mut once = splits(&[("a", Split::Train)]);
        let message = once.put("a", Split::Val).unwrap_err().to_string();
        assert!(message.starts_with("`a` is in train by one record and in val by another"), "{message}");
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("splits.json"), r#"{"test":["a"]}"#).unwrap();
        let told = || splits(&[("a", Split::Val)]);
        let message = told().merge(out.path(), &[], false).unwrap_err().to_string();
        assert!(message.contains("in test by `") && message.contains("in val by what"), "{message}");
        let kept = told().merge(out.path(), &[], true).unwrap().unwrap();
        assert_eq!(kept.each().collect::<Vec<_>>(), [("a", Split::Test)]);
        fs::write(out.path().join("splits.json"), r#"{"test":["a"],"val":["a"]}"#).unwrap();
        assert!(splits(&[]).merge(out.path(), &[], true).is_err());
    }

    #[test]
    fn damaged_splits_are_an_error() {
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("splits.json"), "{").unwrap();
        let merged = splits(&[]).merge(out.path(), &[], false);
        assert!(matches!(merged, Err(Error::Splits { .. })));
    }
}
