//! Which bundle is served.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bundle::names;
use crate::cli::exit::Failure;

/// The bundle to serve: `models` itself, the one called `name` in it, or the only one in it.
pub fn choose(models: &Path, name: Option<&str>) -> Result<PathBuf, Failure> {
    let is_bundle = |path: &Path| path.join(names::MANIFEST).is_file();
    if let Some(name) = name {
        let path = models.join(name);
        return if is_bundle(&path) {
            Ok(path)
        } else {
            Err(Failure::usage(format!("there is no bundle `{name}` in {}", models.display())))
        };
    }
    if is_bundle(models) {
        return Ok(models.to_owned());
    }
    let entries = fs::read_dir(models).map_err(|error| {
        Failure::usage(format!("can't read the folder of bundles {}: {error}", models.display()))
    })?;
    // A name with a dot in front is an export that is not finished, or never was.
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_bundle(path) && !hidden(path))
        .collect();
    found.sort();
    match (found.pop(), found.as_slice()) {
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let known: Vec<_> =
                others.iter().chain([&last]).filter_map(|path| path.file_name()?.to_str()).collect();
            let folder = models.display();
            Err(Failure::usage(format!(
                "{folder} has several bundles, name one with --model: {}",
                known.join(", ")
            )))
        }
        (None, _) => Err(Failure::usage(format!(
            "there is no bundle in {}: make one with `cmal train` and `cmal export`",
            models.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_bundle_of_a_folder_is_served_and_one_of_several_must_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path();
        assert!(choose(models, None).unwrap_err().to_string().contains("no bundle"));
        let add = |name: &str| {
            fs::create_dir(models.join(name)).unwrap();
            fs::write(models.join(name).join(names::MANIFEST), "{}").unwrap();
        };
        add("shapes");
        add(".birds.new-17");
        fs::create_dir(models.join("not-a-bundle")).unwrap();
        assert_eq!(choose(models, None).unwrap(), models.join("shapes"));
        assert_eq!(choose(&models.join("shapes"), None).unwrap(), models.join("shapes"));
        add("birds");
        let error = choose(models, None).unwrap_err().to_string();
        assert!(error.contains("birds, shapes"), "{error}");
        assert_eq!(choose(models, Some("birds")).unwrap(), models.join("birds"));
        assert!(choose(models, Some("fish")).unwrap_err().to_string().contains("`fish`"));
    }
}
