//! API keys: made at random, kept as digests, compared in constant time.
//!
//! A key is 32 bytes of the system's randomness, so no salt and no slow hash is needed: nobody can guess it, and nobody can find it
//! from its SHA-256, as one could find a password. The other way round, what a person could think of must not be a key: nothing
//! shorter than [`SHORTEST`] is taken for one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use constant_time_eq::constant_time_eq_32;
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use crate::types::hex;

/// Characters of the shortest key that is accepted.
const SHORTEST: usize = 32;

/// Marks keys as such, for people and for programs that look for secrets in the wrong places.
const MARK: &str = "cmal_";

/// Names the digest in a line of the file.
const DIGEST: &str = "sha256:";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("can't read the API keys in {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}, line {line}: {reason}")]
    Line { path: PathBuf, line: usize, reason: String },
    #[error("{path} has no API key: make one with `cmal key NAME`")]
    Empty { path: PathBuf },
    #[error("`{0}` can't name an API key: {names}", names = NAMES)]
    Name(String),
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

const NAMES: &str = "a name is 1 to 64 letters, digits and `-_.@`";

/// The keys of a server, from a file of lines `NAME sha256:HEX`; empty lines and those that begin with `#` say nothing. A name may
/// have several keys, so that a client can change its key without a pause.
#[derive(Debug)]
pub struct Keys {
    path: PathBuf,
    known: RwLock<Arc<[Known]>>,
}

#[derive(Debug)]
struct Known {
    name: Arc<str>,
    digest: [u8; 32],
}

impl Keys {
    /// Reads the keys in a file.
    ///
    /// # Errors
    /// The file can't be read, has no key, or a line that is none.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        Ok(Self { path: path.to_owned(), known: RwLock::new(read(path)?) })
    }

    /// Reads the file again and returns how many keys it has. What can't be read as a whole changes nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reload(&self) -> Result<usize, KeyError> {
        let known = read(&self.path)?;
        let count = known.len();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(count)
    }

    /// The name of a key, if it is one of these. Takes the same time whichever it is.
    pub fn name_of(&self, key: &str) -> Option<Arc<str>> {
        let digest = digest(key);
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        let mut name = None;
        for one in known.iter() {
            if constant_time_eq_32(&one.digest, &digest) {
                name = Some(Arc::clone(&one.name));
            }
        }
        name.filter(|_| key.len() >= SHORTEST)
    }
}

/// A key that was just made.
pub struct NewKey {
    /// What the client sends; it is stored nowhere.
    pub key: String,
    /// The line of the server's file.
    pub line: String,
}

impl NewKey {
    /// # Errors
    /// The name can't stand in a line, or the system has no randomness.
    pub fn make(name: &str) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name(name.to_owned()));
        }
        let mut secret = [0; 32];
        SysRng.try_fill_bytes(&mut secret).map_err(|error| KeyError::Random(error.to_string()))?;
        let key = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(secret));
        let line = format!("{name} {DIGEST}{}", hex(&digest(&key)));
        Ok(Self { key, line })
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn is_name(name: &str) -> bool {
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(sane)
}

fn read(path: &Path) -> Result<Arc<[Known]>, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    let mut known: Vec<Known> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let refuse = |reason| KeyError::Line { path: path.to_owned(), line: index + 1, reason };
        let one = known_by(line).map_err(refuse)?;
        if known.iter().any(|other| other.digest == one.digest) {
            return Err(refuse("this key stands in the file twice".to_owned()));
        }
        known.push(one);
    }
    if known.is_empty() {
        return Err(KeyError::Empty { path: path.to_owned() });
    }
    Ok(known.into())
}

fn known_by(line: &str) -> Result<Known, String> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(digest), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("it must be `NAME {DIGEST}HEX`, as `cmal key NAME` writes it"));
    };
    if !is_name(name) {
        return Err(NAMES.to_owned());
    }
    let digest = digest.strip_prefix(DIGEST).and_then(from_hex);
    let digest = digest.ok_or_else(|| format!("the key must be given as {DIGEST} and 64 hex digits"))?;
    Ok(Known { name: name.into(), digest })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lines: &str) -> (tempfile::NamedTempFile, Result<Keys, KeyError>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), lines).unwrap();
        let keys = Keys::open(file.path());
        (file, keys)
    }

    #[test]
    fn a_key_is_known_by_its_line_and_no_two_are_alike() {
        let (one, other) = (NewKey::make("shop").unwrap(), NewKey::make("shop").unwrap());
        assert!(one.key.len() > SHORTEST && one.key != other.key && !one.line.contains(&one.key));
        let (_file, keys) = keys(&format!("# ours\n\n{}\r\n {}\n", one.line, other.line));
        let keys = keys.unwrap();
        for key in [&one.key, &other.key] {
            assert_eq!(keys.name_of(key).as_deref(), Some("shop"));
        }
        for wrong in ["", "shop", &one.line, &one.key[1..], &NewKey::make("shop").unwrap().key] {
            assert_eq!(keys.name_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_digest_is_what_sha256sum_says_and_a_short_key_is_none_though_its_digest_is_right() {
        let of_password = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
        assert_eq!(from_hex(of_password), Some(digest("password")));
        let (_file, keys) = keys(&format!("guest sha256:{of_password}\n"));
        assert_eq!(keys.unwrap().name_of("password"), None);
    }

    #[test]
    fn a_broken_file_is_refused_with_its_line() {
        let good = NewKey::make("shop").unwrap().line;
        let short = &good[..good.len() - 1];
        for (lines, expected) in [
            (String::new(), "has no API key"),
            ("# nothing\n".to_owned(), "has no API key"),
            (format!("{good}\nshop\n"), "line 2: it must be"),
            (format!("{good} more"), "line 1: it must be"),
            (format!("{good}\n{good}"), "line 2: this key stands in the file twice"),
            (format!("a/b{}", &good[4..]), "line 1: a name is"),
            (short.to_owned(), "64 hex digits"),
            (format!("{short}é"), "64 hex digits"),
            (good.replace("sha256", "md5"), "64 hex digits"),
        ] {
            let error = keys(&lines).1.unwrap_err().to_string();
            assert!(error.contains(expected), "{lines}: {error}");
        }
        assert!(Keys::open(Path::new("/nowhere/keys")).unwrap_err().to_string().contains("/nowhere/keys"));
        assert!(matches!(NewKey::make("two words"), Err(KeyError::Name(_))));
    }

    #[test]
    fn a_file_that_was_broken_meanwhile_leaves_the_keys_as_they_were() {
        let (old, new) = (NewKey::make("old").unwrap(), NewKey::make("new").unwrap());
        let (file, keys) = keys(&old.line);
        let keys = keys.unwrap();
        fs::write(file.path(), "nonsense").unwrap();
        assert!(keys.reload().is_err() && keys.name_of(&old.key).is_some());
        fs::write(file.path(), format!("{}\n", new.line)).unwrap();
        assert_eq!(keys.reload().unwrap(), 1);
        assert!(keys.name_of(&old.key).is_none() && keys.name_of(&new.key).is_some());
    }
}
