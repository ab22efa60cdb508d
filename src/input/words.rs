//! Which words a text's tokens belong to.

/// The word of each token, and each word from where its first token begins to where its last one ends in the text, in lower case.
///
/// `ids` and `offsets` are the tokenizer's. Punctuation is a word of its own also where the tokenizer leaves it with the word beside it, as
/// SentencePiece does, and a token that is no more than the blank before a word is of none.
pub(super) fn words(
    text: &str,
    ids: &[Option<u32>],
    offsets: &[(usize, usize)],
) -> (Vec<Option<usize>>, Vec<String>) {
    let mut spans = Vec::<(usize, usize)>::new();
    let mut former = None;
    let mut words = Vec::with_capacity(ids.len());
    for (id, &(start, end)) in ids.iter().zip(offsets) {
        let piece = text.get(start..end).map(str::trim);
        let Some(id) = id.filter(|_| piece != Some("")) else {
            words.push(None);
            continue;
        };
        let piece = piece.unwrap_or_default();
        let continues = former.is_some_and(|(word, before)| word == id && one_word(before, piece));
        match spans.last_mut().filter(|_| continues) {
            Some(span) => span.1 = end,
            None => spans.push((start, end)),
        }
        former = Some((id, piece));
        words.push(Some(spans.len() - 1));
    }
    let text_of = |(start, end)| text.get(start..end).unwrap_or_default().trim().to_lowercase();
    (words, spans.into_iter().map(text_of).collect())
}

/// Whether two pieces that the tokenizer has in one word are of one.
fn one_word(before: &str, piece: &str) -> bool {
    let mark = |c: char| c.is_ascii_punctuation();
    !before.ends_with(mark) && !piece.starts_with(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_is_a_word_also_where_the_tokenizer_leaves_it_with_one() {
        let text = "A t-shirt, (red)";
        let ids =
            [None, Some(0), Some(1), Some(1), Some(1), Some(1), Some(2), Some(2), Some(2), Some(2), None];
        let offsets =
            [(0, 0), (0, 1), (1, 3), (3, 4), (4, 9), (9, 10), (10, 11), (11, 12), (12, 15), (15, 16), (0, 0)];
        let (words, texts) = words(text, &ids, &offsets);
        assert_eq!(texts, ["a", "t", "-", "shirt", ",", "(", "red", ")"]);
        assert_eq!(words[6], None, "a blank");
        let real: Vec<_> = words.into_iter().flatten().collect();
        assert_eq!(real, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
