//! CMAL as burn modules: a detector of visual objects, and the model that associates them with words.
//!
//! Names follow the paper (Ma et al., ACM Multimedia 2022; arXiv 2410.12595): visual objects, anchor points, semantic encoders on
//! hyperspheres, the associative prompt, the unified encoder and associative mapping classification. B is the batch, R the
//! objects of a picture, T the tokens of a text, D the width. Masks are true at real slots.

mod bert;
mod cmal;
mod detector;
mod dims;
mod embed;
mod encoder;
mod graphs;
mod heads;
mod mask;
mod prompt;
mod state_dict;
mod states;

pub use bert::{Checkpoint, CheckpointError};
pub use cmal::Cmal;
pub use detector::{Contents, Detections, Detector, Maps, STRIDE, at, boxes};
pub use dims::{Activation, BertDims, Dims, Vocabulary};
pub use graphs::{Graph, association, fusion, objects, text, vision};
pub use heads::{AssociationLogits, ObjectLogits, TaskLogits};
pub use prompt::{Filling, Fills};
pub use state_dict::{Precision, Sources, StateDict, StateError, WordList, Worded};
pub use states::{Fused, Paired, Read, Seen};
