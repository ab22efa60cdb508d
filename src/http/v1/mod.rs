//! The endpoints of version 1, one file each: request, response, contract, handler.

mod answer;
pub mod associations;
pub mod entailment;
mod example;
pub mod grounding;
pub mod images;
pub mod matching;
pub mod models;
pub mod objects;
pub mod query;
pub mod vqa;

use super::Problem;

/// Candidates that one answer may list.
const MAX_TOP_K: usize = 20;

/// The number of candidates that was asked for, if it is one an endpoint gives.
fn top_k(asked: i64) -> Result<usize, Problem> {
    usize::try_from(asked).ok().filter(|count| (1..=MAX_TOP_K).contains(count)).ok_or_else(|| {
        Problem::Unusable { field: "top_k", reason: format!("is {asked}, it must be 1 to {MAX_TOP_K}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_k_is_one_to_twenty() {
        assert_eq!((top_k(1).unwrap(), top_k(20).unwrap()), (1, 20));
        for wrong in [0, 21, -1, i64::MIN, i64::MAX] {
            assert!(matches!(top_k(wrong), Err(Problem::Unusable { field: "top_k", .. })), "{wrong}");
        }
    }
}
