//! `cmal world`: write a dataset folder of drawn scenes.

use std::path::PathBuf;

use clap::Args;

use crate::world::{self, Options};

use super::exit::Failure;
use super::output::print;
use super::progress::Progress;

/// Write a dataset folder of drawn scenes with captions, questions, hypotheses and referring expressions.
#[derive(Args, Clone, Debug)]
pub struct WorldArgs {
    /// The folder to write; it must be new or empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many scenes.
    #[arg(long, value_name = "N")]
    scenes: usize,
    /// The same seed gives the same bytes; the recipes train on scenes of seed 1.
    #[arg(long, value_name = "N", default_value_t = 2)]
    seed: u64,
    /// Scenes and phrasings of the part that training never sees.
    #[arg(long)]
    held_out: bool,
}

/// Writes the world and says what it holds.
pub fn run(args: &WorldArgs) -> Result<(), Failure> {
    let options = Options { scenes: args.scenes, seed: args.seed, held_out: args.held_out };
    let progress = Progress::new("drawing", args.scenes as u64, "scenes");
    let summary = world::write(&args.out, &options, &|_| progress.advance(1))?;
    progress.finish();
    print(&format!(
        "{}: {} scenes, {} objects, {} captions, {} questions, {} hypotheses, {} referring expressions\n",
        args.out.display(),
        summary.scenes,
        summary.objects,
        summary.captions,
        summary.questions,
        summary.hypotheses,
        summary.expressions,
    ))
}
