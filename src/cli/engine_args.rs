//! Options of the engine that `ask`, `eval` and `bench` share.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::bundle::Bundle;
use crate::metrics::Metrics;
use crate::runtime::{Engine, Provider, Settings};

use super::exit::Failure;

/// Flatten this into the arguments of a command that runs a bundle.
#[derive(Args, Clone, Debug)]
pub(super) struct EngineArgs {
    /// The ONNX Runtime library; else it is looked for beside `cmal` and in `.onnxruntime`
    #[arg(long, env = "CMAL_ONNXRUNTIME", value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// What the model runs on: cpu, cuda or auto (CUDA if it loads, else the CPU)
    #[arg(long, env = "CMAL_PROVIDER", value_name = "NAME", default_value = "cpu")]
    provider: Provider,
    /// Threads that run the model; else one per processor of the quota, one on CUDA
    #[arg(long, env = "CMAL_EXECUTORS", value_name = "COUNT")]
    executors: Option<NonZeroUsize>,
    /// Threads inside one run of the model
    #[arg(long, env = "CMAL_INTRA_THREADS", value_name = "COUNT", default_value_t = NonZeroUsize::MIN)]
    intra_threads: NonZeroUsize,
}

impl EngineArgs {
    pub fn settings(&self) -> Settings {
        Settings {
            library: self.onnxruntime.clone(),
            provider: self.provider,
            executors: self.executors,
            intra_threads: self.intra_threads,
            ..Settings::default()
        }
    }

    /// Opens a bundle and starts an engine on it.
    pub fn start(&self, bundle: &Path) -> Result<Engine, Failure> {
        Ok(Engine::start(Bundle::open(bundle)?, &self.settings(), Arc::new(Metrics::new()))?)
    }
}
