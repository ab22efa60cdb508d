//! The corpus that ships: drawn scenes of coloured shapes, and everything that can be said and asked about them.
//!
//! A seed and an index give a scene, a scene gives a picture and its language, and both are the same bytes every time.
//! Some attribute pairs and phrasings are held out of the normal part, so that a model can be tested on what it never saw.

mod asking;
mod captions;
mod colour;
mod description;
mod dice;
mod error;
mod expressions;
mod form;
mod hypotheses;
mod kinds;
mod layout;
mod look;
mod outline;
mod paint;
mod part;
mod place;
mod questions;
mod reference;
mod scene;
mod statement;
mod unknowable;
mod voice;
mod wear;
mod whether;
mod words;
mod write;

pub use error::Error;
pub use paint::paint;
pub use part::Part;
pub use scene::Scene;
pub use write::{Options, Summary, write};

#[cfg(test)]
mod balance;
#[cfg(test)]
mod truth;
