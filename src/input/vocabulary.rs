//! Learns a WordPiece vocabulary by merging the most frequent pair again and again.
//!
//! The library's own trainer numbers pieces in the order of a randomly seeded hash map; this one gives the same vocabulary for
//! the same words every time, so that a training run can be repeated to the byte.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

/// Put before a piece that continues a word.
pub(super) const CONTINUATION: &str = "##";

/// Pieces for `words` (each with its count): every character alone and as a continuation, then merged pairs until there are `size`.
///
/// Characters are kept by falling frequency up to a quarter of `size`, so that a corpus of many scripts leaves room for
/// words; words with other characters are left out. Ties go to the pair whose pieces were learned first.
pub(super) fn learn(words: &BTreeMap<String, u64>, size: usize) -> Vec<String> {
    let alphabet = alphabet(words, size / 4);
    let mut pieces: Vec<String> = alphabet.iter().map(char::to_string).collect();
    pieces.extend(alphabet.iter().map(|c| format!("{CONTINUATION}{c}")));
    Merger::new(words, pieces).run(size)
}

fn alphabet(words: &BTreeMap<String, u64>, most: usize) -> BTreeSet<char> {
    let mut counts = BTreeMap::<char, u64>::new();
    for (word, count) in words {
        for c in word.chars() {
            *counts.entry(c).or_default() += count;
        }
    }
    let mut by_count: Vec<_> = counts.into_iter().collect();
    by_count.sort_by_key(|&(c, count)| (Reverse(count), c));
    by_count.into_iter().take(most).map(|(c, _)| c).collect()
}

/// Two neighbouring pieces, by their indices.
type Pair = (usize, usize);

/// Where a pair stands and how often.
#[derive(Default)]
struct Places {
    count: i64,
    words: BTreeSet<usize>,
}

struct Merger {
    pieces: Vec<String>,
    known: HashMap<String, usize>,
    /// Each word as pieces, with its count.
    words: Vec<(Vec<usize>, i64)>,
    pairs: HashMap<Pair, Places>,
}

impl Merger {
    fn new(words: &BTreeMap<String, u64>, pieces: Vec<String>) -> Self {
        let known: HashMap<_, _> = pieces.iter().cloned().enumerate().map(|(n, piece)| (piece, n)).collect();
        let spell = |word: &str| -> Option<Vec<usize>> {
            let piece = |(n, c): (usize, char)| {
                let text = if n == 0 { c.to_string() } else { format!("{CONTINUATION}{c}") };
                known.get(&text).copied()
            };
            word.chars().enumerate().map(piece).collect()
        };
        let words: Vec<_> = words
            .iter()
            .filter_map(|(word, &count)| Some((spell(word)?, i64::try_from(count).unwrap_or(i64::MAX))))
            .collect();
        let mut merger = Self { pieces, known, words, pairs: HashMap::new() };
        for n in 0..merger.words.len() {
            merger.count(n, 1);
        }
        merger
    }

    fn run(mut self, size: usize) -> Vec<String> {
        let mut queue: BinaryHeap<(i64, Reverse<Pair>)> =
            self.pairs.iter().map(|(&pair, places)| (places.count, Reverse(pair))).collect();
        while self.pieces.len() < size {
            let Some((count, Reverse(pair))) = queue.pop() else { break };
            let now = self.pairs.get(&pair).map_or(0, |places| places.count);
            if now <= 0 {
                continue;
            }
            if now != count {
                queue.push((now, Reverse(pair)));
                continue;
            }
            for changed in self.merge(pair) {
                queue.push((self.pairs[&changed].count, Reverse(changed)));
            }
        }
        self.pieces
    }

    /// Joins a pair wherever it stands; the pairs that became more frequent by it.
    fn merge(&mut self, pair: Pair) -> BTreeSet<Pair> {
        let continued = &self.pieces[pair.1];
        let continued = continued.strip_prefix(CONTINUATION).unwrap_or(continued);
        let text = format!("{}{continued}", self.pieces[pair.0]);
        let merged = *self.known.entry(text.clone()).or_insert_with(|| {
            self.pieces.push(text);
            self.pieces.len() - 1
        });
        let places = self.pairs.get(&pair).map(|places| places.words.clone()).unwrap_or_default();
        let mut changed = BTreeSet::new();
        for n in places {
            self.count(n, -1);
            let word = &mut self.words[n].0;
            let mut at = 0;
            while at + 1 < word.len() {
                if (word[at], word[at + 1]) == pair {
                    word.splice(at..at + 2, [merged]);
                }
                at += 1;
            }
            self.count(n, 1);
            let with_merged = self.words[n].0.windows(2).map(|w| (w[0], w[1]));
            changed.extend(with_merged.filter(|pair| pair.0 == merged || pair.1 == merged));
        }
        changed
    }

    /// Adds (`sign` 1) or takes away (`sign` -1) the pairs of word `n`.
    fn count(&mut self, n: usize, sign: i64) {
        let (word, count) = &self.words[n];
        for window in word.windows(2) {
            let places = self.pairs.entry((window[0], window[1])).or_default();
            places.count = places.count.saturating_add(sign.saturating_mul(*count));
            if sign > 0 {
                places.words.insert(n);
            } else {
                places.words.remove(&n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(counted: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counted.iter().map(|&(word, count)| (word.to_owned(), count)).collect()
    }

    #[test]
    fn the_most_frequent_pair_is_merged_first() {
        let pieces = learn(&words(&[("ab", 5), ("cb", 3), ("ac", 1)]), 28);
        let merged: Vec<_> = pieces.iter().skip(6).collect();
        assert_eq!(pieces[..6], ["a", "b", "c", "##a", "##b", "##c"]);
        assert_eq!(merged, ["ab", "cb", "ac"]);
    }

    #[test]
    fn frequent_words_become_one_piece_and_the_size_is_kept() {
        let rare = ["clues", "requires", "lacquers", "aesculus"].map(|word| (word, 1));
        let pieces = learn(&words(&[&[("circle", 50), ("square", 40)], &rare[..]].concat()), 40);
        assert_eq!(pieces.len(), 40);
        assert!(pieces.contains(&"circle".to_owned()) && pieces.contains(&"square".to_owned()));
        assert!(!pieces.contains(&"aesculus".to_owned()));
    }

    #[test]
    fn words_of_rare_characters_leave_room_for_the_others() {
        let pieces = learn(&words(&[("ab", 9), ("é漢", 1)]), 8);
        assert_eq!(pieces, ["a", "b", "##a", "##b", "ab"]);
    }

    #[test]
    fn repeated_characters_merge_from_the_left() {
        let pieces = learn(&words(&[("aaaaa", 1)]), 16);
        assert_eq!(pieces, ["a", "##a", "##aa", "aaa", "aaaaa"]);
    }
}
