//! `cmal`: the allocator, and the way from the command line to an exit code.

use std::process::ExitCode;

/// Tensors of the same sizes come and go at every step. mimalloc keeps their memory for a second before it gives it back, where the
/// system's allocator maps and clears fresh pages each time. `MIMALLOC_PURGE_DELAY` (milliseconds) lengthens that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // ONNX Runtime's builds for Linux begin to gather telemetry when they are loaded, before the API can turn it off.
    // SAFETY: no other thread is there yet that could read the environment.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") };
    cmal::cli::main(std::env::args_os())
}
