//! Figures: predictions and truth in, numbers out. Pure functions on slices, used by training for validation and by `eval` for
//! reports. Every figure says how many items it was counted over.

mod association;
mod calibration;
mod detection;
mod entailment;
mod figure;
mod grounding;
mod normalize;
mod retrieval;
mod shortlist;
mod vqa;

pub use association::{Associated, AssociationScore, association, of_naming_words};
pub use calibration::{Bin, CALIBRATION_BINS, CalibrationScore, calibration};
pub use detection::{Detected, Detection, DetectionScore};
pub use entailment::{EntailmentScore, JudgedHypothesis, entailment};
pub use figure::{Figure, Interval};
pub use grounding::{GroundedExpression, GroundingScore, grounding};
pub use normalize::normalize_answer;
pub use retrieval::{Recall, RetrievalScore, rank, recall, retrieval};
pub use shortlist::{CANDIDATES, Ranking, Rankings, Retrieved, Shortlist};
pub use vqa::{AnsweredQuestion, VqaScore, WorstType, soft_accuracy, vqa};
