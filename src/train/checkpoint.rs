//! Checkpoints of a stage: `last` to continue from, `best` to go on with. Each is a folder, written aside and renamed.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::optimizer::Optimizer;

const MODEL: &str = "model.bpk";
const STATE: &str = "state.json";

/// Where a stage stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Steps done.
    pub step: usize,
    /// The best validation score so far, higher is better; none before the first validation.
    pub best: Option<f64>,
}

/// The folder of one stage in a run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// State of the last checkpoint; none if the stage has not begun.
    pub fn state(&self) -> Result<Option<State>, Error> {
        let path = self.found("last")?.join(STATE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        serde_json::from_str(&text).map(Some).map_err(|source| Error::Record { path, source: source.into() })
    }

    /// Writes the checkpoint to continue from.
    pub fn save_last<M: Module>(&self, model: &M, optimizer: &Optimizer, state: State) -> Result<(), Error> {
        self.save("last", |folder| {
            save_model(model, &folder.join(MODEL))?;
            optimizer.save(folder)?;
            let text = serde_json::to_string(&state).expect("a state of numbers is always JSON");
            let path = folder.join(STATE);
            fs::write(&path, text).map_err(Error::file("write", path))
        })
    }

    /// Writes the weights that validated best.
    pub fn save_best<M: Module>(&self, model: &M) -> Result<(), Error> {
        self.save("best", |folder| save_model(model, &folder.join(MODEL)))
    }

    /// Model and optimiser of the last checkpoint.
    pub fn load_last<M: Module>(&self, model: M, optimizer: Optimizer) -> Result<(M, Optimizer), Error> {
        let folder = self.found("last")?;
        let model = load_model(model, &folder.join(MODEL))?;
        Ok((model, optimizer.load(&folder)?))
    }

    /// Whether there are weights that validated best.
    pub fn has_best(&self) -> Result<bool, Error> {
        Ok(self.found("best")?.join(MODEL).is_file())
    }

    /// The weights that validated best.
    pub fn load_best<M: Module>(&self, model: M) -> Result<M, Error> {
        load_model(model, &self.found("best")?.join(MODEL))
    }

    /// blake3 of the weights that validated best, in hexadecimal.
    pub fn best_digest(&self) -> Result<String, Error> {
        let path = self.found("best")?.join(MODEL);
        let bytes = fs::read(&path).map_err(Error::file("read", path))?;
        Ok(blake3::hash(&bytes).to_hex().to_string())
    }

    /// Folder of a checkpoint. One whose writing was cut short between its two renames is put back first.
    fn found(&self, name: &str) -> Result<PathBuf, Error> {
        let (target, old) = (self.folder.join(name), self.folder.join(format!("{name}.old")));
        if old.exists() && !target.exists() {
            fs::rename(&old, &target).map_err(Error::file("rename", old))?;
        }
        Ok(target)
    }

    /// Writes to a folder aside, then puts it in the place of the old one: a kill leaves the old or the new checkpoint, never half of one.
    fn save(&self, name: &str, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        let target = self.found(name)?;
        let aside = self.folder.join(format!("{name}.new"));
        let old = self.folder.join(format!("{name}.old"));
        for leftover in [&aside, &old] {
            if leftover.exists() {
                fs::remove_dir_all(leftover).map_err(Error::file("delete", leftover))?;
            }
        }
        fs::create_dir_all(&aside).map_err(Error::file("create", &aside))?;
        write(&aside)?;
        for entry in fs::read_dir(&aside).map_err(Error::file("read", &aside))? {
            let path = entry.map_err(Error::file("read", &aside))?.path();
            let synced = fs::File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(Error::file("write", path))?;
        }
        if target.exists() {
            fs::rename(&target, &old).map_err(Error::file("rename", &target))?;
        }
        fs::rename(&aside, &target).map_err(Error::file("rename", &aside))?;
        if old.exists() {
            fs::remove_dir_all(&old).map_err(Error::file("delete", &old))?;
        }
        Ok(())
    }
}

fn save_model<M: Module>(model: &M, path: &Path) -> Result<(), Error> {
    let damaged =
        |source: burn::store::RecordError| Error::Record { path: path.to_owned(), source: source.into() };
    model.clone().into_record().save(path).map_err(damaged)
}

fn load_model<M: Module>(model: M, path: &Path) -> Result<M, Error> {
    let damaged =
        |source: burn::store::RecordError| Error::Record { path: path.to_owned(), source: source.into() };
    model.try_load_record(ModuleRecord::load(path).map_err(damaged)?).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_whose_writing_was_cut_short_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path());
        assert_eq!(checkpoints.state().unwrap(), None);
        let state = State { step: 7, best: None };
        checkpoints
            .save("last", |aside| {
                let path = aside.join(STATE);
                fs::write(&path, serde_json::to_string(&state).unwrap()).map_err(Error::file("write", path))
            })
            .unwrap();
        fs::rename(folder.path().join("last"), folder.path().join("last.old")).unwrap();
        assert_eq!(checkpoints.state().unwrap(), Some(state));
    }
}
