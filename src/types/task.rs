//! Tasks, what is asked in each, and the parts of a dataset.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The four tasks one model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Vqa,
    Entailment,
    Grounding,
    /// Does this text describe this picture; the base of retrieval.
    Match,
}

impl Task {
    pub const ALL: [Self; 4] = [Self::Vqa, Self::Entailment, Self::Grounding, Self::Match];

    pub fn name(self) -> &'static str {
        match self {
            Self::Vqa => "vqa",
            Self::Entailment => "entailment",
            Self::Grounding => "grounding",
            Self::Match => "match",
        }
    }
}

/// One question about one picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    Vqa { question: String, top_k: usize },
    Entailment { hypothesis: String },
    Grounding { expression: String, top_k: usize },
    Match { text: String },
}

impl Query {
    pub fn task(&self) -> Task {
        match self {
            Self::Vqa { .. } => Task::Vqa,
            Self::Entailment { .. } => Task::Entailment,
            Self::Grounding { .. } => Task::Grounding,
            Self::Match { .. } => Task::Match,
        }
    }

    /// The text the model reads for this query.
    pub fn text(&self) -> &str {
        match self {
            Self::Vqa { question: text, .. }
            | Self::Entailment { hypothesis: text }
            | Self::Grounding { expression: text, .. }
            | Self::Match { text } => text,
        }
    }
}

/// How a hypothesis relates to a picture, in the order of the model's logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entailment {
    Entailment,
    Neutral,
    Contradiction,
}

impl Entailment {
    pub const ALL: [Self; 3] = [Self::Entailment, Self::Neutral, Self::Contradiction];

    pub fn name(self) -> &'static str {
        match self {
            Self::Entailment => "entailment",
            Self::Neutral => "neutral",
            Self::Contradiction => "contradiction",
        }
    }

    /// Position in the model's logits.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    Train,
    Val,
    Test,
}

impl Split {
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// A name that is none of those a type knows.
#[derive(Debug, thiserror::Error)]
#[error("`{given}` is none of {known}")]
pub struct UnknownName {
    given: String,
    known: String,
}

macro_rules! named {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(given: &str) -> Result<Self, UnknownName> {
                Self::ALL.into_iter().find(|known| known.name() == given).ok_or_else(|| UnknownName {
                    given: given.to_owned(),
                    known: Self::ALL.map(Self::name).join(", "),
                })
            }
        }
    };
}

named!(Task);
named!(Entailment);
named!(Split);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_unknown_ones_list_the_known() {
        for task in Task::ALL {
            assert_eq!(task.name().parse::<Task>().unwrap(), task);
        }
        let error = "maybe".parse::<Entailment>().unwrap_err().to_string();
        assert_eq!(error, "`maybe` is none of entailment, neutral, contradiction");
    }
}
