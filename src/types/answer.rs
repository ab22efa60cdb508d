//! What each task answers, before any JSON.

use serde::Serialize;

use super::{Entailment, PixelBox, Tags};

/// The answer to a [`Query`](super::Query), of the same task.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Vqa(VqaAnswer),
    Entailment(EntailmentScores),
    Grounding(GroundingAnswer),
    /// Probability that the text describes the picture.
    Match(f32),
}

/// Answers by falling score; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct VqaAnswer {
    pub answers: Vec<ScoredAnswer>,
}

/// An answer and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredAnswer {
    pub answer: String,
    pub score: f32,
}

/// Probabilities of the three labels; they sum to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntailmentScores {
    pub entailment: f32,
    pub neutral: f32,
    pub contradiction: f32,
}

impl EntailmentScores {
    /// From probabilities in the order of [`Entailment::ALL`].
    pub fn new([entailment, neutral, contradiction]: [f32; 3]) -> Self {
        Self { entailment, neutral, contradiction }
    }

    /// Probability of a label.
    pub fn of(&self, label: Entailment) -> f32 {
        match label {
            Entailment::Entailment => self.entailment,
            Entailment::Neutral => self.neutral,
            Entailment::Contradiction => self.contradiction,
        }
    }

    /// The most probable label; the earlier of [`Entailment::ALL`] on a tie.
    pub fn label(&self) -> Entailment {
        let mut best = Entailment::Entailment;
        for label in Entailment::ALL {
            if self.of(label) > self.of(best) {
                best = label;
            }
        }
        best
    }
}

/// Where an expression points.
#[derive(Clone, Debug, PartialEq)]
pub struct GroundingAnswer {
    /// Probability that the expression refers to anything in the picture.
    pub present: f32,
    /// Objects by falling score; empty only if the picture has none.
    pub candidates: Vec<Candidate>,
}

/// An object that an expression may refer to.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// In pixels of the picture sent.
    pub bbox: PixelBox,
    /// Probability among the picture's objects.
    pub score: f32,
    pub tags: Tags,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_the_most_probable_one() {
        assert_eq!(EntailmentScores::new([0.2, 0.3, 0.5]).label(), Entailment::Contradiction);
        assert_eq!(EntailmentScores::new([0.4, 0.4, 0.2]).label(), Entailment::Entailment);
    }
}
