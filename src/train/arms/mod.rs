//! The paper's claim in miniature: ways to pre-train, compared at several shares of the corpus, at equal steps and with equal fine-tuning.
//!
//! The detector and its objects are shared by all. Each cell of the grid is a training in a folder of its own, resumable at every step;
//! after each, the table and the plot of the run are written anew.

mod figures;
mod grid;
mod plan;
mod plot;
mod summary;
mod table;

pub use grid::run;
