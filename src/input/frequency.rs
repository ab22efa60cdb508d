//! Words in the order in which a vocabulary takes them up.

use std::cmp::Reverse;

/// The words counted `least` times or more, by falling count, then by name.
pub fn frequent<'a>(counted: impl IntoIterator<Item = (&'a str, u64)>, least: u64) -> Vec<String> {
    let mut counted: Vec<_> = counted.into_iter().filter(|(_, count)| *count >= least).collect();
    counted.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
    counted.into_iter().map(|(word, _)| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_come_first_and_rare_ones_not_at_all() {
        let counted = [("2", 1), ("yes", 3), ("no", 3), ("maybe", 7)];
        assert_eq!(frequent(counted, 2), ["maybe", "no", "yes"]);
        assert_eq!(frequent(counted, 8), [""; 0]);
    }
}
