//! How parameters are stored in the file.

use half::f16;

use super::literal::{Element, Literal};

/// Element type in which 32-bit float parameters are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// As they are; computation is in 32 bits, as with [`F16`](Self::F16).
    #[default]
    F32,
    /// In half the bytes, widened by a `Cast` that the runtime computes once, when it loads the model. Tensors of fewer
    /// than 64 elements and those beyond the range of f16 stay as they are.
    F16,
    /// Matrices in a quarter of the bytes, each column or row with a scale of its own; everything else as [`F16`](Self::F16). Products
    /// with them are computed in integers, other matrices are widened when the model is loaded.
    Int8,
}

/// How one constant is stored.
pub(super) enum Stored {
    Plain,
    /// As this narrower literal, to be widened.
    Narrow(Literal),
    /// As whole numbers, to be widened and multiplied with their scales.
    Scaled(Codes),
}

/// A matrix as 8-bit integers, and what each of its columns or rows has to be multiplied with.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub codes: Literal,
    /// `[1, columns]` or `[rows, 1]`.
    pub scales: Literal,
}

/// Tensors smaller than this save nothing worth a node.
const SMALLEST: usize = 64;
/// Matrices smaller than this save nothing worth two.
pub(super) const SMALLEST_MATRIX: usize = 1024;
/// The largest code; the least is its negative, so that zero is zero.
const LARGEST: f32 = 127.0;
/// The largest code of a filter. Where a processor has no instruction for the whole product, the runtime adds two products of a code of
/// eight bits and one of these in 16 bits, which 2 · 255 · 64 still fits.
const LARGEST_OF_FILTERS: f32 = 64.0;

impl Weights {
    pub(super) fn store(self, literal: &Literal) -> Stored {
        if self == Weights::F32 || literal.len() < SMALLEST {
            return Stored::Plain;
        }
        if self == Weights::Int8
            && literal.len() >= SMALLEST_MATRIX
            && let Some(codes) = quantised_rows(literal)
        {
            return Stored::Scaled(codes);
        }
        let floats = literal.as_floats().filter(|values| values.iter().all(|v| v.abs() <= f16::MAX.to_f32()));
        match floats {
            Some(values) => {
                let bytes = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
                Stored::Narrow(Literal { element: Element::F16, dims: literal.dims.clone(), bytes })
            }
            None => Stored::Plain,
        }
    }
}

/// A matrix with a scale for each column, as what rows are multiplied with; `None` if it is no matrix of finite floats.
pub(super) fn quantised_columns(matrix: &Literal) -> Option<Codes> {
    let [_, columns] = matrix.dims[..] else { return None };
    quantised(matrix, [1, columns], |at| at % columns)
}

/// A matrix with a scale for each row, as a table that rows are taken from; `None` if it is no matrix of finite floats.
fn quantised_rows(matrix: &Literal) -> Option<Codes> {
    let [rows, columns] = matrix.dims[..] else { return None };
    quantised(matrix, [rows, 1], |at| at / columns)
}

fn quantised(matrix: &Literal, scaled: [usize; 2], group: impl Fn(usize) -> usize) -> Option<Codes> {
    let values = matrix.as_finite()?;
    let scales = vec![0.0; scaled.iter().product()];
    let (codes, scales) = coded(&values, LARGEST, scales, group);
    let codes = Literal { element: Element::I8, dims: matrix.dims.clone(), bytes: codes };
    Some(Codes { codes, scales: Literal::floats(&scales, scaled.to_vec()) })
}

/// The codes of filters, one after the other, and a scale for each, at least the one that is given for it.
pub(super) fn quantised_filters(values: &[f32], least: Vec<f32>) -> (Vec<u8>, Vec<f32>) {
    let width = values.len() / least.len().max(1);
    coded(values, LARGEST_OF_FILTERS, least, |at| at / width)
}

/// The codes of values, up to `largest` in each group, and the scales of the groups, which rise from those given as far as they have to.
fn coded(
    values: &[f32],
    largest: f32,
    mut scales: Vec<f32>,
    group: impl Fn(usize) -> usize,
) -> (Vec<u8>, Vec<f32>) {
    for (at, value) in values.iter().enumerate() {
        let scale = &mut scales[group(at)];
        *scale = scale.max(value.abs() / largest);
    }
    let code = |(at, value): (usize, &f32)| {
        let scale = scales[group(at)];
        let code = if scale > 0.0 { (value / scale).round().clamp(-largest, largest) } else { 0.0 };
        (code as i8).to_le_bytes()[0]
    };
    (values.iter().enumerate().map(code).collect(), scales)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[f32]) -> Literal {
        Literal::floats(values, vec![values.len()])
    }

    /// Codes times scales.
    fn restored(codes: &Codes) -> Vec<f32> {
        let scales = codes.scales.as_floats().unwrap();
        let columns = codes.codes.dims[1];
        let by_row = codes.scales.dims[1] == 1;
        let codes = codes.codes.bytes.iter().enumerate();
        let scale = |at| scales[if by_row { at / columns } else { at % columns }];
        codes.map(|(at, code)| f32::from(i8::from_le_bytes([*code])) * scale(at)).collect()
    }

    #[test]
    fn codes_are_within_half_a_step_of_their_own_column_or_row() {
        // The second column is a thousand times the first, the last row all zeros.
        let values = [0.5, -700.0, 0.3, 100.0, 0.0, 0.0];
        let matrix = Literal::floats(&values, vec![3, 2]);
        let (columns, rows) = (quantised_columns(&matrix).unwrap(), quantised_rows(&matrix).unwrap());
        assert_eq!((columns.scales.dims.as_slice(), rows.scales.dims.as_slice()), (&[1, 2][..], &[3, 1][..]));
        for (at, (value, found)) in values.iter().zip(restored(&columns)).enumerate() {
            let half = [0.5, 700.0][at % 2] / 127.0 / 2.0;
            assert!((value - found).abs() <= half * 1.001, "{found} for {value}");
        }
        let found = restored(&rows);
        assert!((found[0] - 0.5).abs() > 0.1, "a row has one scale: {found:?}");
        assert_eq!(&found[4..], [0.0, 0.0]);
        assert!(quantised_columns(&Literal::floats(&[f32::NAN, 1.0], vec![1, 2])).is_none());
        assert!(quantised_columns(&floats(&values)).is_none(), "it is no matrix");
    }

    #[test]
    fn int8_stores_large_matrices_by_rows_and_everything_else_as_f16() {
        let values: Vec<f32> = (0..1024).map(|i| (i as f32 * 0.37).sin()).collect();
        let matrix = Literal::floats(&values, vec![32, 32]);
        assert!(matches!(Weights::Int8.store(&matrix), Stored::Scaled(_)));
        assert!(matches!(Weights::F16.store(&matrix), Stored::Narrow(_)));
        assert!(matches!(Weights::Int8.store(&floats(&values)), Stored::Narrow(_)));
        assert!(matches!(
            Weights::Int8.store(&Literal::floats(&values[..900], vec![30, 30])),
            Stored::Narrow(_)
        ));
        assert!(matches!(Weights::Int8.store(&floats(&values[..63])), Stored::Plain));
    }

    #[test]
    fn large_tensors_take_half_the_bytes_and_keep_three_digits() {
        let values: Vec<f32> = (0..64).map(|i| (i as f32 * 0.37).sin()).collect();
        let Stored::Narrow(narrow) = Weights::F16.store(&floats(&values)) else { panic!("stored plainly") };
        assert_eq!((narrow.element, narrow.bytes.len()), (Element::F16, 128));
        for (value, bytes) in values.iter().zip(narrow.bytes.as_chunks::<2>().0) {
            assert!((f16::from_le_bytes(*bytes).to_f32() - value).abs() < 1e-3);
        }
    }

    #[test]
    fn small_huge_and_integer_tensors_stay_as_they_are() {
        let plain = |literal: &Literal| matches!(Weights::F16.store(literal), Stored::Plain);
        assert!(plain(&floats(&[1.0; 63])));
        assert!(plain(&floats(&[1e6; 64])));
        assert!(plain(&Literal::ints(&[1; 64])));
        assert!(matches!(Weights::F32.store(&floats(&[1.0; 64])), Stored::Plain));
    }
}
