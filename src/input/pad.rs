//! Ragged rows to flat padded arrays with a mask that is true at real positions.

/// Token rows padded to one length, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Padded {
    /// \[rows, length\].
    pub ids: Vec<i64>,
    /// \[rows, length\], true at real tokens.
    pub mask: Vec<bool>,
    pub rows: usize,
    pub length: usize,
}

/// Rows of vectors padded with zeros to one length, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct PaddedRows {
    /// \[rows, length, width\].
    pub values: Vec<f32>,
    /// \[rows, length\], true at real vectors.
    pub mask: Vec<bool>,
    pub rows: usize,
    pub length: usize,
    pub width: usize,
}

/// Pads token ids with `pad` to the longest row, and to `min_length` at least.
pub fn pad_tokens(rows: &[&[i64]], pad: i64, min_length: usize) -> Padded {
    let length = longest(rows.iter().map(|row| row.len()), min_length);
    let mut ids = Vec::with_capacity(rows.len() * length);
    let mut mask = Vec::with_capacity(rows.len() * length);
    for (n, row) in rows.iter().enumerate() {
        ids.extend_from_slice(row);
        ids.resize((n + 1) * length, pad);
        fill_mask(&mut mask, row.len(), length);
    }
    Padded { ids, mask, rows: rows.len(), length }
}

/// Pads rows that each hold a whole number of vectors of `width` values to the longest row, and to `min_length` vectors at least.
pub fn pad_rows(rows: &[&[f32]], width: usize, min_length: usize) -> PaddedRows {
    debug_assert!(rows.iter().all(|row| row.len() % width == 0), "a row is not made of vectors of {width}");
    let length = longest(rows.iter().map(|row| row.len() / width), min_length);
    let mut values = Vec::with_capacity(rows.len() * length * width);
    let mut mask = Vec::with_capacity(rows.len() * length);
    for (n, row) in rows.iter().enumerate() {
        values.extend_from_slice(row);
        values.resize((n + 1) * length * width, 0.0);
        fill_mask(&mut mask, row.len() / width, length);
    }
    PaddedRows { values, mask, rows: rows.len(), length, width }
}

fn longest(lengths: impl Iterator<Item = usize>, min_length: usize) -> usize {
    lengths.max().unwrap_or(0).max(min_length)
}

fn fill_mask(mask: &mut Vec<bool>, real: usize, length: usize) {
    mask.extend(std::iter::repeat_n(true, real));
    mask.extend(std::iter::repeat_n(false, length - real));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_padded_to_the_longest_row_and_masked() {
        let padded = pad_tokens(&[&[7, 8, 9], &[5]], 0, 1);
        assert_eq!(padded.ids, [7, 8, 9, 5, 0, 0]);
        assert_eq!(padded.mask, [true, true, true, true, false, false]);
        assert_eq!((padded.rows, padded.length), (2, 3));
    }

    #[test]
    fn the_least_length_widens_short_rows() {
        let padded = pad_tokens(&[&[4]], 1, 3);
        assert_eq!(padded.ids, [4, 1, 1]);
    }

    #[test]
    fn a_row_without_vectors_is_all_padding() {
        let padded = pad_rows(&[&[], &[1.0, 2.0, 3.0, 4.0]], 2, 1);
        assert_eq!(padded.values, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(padded.mask, [false, false, true, true]);
        assert_eq!((padded.rows, padded.length, padded.width), (2, 2, 2));
    }
}
