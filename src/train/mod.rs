//! Training: a recipe's stages from pictures to one model of four tasks, resumable at any step.

mod batch;
mod calibration;
mod checkpoint;
mod deal;
mod device;
mod dice;
mod error;
mod lexicon;
mod loss;
mod masking;
mod material;
mod optimizer;
mod recipe;
mod run;
mod samples;
mod schedule;
mod shelves;
mod stage;
mod start;
mod team;
mod text_start;
mod training;
mod tuning;

pub use device::Place;
pub use error::Error;
pub use lexicon::{Lexicon, Words};
pub use recipe::{Association, Corpus, Finetune, Pretrain, Recipe, Shares, Text};
pub use run::Observer;
pub use schedule::Schedule;
pub use stage::{ATTRIBUTE_THRESHOLD, PADDING};
pub use start::{Origin, Start, weights};
pub use text_start::TextStart;
pub use training::{DataStatement, Options, StartStatement, Trained, open, train};
pub use tuning::{Goal, Tuning};
