//! Finding ONNX Runtime, and checking it before it is loaded.
//!
//! The binding panics or refuses deep inside when a library is missing or too old, and loading a library runs its code. So the file's
//! own version record is read first: an ELF library defines a version of its symbols, `VERS_1.31.1`, in `.gnu.version_d`.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use object::Endianness;
use object::elf::FileHeader64;
use object::read::ReadCache;
use object::read::elf::FileHeader;
use ort::environment::Environment;

use super::error::LibraryError;

/// Oldest ONNX Runtime that works: the binding is compiled against this version of the interface.
pub const NEEDED: Version = Version { major: 1, minor: ort::MINOR_VERSION, patch: 0 };

/// Names the library file; goes before the binding's own variable `ORT_DYLIB_PATH`.
pub const VARIABLE: &str = "CMAL_ONNXRUNTIME";

const BINDING_VARIABLE: &str = "ORT_DYLIB_PATH";
const FILE: &str = "libonnxruntime.so";
/// Where `make` puts the library, seen from the working directory.
const FETCHED: &str = ".onnxruntime";
/// What the symbols of ONNX Runtime are versioned with.
const PREFIX: &str = "VERS_";

/// A release of ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
        numbers.next().is_none().then_some(version)
    }
}

/// The process's ONNX Runtime, loaded on the first call: a process can hold only one.
///
/// `named` is the configured file; without it the variable [`VARIABLE`], `ORT_DYLIB_PATH`, the executable's folder and `.onnxruntime/` in
/// the working directory are looked at, in this order.
pub fn load(named: Option<&Path>) -> Result<Environment, LibraryError> {
    static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);
    let asked = asked(named);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = loaded.as_ref() {
        return loaded.again(asked.as_deref());
    }
    let path = find(asked.as_deref())?;
    let version = check(&path)?;
    let environment = ort::init_from(&path)
        .map_err(|error| LibraryError::Load { path: path.clone(), reason: error.to_string() })?
        .with_name("cmal")
        .with_telemetry(false)
        .build()
        .map_err(|source| LibraryError::Environment { path: path.clone(), source })?;
    // The runtime tells a lot while it optimises a graph; what matters comes back as errors.
    environment.set_log_level(ort::logging::LogLevel::Warning);
    tracing::info!(path = %path.display(), %version, "ONNX Runtime loaded");
    *loaded = Some(Loaded { asked, path, environment: environment.clone() });
    Ok(environment)
}

/// The process's ONNX Runtime, and how it was asked for.
struct Loaded {
    asked: Option<PathBuf>,
    path: PathBuf,
    environment: Environment,
}

impl Loaded {
    /// The same library for who asks again, also if by now the name leads to another one, which is for the next start.
    fn again(&self, asked: Option<&Path>) -> Result<Environment, LibraryError> {
        if self.asked.as_deref() == asked {
            return Ok(self.environment.clone());
        }
        let path = find(asked)?;
        if path == self.path {
            Ok(self.environment.clone())
        } else {
            Err(LibraryError::Other { path, loaded: self.path.clone() })
        }
    }
}

/// The version of the library in a file, if it is one that works.
pub fn check(path: &Path) -> Result<Version, LibraryError> {
    let file = File::open(path).map_err(|source| LibraryError::Read { path: path.to_owned(), source })?;
    let refuse = |reason: String| LibraryError::NotOnnxRuntime { path: path.to_owned(), reason };
    let defined = defined_versions(file).map_err(|error| refuse(error.to_string()))?;
    let name = defined
        .iter()
        .find_map(|name| name.strip_prefix(PREFIX))
        .ok_or_else(|| refuse("it defines no version of ONNX Runtime's symbols".to_owned()))?;
    let version = Version::parse(name).ok_or_else(|| refuse(format!("it has the version `{name}`")))?;
    if version < NEEDED || version.major != NEEDED.major {
        return Err(LibraryError::TooOld {
            path: path.to_owned(),
            found: version.to_string(),
            needed: format!("{}.{}", NEEDED.major, NEEDED.minor),
        });
    }
    Ok(version)
}

/// The file that is named, by the configuration or by a variable.
fn asked(named: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| variable(VARIABLE)).or_else(|| variable(BINDING_VARIABLE))
}

fn find(asked: Option<&Path>) -> Result<PathBuf, LibraryError> {
    let looked = match asked {
        Some(path) => vec![path.to_owned()],
        None => {
            let beside = env::current_exe().ok().and_then(|path| Some(path.parent()?.join(FILE)));
            beside.into_iter().chain([Path::new(FETCHED).join(FILE)]).collect()
        }
    };
    // An absolute path, because the binding takes a relative one as relative to the executable.
    looked
        .iter()
        .find_map(|path| path.is_file().then(|| path.canonicalize().ok())?)
        .ok_or(LibraryError::Missing { looked })
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Names of the symbol versions that an ELF library defines.
fn defined_versions(file: File) -> object::read::Result<Vec<String>> {
    let data = ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(&data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, &data)?;
    let Some((definitions, strings)) = sections.gnu_verdef(endian, &data)? else {
        return Ok(Vec::new());
    };
    let strings = sections.strings(endian, &data, strings)?;
    let mut names = Vec::new();
    for definition in definitions {
        let (_, mut parts) = definition?;
        if let Some(part) = parts.next()? {
            names.push(String::from_utf8_lossy(part.name(endian, strings)?).into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("1.9.3") < version("1.31.0"));
        assert!(version("1.31.1") >= NEEDED);
        assert_eq!(version("1.31.1").to_string(), "1.31.1");
        assert_eq!([Version::parse("1.31"), Version::parse("1.x.0"), Version::parse("1.2.3.4")], [None; 3]);
    }

    #[test]
    fn a_missing_library_says_where_it_was_looked_for() {
        let error = load(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err();
        assert!(matches!(error, LibraryError::Missing { .. }));
        assert!(error.to_string().contains("/nowhere/libonnxruntime.so"));
    }

    #[test]
    fn a_file_that_is_no_library_is_refused_unloaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for content in [&b""[..], b"not a library", b"\x7fELF\x02\x01\x01"] {
            fs::write(&path, content).unwrap();
            assert!(matches!(check(&path), Err(LibraryError::NotOnnxRuntime { .. })), "{content:?}");
        }
    }

    #[test]
    fn another_shared_library_is_refused_unloaded() {
        let own = env::current_exe().unwrap();
        assert!(matches!(check(&own), Err(LibraryError::NotOnnxRuntime { .. })));
    }

    #[test]
    fn who_asks_by_the_same_name_is_served_by_what_it_led_to() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, link] = ["old.so", "new.so", FILE].map(|name| folder.path().join(name));
        for file in [&old, &new] {
            fs::write(file, "").unwrap();
        }
        let loaded = Loaded {
            asked: Some(link.clone()),
            path: find(Some(&old)).unwrap(),
            environment: load(None).unwrap(),
        };
        std::os::unix::fs::symlink(&new, &link).unwrap();
        assert!(loaded.again(Some(&link)).is_ok(), "the link leads elsewhere");
        fs::remove_file(&link).unwrap();
        assert!(loaded.again(Some(&link)).is_ok(), "the link is gone");
        assert!(loaded.again(Some(&old)).is_ok(), "the same file by another name");
        assert!(matches!(loaded.again(Some(&new)), Err(LibraryError::Other { .. })));
    }

    #[test]
    fn an_older_library_is_refused_with_both_versions() {
        let library = find(asked(None).as_deref()).unwrap();
        let bytes = fs::read(&library).unwrap();
        let now = check(&library).unwrap().to_string();
        let older = "1.30.0";
        assert_eq!(now.len(), older.len());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, replaced(bytes, &format!("{PREFIX}{now}\0"), &format!("{PREFIX}{older}\0")))
            .unwrap();
        let message = check(&path).unwrap_err().to_string();
        assert!(
            message
                .contains("is ONNX Runtime 1.30.0, cmal needs 1.31 or a later one of the same major version"),
            "{message}"
        );
    }

    fn replaced(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from.as_bytes()) {
            bytes[at + found..at + found + to.len()].copy_from_slice(to.as_bytes());
            at += found + to.len();
        }
        bytes
    }
}
