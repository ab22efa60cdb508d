//! Small JSON files of a run folder. One that is there is whole.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;

/// Writes a record aside and puts it in place.
pub fn record(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).expect("numbers and names are always JSON");
    let aside = path.with_extension("new");
    fs::write(&aside, text).map_err(Error::file("write", &aside))?;
    fs::rename(&aside, path).map_err(Error::file("rename", aside))
}

/// What [`record`] wrote; none if it did not.
pub fn recorded<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let damaged = |source: serde_json::Error| Error::Record { path: path.to_owned(), source: source.into() };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}
