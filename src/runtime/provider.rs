//! What the graphs run on, with an explicit outcome: ONNX Runtime itself would fall back to the CPU without a word.

use std::num::NonZeroUsize;
use std::str::FromStr;

use ort::ep::{self, ArenaExtendStrategy, ExecutionProviderDispatch};

/// The execution provider that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    #[default]
    Cpu,
    /// CUDA, or an error.
    Cuda(Cuda),
    /// CUDA if it really loads, else the CPU with a line in the log.
    Auto(Cuda),
}

/// How a CUDA device is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuda {
    /// Index of the device. Default: 0.
    pub device: u16,
    /// Bytes that the runtime's arena may take on the device. Default: no limit.
    pub memory: Option<NonZeroUsize>,
    /// Matrix products in TensorFloat-32: faster and less precise. Default: off.
    pub tf32: bool,
}

/// A name that is no provider.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is none of cpu, cuda, auto")]
pub struct UnknownProvider(String);

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, UnknownProvider> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(Cuda::default())),
            "auto" => Ok(Self::Auto(Cuda::default())),
            _ => Err(UnknownProvider(name.to_owned())),
        }
    }
}

impl Provider {
    /// What may be tried first, and what has to work otherwise.
    pub(super) fn attempts(self) -> (Option<Attempt>, Attempt) {
        match self {
            Self::Cpu => (None, Attempt::Cpu),
            Self::Cuda(cuda) => (None, Attempt::Cuda(cuda)),
            Self::Auto(cuda) => (Some(Attempt::Cuda(cuda)), Attempt::Cpu),
        }
    }
}

/// One provider that sessions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Cpu,
    Cuda(Cuda),
}

impl Attempt {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda(_) => "cuda",
        }
    }

    /// Slots of the unified encoder that are computed in the time that a run takes beside its slots.
    pub fn run_slots(self) -> usize {
        match self {
            Self::Cpu => 20,
            // Not measured: a GPU computes a small batch in the time of a single row.
            Self::Cuda(_) => 1 << 20,
        }
    }

    /// Providers to register, each of them an error if it fails. They are always named: unnamed, the binding has the runtime choose a
    /// device by a policy of efficiency.
    pub fn register(self) -> Vec<ExecutionProviderDispatch> {
        let cpu = ep::CPU::default().with_arena_allocator(true).build().error_on_failure();
        match self {
            Self::Cpu => vec![cpu],
            Self::Cuda(cuda) => {
                let mut provider = ep::CUDA::default()
                    .with_device_id(i32::from(cuda.device))
                    .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
                    .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
                    .with_tf32(cuda.tf32);
                if let Some(memory) = cuda.memory {
                    provider = provider.with_memory_limit(memory.get());
                }
                vec![provider.build().error_on_failure(), cpu]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_unknown_ones_list_the_known() {
        assert_eq!("cpu".parse::<Provider>().unwrap(), Provider::Cpu);
        assert_eq!("auto".parse::<Provider>().unwrap(), Provider::Auto(Cuda::default()));
        let error = "tpu".parse::<Provider>().unwrap_err();
        assert_eq!(error.to_string(), "`tpu` is none of cpu, cuda, auto");
    }

    #[test]
    fn only_auto_falls_back() {
        let cuda = Cuda::default();
        assert_eq!(Provider::Cuda(cuda).attempts(), (None, Attempt::Cuda(cuda)));
        assert_eq!(Provider::Auto(cuda).attempts(), (Some(Attempt::Cuda(cuda)), Attempt::Cpu));
    }
}
