//! `cmal export`: a finished run into a bundle.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::export::{self, Options};
use crate::onnx;

use super::exit::Failure;
use super::output::print;

/// Write a finished run as a bundle: five ONNX graphs, each held against the trained model first.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// The run folder
    run: PathBuf,
    /// The bundle folder, as in `models/shapes`; a bundle that is there is replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Version of the bundle
    #[arg(long, value_name = "TEXT", default_value = "1")]
    bundle_version: String,
    /// How weights are stored: f16 halves the bundle and is widened when it is loaded
    #[arg(long, value_name = "TYPE", default_value = "f16")]
    weights: Weights,
    /// What `cmal eval --json` printed, for the manifest and the card
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// The ONNX Runtime library; else it is looked for beside `cmal` and in `.onnxruntime`
    #[arg(long, env = "CMAL_ONNXRUNTIME", value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

/// Types that weights can be stored as.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Weights {
    F32,
    F16,
}

/// Exports, and prints what the parity check found.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    let report = export::export(&Options {
        run: args.run.clone(),
        out: args.out.clone(),
        version: args.bundle_version.clone(),
        weights: match args.weights {
            Weights::F32 => onnx::Weights::F32,
            Weights::F16 => onnx::Weights::F16,
        },
        library: args.onnxruntime.clone(),
        metrics: args.metrics.as_ref().map_or_else(|| Ok(BTreeMap::new()), export::read_metrics)?,
    })?;
    for (graph, difference) in &report.parity {
        print(&format!("{graph:<12} largest difference from burn {difference:.1e}\n"))?;
    }
    print(&format!("{}: {:.1} MB\n", args.out.display(), report.bytes as f64 / 1e6))
}
