//! How parameters are stored in the file.

use half::f16;

use super::literal::{Element, Literal};

/// Element type in which 32-bit float parameters are stored. Computation is in 32 bits either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// As they are.
    #[default]
    F32,
    /// In half the bytes, widened by a `Cast` that the runtime computes once, when it loads the model. Tensors of fewer
    /// than 64 elements and those beyond the range of f16 stay as they are.
    F16,
}

/// How one constant is stored.
pub(super) enum Stored {
    Plain,
    /// As this narrower literal, to be widened.
    Narrow(Literal),
}

/// Tensors smaller than this save nothing worth a node.
const SMALLEST: usize = 64;

impl Weights {
    pub(super) fn store(self, literal: &Literal) -> Stored {
        if self == Weights::F32 || literal.len() < SMALLEST {
            return Stored::Plain;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[f32]) -> Literal {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Literal { element: Element::F32, dims: vec![values.len()], bytes }
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
