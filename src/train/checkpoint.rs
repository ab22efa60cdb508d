//! Checkpoints of a stage: `last` to continue from, `best` to go on with. Each is a folder, written aside and renamed.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};

use super::error::Error;

const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
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
        let path = self.folder.join("last").join(STATE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        serde_json::from_str(&text).map(Some).map_err(|source| Error::Record { path, source: source.into() })
    }

    /// Writes the checkpoint to continue from.
    pub fn save_last<M: Module>(
        &self,
        model: &M,
        optimizer: &ModuleOptimizer,
        state: State,
    ) -> Result<(), Error> {
        self.save("last", |folder| {
            save_model(model, &folder.join(MODEL))?;
            let path = folder.join(OPTIMIZER);
            optimizer.save(&path).map_err(|source| Error::Record { path, source: source.into() })?;
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
    pub fn load_last<M: Module>(
        &self,
        model: M,
        optimizer: ModuleOptimizer,
    ) -> Result<(M, ModuleOptimizer), Error> {
        let folder = self.folder.join("last");
        let model = load_model(model, &folder.join(MODEL))?;
        let path = folder.join(OPTIMIZER);
        let optimizer =
            optimizer.load(&path).map_err(|source| Error::Record { path, source: source.into() })?;
        Ok((model, optimizer))
    }

    /// The weights that validated best.
    pub fn load_best<M: Module>(&self, model: M) -> Result<M, Error> {
        load_model(model, &self.folder.join("best").join(MODEL))
    }

    /// Writes to a folder aside, then puts it in the place of the old one: a kill leaves the old or the new checkpoint, never half of one.
    fn save(&self, name: &str, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        let aside = self.folder.join(format!("{name}.new"));
        let old = self.folder.join(format!("{name}.old"));
        let target = self.folder.join(name);
        for leftover in [&aside, &old] {
            if leftover.exists() {
                fs::remove_dir_all(leftover).map_err(Error::file("delete", leftover))?;
            }
        }
        fs::create_dir_all(&aside).map_err(Error::file("create", &aside))?;
        write(&aside)?;
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
