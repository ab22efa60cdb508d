//! The nouns of the project: boxes, objects, tasks, questions and answers. Data only; every other module speaks in these.

mod answer;
mod geometry;
mod object;
mod task;
mod text;

pub use answer::{Answer, Candidate, EntailmentScores, GroundingAnswer, ScoredAnswer, VqaAnswer};
pub use geometry::{Frame, PixelBox, Size, UnitBox};
pub use object::{AnchorPoint, Object, Tags};
pub use task::{Entailment, Query, Split, Task, UnknownName};
pub use text::{hex, sentence};
