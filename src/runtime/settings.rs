//! How the engine runs. Every value that can be built is a usable one.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::input::Limits;

use super::batching::Budget;
use super::provider::Provider;

/// Settings of an [`Engine`](super::Engine).
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ONNX Runtime library; `None` looks in the usual places, see [`library`](super::library).
    pub library: Option<PathBuf>,
    /// What the graphs run on. Default: the CPU.
    pub provider: Provider,
    /// Threads that run graphs, each with its own sessions; `None` takes one per processor of the quota, or one on a GPU.
    pub executors: Option<NonZeroUsize>,
    /// Threads of ONNX Runtime inside one executor. Default: 1.
    pub intra_threads: NonZeroUsize,
    /// Threads that decode pictures and split texts; `None` takes one per processor of the quota.
    pub workers: Option<NonZeroUsize>,
    /// Bounds of one batch. Default: 16 rows, 2048 padded slots.
    pub batch: Budget,
    /// How long a batch that isn't full waits for more, counted from its first job. Default: not at all.
    pub linger: Duration,
    /// Jobs that may wait in front of each stage. Default: 1024.
    pub queue: NonZeroUsize,
    /// Calls accepted at the same time. Default: 256.
    pub in_flight: NonZeroUsize,
    /// Bounds on the pictures that are decoded.
    pub pictures: Limits,
    /// Bytes of pictures' features that are kept for further queries about them; 0 keeps none. Default: 256 MiB.
    pub cache_pictures: usize,
    /// Bytes of texts' features that are kept; 0 keeps none. Default: 32 MiB.
    pub cache_texts: usize,
}

impl Default for Settings {
    fn default() -> Self {
        const ONE: NonZeroUsize = NonZeroUsize::MIN;
        Self {
            library: None,
            provider: Provider::default(),
            executors: None,
            intra_threads: ONE,
            workers: None,
            batch: Budget::default(),
            linger: Duration::ZERO,
            queue: ONE.saturating_add(1023),
            in_flight: ONE.saturating_add(255),
            pictures: Limits::default(),
            cache_pictures: 256 << 20,
            cache_texts: 32 << 20,
        }
    }
}

/// Processors this process may use. The standard library reads the affinity mask and the CPU quota of the cgroup (both versions), so
/// a container's share counts and not the host's processors.
pub fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
