//! Stands in for `train` in a build without it.

pub use super::absent::AbsentArgs as TrainArgs;

use super::absent::refuse;
use super::exit::Failure;

pub fn run(_: &TrainArgs) -> Result<(), Failure> {
    Err(refuse("train", "train"))
}
