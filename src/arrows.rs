//! Holds the imports of the crate against its layers: a folder imports only from lower ones.

use std::fs;
use std::path::{Path, PathBuf};

/// Layer of each top-level module; `onnx` is also forbidden every import of the crate.
const LAYERS: [(&str, u8); 16] = [
    ("types", 0),
    ("input", 1),
    ("bundle", 1),
    ("chart", 1),
    ("score", 1),
    ("metrics", 1),
    ("onnx", 1),
    ("data", 2),
    ("model", 2),
    ("runtime", 2),
    ("world", 3),
    ("train", 3),
    ("eval", 3),
    ("http", 3),
    ("export", 4),
    ("cli", 5),
];

fn layer(module: &str) -> u8 {
    LAYERS
        .iter()
        .find_map(|(name, layer)| (*name == module).then_some(*layer))
        .unwrap_or_else(|| panic!("module `{module}` has no layer: add it to LAYERS"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Every `crate::NAME` in a source text, whether in a `use` line or in a path.
fn imports(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or(""))
        .filter(|name| !name.is_empty())
}

#[test]
fn imports_point_to_lower_layers_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let from = first.trim_end_matches(".rs");
        // What only tests compile may reach up: layers are for what ships.
        if ["main", "lib", "arrows"].contains(&from) || inside.ends_with("testing.rs") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        for to in imports(&source) {
            if to != from && (from == "onnx" || layer(to) >= layer(from)) {
                wrong.push(format!("src/{} imports crate::{to}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the layers:\n{}", wrong.join("\n"));
}
