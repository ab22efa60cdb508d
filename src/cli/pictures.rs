//! Which pictures of a dataset a command measures on.

use crate::data::{Dataset, Entry};
use crate::types::Split;

/// Pictures of a dataset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pictures {
    All,
    Of(Split),
}

impl Pictures {
    pub fn parse(name: &str) -> Result<Self, String> {
        if name == "all" {
            return Ok(Self::All);
        }
        name.parse().map(Self::Of).map_err(|_| format!("`{name}` is none of train, val, test, all"))
    }

    /// These pictures, no more than `limit`.
    pub fn of(self, dataset: &Dataset, limit: Option<usize>) -> Vec<&Entry> {
        let held = dataset.pictures.iter().filter(|entry| match self {
            Self::All => true,
            Self::Of(split) => entry.split == split,
        });
        held.take(limit.unwrap_or(usize::MAX)).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Of(split) => split.name(),
        }
    }
}
