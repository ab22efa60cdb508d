//! Opening a bundle: nothing in it is used before all of it was found whole.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::Error;
use super::form::Form;
use super::golden::Golden;
use super::manifest::{Manifest, Temperatures};
use super::names;
use super::signature::signature;
use crate::types::hex;

/// A bundle whose manifest was read and whose files were all found as the manifest states.
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    fingerprint: String,
}

impl Bundle {
    /// Opens `models/NAME/`: checks the manifest's format, that no graph is missing, every graph's tensors and every file's sha256.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(names::MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(Error::NoManifest { folder: folder.to_owned() });
            }
            Err(source) => return Err(Error::Read { path, source }),
        };
        let invalid = |source| Error::Manifest { path: path.clone(), source };
        // First the format alone: a manifest of another format may differ in everything else.
        let Format { format } = serde_json::from_slice(&text).map_err(invalid)?;
        if format != names::FORMAT {
            return Err(Error::Format { folder: folder.to_owned(), found: format });
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(invalid)?;
        let Temperatures { vqa, entailment } = manifest.temperatures;
        for temperature in [vqa, entailment] {
            if !(temperature > 0.0 && temperature.is_finite()) {
                return Err(Error::Temperature { folder: folder.to_owned(), temperature });
            }
        }
        if let Some(Form { tolerance, .. }) = manifest.form
            && !(tolerance > 0.0 && tolerance < 1.0)
        {
            return Err(Error::Tolerance { folder: folder.to_owned(), tolerance });
        }
        check_graphs(folder, &manifest)?;
        for (file, sha256) in manifest.files() {
            check_file(folder, file, sha256)?;
        }
        Ok(Self { folder: folder.to_owned(), manifest, fingerprint: fingerprint(&text) })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// blake3 of the manifest in hexadecimal. The manifest pins every file, so two bundles of one fingerprint answer alike.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where a graph lies.
    ///
    /// # Panics
    /// If `name` is none of [`names::graph::ALL`]; those were all found when the bundle was opened.
    pub fn graph_path(&self, name: &str) -> PathBuf {
        self.folder.join(&self.manifest.graphs[name].file)
    }

    pub fn tokenizer_path(&self) -> PathBuf {
        self.folder.join(&self.manifest.tokenizer.file)
    }

    /// Reads the golden values.
    pub fn golden(&self) -> Result<Golden, Error> {
        let path = self.folder.join(&self.manifest.golden.file);
        let bytes = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        Golden::from_bytes(&bytes).map_err(|fault| Error::Golden { path, fault })
    }
}

/// The fingerprint of a bundle with this manifest.
pub(super) fn fingerprint(manifest: &[u8]) -> String {
    blake3::hash(manifest).to_hex().to_string()
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn check_graphs(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    for name in names::graph::ALL {
        let Some((graph, signature)) = manifest.graphs.get(name).zip(signature(name)) else {
            return Err(Error::NoGraph { folder: folder.to_owned(), graph: name });
        };
        signature.check(graph).map_err(|fault| Error::Signature {
            folder: folder.to_owned(),
            graph: name,
            fault,
        })?;
    }
    Ok(())
}

fn check_file(folder: &Path, file: &str, sha256: &str) -> Result<(), Error> {
    let mut parts = Path::new(file).components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
        return Err(Error::FileName { folder: folder.to_owned(), file: file.to_owned() });
    }
    let path = folder.join(file);
    match digest_of(&path) {
        Ok(digest) if digest == sha256 => Ok(()),
        Ok(_) => Err(Error::Digest { path }),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::Missing { path }),
        Err(source) => Err(Error::Read { path, source }),
    }
}

fn digest_of(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::bundle::manifest::{DType, TensorEntry};
    use crate::bundle::testing;

    fn edit_manifest(folder: &Path, edit: impl FnOnce(&mut Value)) {
        let path = folder.join(names::MANIFEST);
        let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        edit(&mut manifest);
        fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
    }

    #[test]
    fn a_whole_bundle_opens_and_tells_where_its_parts_lie() {
        let (_home, folder) = testing::written();
        let bundle = Bundle::open(&folder).unwrap();
        assert!(names::graph::ALL.iter().all(|name| bundle.graph_path(name).is_file()));
        assert!(bundle.tokenizer_path().is_file());
        assert_eq!(bundle.fingerprint().len(), 64);
        assert_eq!(bundle.golden().unwrap(), testing::golden());
    }

    #[test]
    fn a_temperature_that_nothing_can_be_divided_by_is_refused() {
        for temperature in [0.0, -2.0] {
            let (_home, folder) = testing::written();
            edit_manifest(&folder, |manifest| manifest["temperatures"]["vqa"] = temperature.into());
            let error = Bundle::open(&folder).unwrap_err();
            assert!(matches!(error, Error::Temperature { .. }), "{error}");
        }
    }

    #[test]
    fn a_tolerance_that_proves_nothing_is_refused_and_none_is_a_narrow_one() {
        for tolerance in [0.0, 1.0, -0.1] {
            let (_home, folder) = testing::written();
            edit_manifest(&folder, |manifest| manifest["form"]["tolerance"] = tolerance.into());
            let error = Bundle::open(&folder).unwrap_err();
            assert!(matches!(error, Error::Tolerance { .. }), "{error}");
        }
        let (_home, folder) = testing::written();
        assert_eq!(Bundle::open(&folder).unwrap().manifest().tolerance("fusion"), 0.25);
        edit_manifest(&folder, |manifest| {
            manifest.as_object_mut().unwrap().remove("form");
        });
        assert_eq!(Bundle::open(&folder).unwrap().manifest().tolerance("fusion"), 5e-3);
    }

    #[test]
    fn a_flipped_byte_in_any_file_is_told() {
        let (_home, folder) = testing::written();
        let files: Vec<_> =
            Bundle::open(&folder).unwrap().manifest().files().map(|f| f.0.to_owned()).collect();
        assert_eq!(files.len(), 8);
        for file in files {
            let path = folder.join(&file);
            let whole = fs::read(&path).unwrap();
            let mut damaged = whole.clone();
            *damaged.last_mut().unwrap() ^= 1;
            fs::write(&path, damaged).unwrap();
            let error = Bundle::open(&folder).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "`{}` does not have the sha256 the manifest states: the file was damaged or replaced; \
                     export or fetch the bundle again",
                    path.display()
                )
            );
            fs::write(&path, whole).unwrap();
        }
        assert!(Bundle::open(&folder).is_ok());
    }

    #[test]
    fn a_missing_graph_is_told_whether_the_file_or_its_entry_is_gone() {
        let (_home, folder) = testing::written();
        fs::rename(folder.join("vision.onnx"), folder.join("away")).unwrap();
        let error = Bundle::open(&folder).unwrap_err();
        assert!(matches!(&error, Error::Missing { path } if path.ends_with("vision.onnx")), "{error}");
        edit_manifest(&folder, |manifest| {
            manifest["graphs"].as_object_mut().unwrap().remove("vision");
        });
        let error = Bundle::open(&folder).unwrap_err();
        assert!(matches!(error, Error::NoGraph { graph: "vision", .. }), "{error}");
    }

    #[test]
    fn another_format_is_told_even_when_everything_else_changed() {
        let (_home, folder) = testing::written();
        edit_manifest(&folder, |manifest| *manifest = json!({"format": 7, "weights": "elsewhere"}));
        let error = Bundle::open(&folder).unwrap_err().to_string();
        let (path, format) = (folder.display(), names::FORMAT);
        assert_eq!(
            error,
            format!(
                "`{path}` is a bundle of format 7 and this cmal reads format {format}: use the cmal that made it, \
                 or export it again"
            )
        );
    }

    #[test]
    fn a_manifest_with_unknown_fields_or_paths_outside_is_refused() {
        let (_home, folder) = testing::written();
        edit_manifest(&folder, |manifest| manifest["graphs"]["text"]["extra"] = json!(1));
        assert!(matches!(Bundle::open(&folder), Err(Error::Manifest { .. })));
        let (_home, folder) = testing::written();
        edit_manifest(&folder, |manifest| manifest["tokenizer"]["file"] = json!("../tokenizer.json"));
        assert!(matches!(Bundle::open(&folder), Err(Error::FileName { .. })));
    }

    #[test]
    fn tensors_that_do_not_fit_are_named() {
        let rename = |entries: &mut Vec<TensorEntry>| entries[0].name = "visuals".to_owned();
        let retype = |entries: &mut Vec<TensorEntry>| entries[0].dtype = DType::I64;
        let flatten = |entries: &mut Vec<TensorEntry>| entries[0].axes.truncate(1);
        let double = |entries: &mut Vec<TensorEntry>| entries.push(entries[0].clone());
        type Change = fn(&mut Vec<TensorEntry>);
        let cases: [(Change, &str); 4] = [
            (rename, "it has no input `visual`"),
            (retype, "its input `visual` is i64 with 3 axes instead of f32 with 3"),
            (flatten, "its input `visual` is f32 with 1 axes instead of f32 with 3"),
            (double, "it lists an input twice"),
        ];
        for (change, expected) in cases {
            let mut manifest = testing::manifest();
            change(&mut manifest.graphs.get_mut("fusion").unwrap().inputs);
            let error = check_graphs(Path::new("models/x"), &manifest).unwrap_err().to_string();
            assert_eq!(error, format!("the graph `fusion` of `models/x` does not fit this cmal: {expected}"));
        }
    }

    #[test]
    fn a_folder_without_manifest_is_no_bundle() {
        let home = tempfile::tempdir().unwrap();
        for folder in [home.path().to_owned(), home.path().join("gone")] {
            let error = Bundle::open(&folder).unwrap_err().to_string();
            assert_eq!(error, format!("`{}` is no bundle: it has no manifest.json", folder.display()));
        }
    }
}
