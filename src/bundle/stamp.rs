//! What a bundle's folder looks like from outside: enough to notice that it holds something else, without reading its graphs.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::Deserialize;

use super::names;
use super::open::fingerprint;

/// A look at a folder. Two equal ones show the same content, as far as sizes and times of files tell; a copy that is still under way
/// shows another one every time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    fingerprint: String,
    version: Option<String>,
    /// Name, size and time of change of every file, by name.
    files: Vec<(OsString, u64, Option<SystemTime>)>,
}

impl Stamp {
    /// `None` where no manifest can be read: there is no bundle, or it is being replaced just now.
    pub fn of(folder: &Path) -> Option<Self> {
        let manifest = fs::read(folder.join(names::MANIFEST)).ok()?;
        let named: Option<Named> = serde_json::from_slice(&manifest).ok();
        let mut files: Vec<_> = fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                // Of a link, what it leads to.
                let found = fs::metadata(entry.path()).ok()?;
                Some((entry.file_name(), found.len(), found.modified().ok()))
            })
            .collect();
        files.sort();
        Some(Self { fingerprint: fingerprint(&manifest), version: named.map(|named| named.version), files })
    }

    /// The fingerprint that the bundle has if it is whole.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The version that the manifest states, if it can be read that far.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

#[derive(Deserialize)]
struct Named {
    version: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Bundle, testing};

    #[test]
    fn a_stamp_foretells_the_fingerprint_and_changes_with_every_file() {
        let (_home, folder) = testing::written();
        let bundle = Bundle::open(&folder).unwrap();
        let before = Stamp::of(&folder).unwrap();
        assert_eq!(before.fingerprint(), bundle.fingerprint());
        assert_eq!(before.version(), Some(bundle.manifest().version.as_str()));
        assert_eq!(Stamp::of(&folder).unwrap(), before);
        fs::write(folder.join("text.onnx"), "half a graph").unwrap();
        let half = Stamp::of(&folder).unwrap();
        assert!(half != before && half.fingerprint() == before.fingerprint());
        fs::remove_file(folder.join("text.onnx")).unwrap();
        assert_ne!(Stamp::of(&folder).unwrap(), half);
    }

    #[test]
    fn a_manifest_that_is_half_there_has_a_stamp_and_a_missing_one_has_none() {
        let (_home, folder) = testing::written();
        fs::write(folder.join(names::MANIFEST), "{\"version\":").unwrap();
        assert_eq!(Stamp::of(&folder).unwrap().version(), None);
        fs::remove_file(folder.join(names::MANIFEST)).unwrap();
        assert_eq!(Stamp::of(&folder), None);
        assert_eq!(Stamp::of(&folder.join("nowhere")), None);
    }
}
