//! Writing a bundle: complete beside its place first, then moved there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use sha2::{Digest, Sha256};

use super::error::Error;
use super::manifest::Manifest;
use super::names;
use super::open::Bundle;
use crate::types::hex;

/// A bundle to be written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The digests in it need not be set.
    pub manifest: Manifest,
    /// Name and content of each file, those that the manifest names and others such as the card.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Writes a bundle to `folder`, replacing a bundle that is there.
///
/// All files are written to a folder beside it, synchronised and opened as a reader would; then the old version is renamed
/// aside, the new one to its place, and the old one deleted. Whatever fails, a whole version stays under the name or, if the machine stops
/// between the two renames, beside it.
pub fn write(folder: &Path, draft: Draft) -> Result<Bundle, Error> {
    let replaces = replaces_bundle(folder)?;
    let Draft { mut manifest, files } = draft;
    manifest.pin(|name| {
        let content = files.iter().find(|(file, _)| file == name).map(|(_, content)| content);
        let content =
            content.ok_or_else(|| Error::NotGiven { folder: folder.to_owned(), file: name.to_owned() })?;
        Ok(hex(&Sha256::digest(content)))
    })?;
    let fresh = beside(folder, "new")?;
    let written = fill(&fresh, &manifest, &files).and_then(|()| Bundle::open(&fresh).map(drop));
    if let Err(error) = written.and_then(|()| put_in_place(&fresh, folder, replaces)) {
        // The first error is the one to tell; what remains of the attempt is removed as far as it can be.
        let _ = fs::remove_dir_all(&fresh);
        return Err(error);
    }
    Bundle::open(folder)
}

/// Whether there is a bundle, or an empty folder, to replace; something else in its place is an error.
fn replaces_bundle(folder: &Path) -> Result<bool, Error> {
    let occupied = || Error::Occupied { folder: folder.to_owned() };
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            let ours = folder.join(names::MANIFEST).is_file() || entries.next().is_none();
            if ours { Ok(true) } else { Err(occupied()) }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(_) => Err(occupied()),
    }
}

fn fill(fresh: &Path, manifest: &Manifest, files: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    remove(fresh).map_err(failed(fresh))?;
    fs::create_dir_all(fresh).map_err(failed(fresh))?;
    let mut text = serde_json::to_vec_pretty(manifest)
        .map_err(|source| Error::Manifest { path: fresh.join(names::MANIFEST), source })?;
    text.push(b'\n');
    let manifest = (names::MANIFEST, text.as_slice());
    for (name, content) in
        files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).chain([manifest])
    {
        let path = fresh.join(name);
        create(&path, content).map_err(failed(&path))?;
    }
    sync(fresh).map_err(failed(fresh))
}

fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn put_in_place(fresh: &Path, folder: &Path, replaces: bool) -> Result<(), Error> {
    let failed = |source| Error::Write { path: folder.to_owned(), source };
    if !replaces {
        fs::rename(fresh, folder).map_err(failed)?;
        return sync_parent(folder).map_err(failed);
    }
    let old = beside(folder, "old")?;
    remove(&old).and_then(|()| fs::rename(folder, &old)).map_err(failed)?;
    if let Err(source) = fs::rename(fresh, folder) {
        fs::rename(&old, folder).map_err(failed)?;
        return Err(failed(source));
    }
    sync_parent(folder).and_then(|()| remove(&old)).map_err(failed)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `.NAME.KIND-PROCESS` in the same parent, hence on the same file system.
fn beside(folder: &Path, kind: &str) -> Result<PathBuf, Error> {
    let name = folder.file_name().ok_or_else(|| Error::Occupied { folder: folder.to_owned() })?;
    Ok(folder.with_file_name(format!(".{}.{kind}-{}", name.to_string_lossy(), process::id())))
}

/// Makes the names in a folder survive a crash.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn sync_parent(folder: &Path) -> io::Result<()> {
    match folder.parent() {
        Some(parent) if parent != Path::new("") => sync(parent),
        _ => sync(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_written_bundle_opens_and_nothing_else_is_left() {
        let (home, folder) = testing::written();
        assert_eq!(Bundle::open(&folder).unwrap().manifest().name, "test");
        assert_eq!(names_in(home.path()), ["test"]);
        assert_eq!(
            names_in(&folder).len(),
            10,
            "five graphs, tokenizer, golden values, weights, card, manifest"
        );
    }

    #[test]
    fn a_new_version_replaces_the_old_one_whole() {
        let (home, folder) = testing::written();
        fs::write(folder.join("of-the-old-version"), "").unwrap();
        let before = Bundle::open(&folder).unwrap();
        let mut draft = testing::draft();
        draft.manifest.version = "2".into();
        let after = write(&folder, draft).unwrap();
        assert_eq!(after.manifest().version, "2");
        assert_ne!(before.fingerprint(), after.fingerprint());
        assert_eq!((names_in(home.path()), names_in(&folder).len()), (vec!["test".to_owned()], 10));
    }

    #[test]
    fn a_draft_that_would_not_open_leaves_the_old_version_alone() {
        let (home, folder) = testing::written();
        let mut without_a_graph = testing::draft();
        without_a_graph.manifest.graphs.remove("text");
        assert!(matches!(write(&folder, without_a_graph), Err(Error::NoGraph { graph: "text", .. })));
        let mut without_a_file = testing::draft();
        without_a_file.files.retain(|(name, _)| name != "text.onnx");
        assert!(
            matches!(write(&folder, without_a_file), Err(Error::NotGiven { file, .. }) if file == "text.onnx")
        );
        assert!(Bundle::open(&folder).is_ok());
        assert_eq!(names_in(home.path()), ["test"]);
    }

    #[test]
    fn a_folder_of_something_else_is_never_replaced() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("photos");
        fs::create_dir(&folder).unwrap();
        assert!(write(&folder, testing::draft()).is_ok(), "an empty folder may be filled");
        fs::remove_file(folder.join(names::MANIFEST)).unwrap();
        assert!(matches!(write(&folder, testing::draft()), Err(Error::Occupied { .. })));
        assert_eq!(names_in(&folder).len(), 9);
    }
}
