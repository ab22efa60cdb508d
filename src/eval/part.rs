//! What figures can be asked for.

use std::str::FromStr;

/// Figures that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Vqa,
    Entailment,
    Grounding,
    Detection,
    Retrieval,
    Association,
}

impl Part {
    pub const ALL: [Self; 6] =
        [Self::Vqa, Self::Entailment, Self::Grounding, Self::Detection, Self::Retrieval, Self::Association];

    pub fn name(self) -> &'static str {
        match self {
            Self::Vqa => "vqa",
            Self::Entailment => "entailment",
            Self::Grounding => "grounding",
            Self::Detection => "detection",
            Self::Retrieval => "retrieval",
            Self::Association => "association",
        }
    }
}

/// A name that is no part.
#[derive(Debug, thiserror::Error)]
#[error("`{given}` is none of {}", Part::ALL.map(Part::name).join(", "))]
pub struct UnknownPart {
    given: String,
}

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(given: &str) -> Result<Self, UnknownPart> {
        Self::ALL
            .into_iter()
            .find(|part| part.name() == given)
            .ok_or_else(|| UnknownPart { given: given.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_unknown_ones_list_the_known() {
        assert!(Part::ALL.into_iter().all(|part| part.name().parse::<Part>().unwrap() == part));
        let error = "all".parse::<Part>().unwrap_err().to_string();
        assert_eq!(error, "`all` is none of vqa, entailment, grounding, detection, retrieval, association");
    }
}
