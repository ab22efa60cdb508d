//! Constant tensors of an ONNX graph, and the layout changes that are applied to them ahead of run time.

use burn::tensor::{BoolStore, DType, TensorData};
use burn_ir::ScalarIr;
use half::{bf16, f16};

/// Element type, by its number in the ONNX standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub(super) enum Element {
    F32 = 1,
    U8 = 2,
    I8 = 3,
    U16 = 4,
    I16 = 5,
    I32 = 6,
    I64 = 7,
    Bool = 9,
    F16 = 10,
    F64 = 11,
    U32 = 12,
    U64 = 13,
    Bf16 = 16,
}

/// A tensor of known content, row by row in little-endian bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Literal {
    pub element: Element,
    pub dims: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Element {
    /// The ONNX type of a burn type; `None` for quantised ones.
    pub(super) fn of(dtype: DType) -> Option<Self> {
        Some(match dtype {
            DType::F32 | DType::Flex32 => Element::F32,
            DType::F64 => Element::F64,
            DType::F16 => Element::F16,
            DType::BF16 => Element::Bf16,
            DType::I64 => Element::I64,
            DType::I32 => Element::I32,
            DType::I16 => Element::I16,
            DType::I8 => Element::I8,
            DType::U64 => Element::U64,
            DType::U32 => Element::U32,
            DType::U16 => Element::U16,
            DType::U8 => Element::U8,
            DType::Bool(_) => Element::Bool,
            DType::QFloat(_) => return None,
        })
    }

    pub(super) fn width(self) -> usize {
        match self {
            Element::U8 | Element::I8 | Element::Bool => 1,
            Element::U16 | Element::I16 | Element::F16 | Element::Bf16 => 2,
            Element::F32 | Element::I32 | Element::U32 => 4,
            Element::F64 | Element::I64 | Element::U64 => 8,
        }
    }
}

impl Literal {
    /// The content of a burn tensor; `None` for quantised ones.
    pub(super) fn of(data: &TensorData) -> Option<Self> {
        let element = Element::of(data.dtype())?;
        let bytes = match data.dtype() {
            DType::Bool(BoolStore::U32) => data.iter::<bool>().map(u8::from).collect(),
            _ => data.as_bytes().to_vec(),
        };
        Some(Self { element, dims: data.shape().to_vec(), bytes })
    }

    /// A vector of integers, such as a shape.
    pub(super) fn ints(values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { element: Element::I64, dims: vec![values.len()], bytes }
    }

    /// One number without dimensions.
    pub(super) fn scalar(value: ScalarIr, element: Element) -> Self {
        Self { element, dims: Vec::new(), bytes: scalar_bytes(value, element) }
    }

    /// 32-bit floats.
    pub(super) fn floats(values: &[f32], dims: Vec<usize>) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { element: Element::F32, dims, bytes }
    }

    /// Its values, if they are 64-bit integers.
    pub(super) fn as_ints(&self) -> Option<Vec<i64>> {
        let ints = self.element == Element::I64;
        ints.then(|| self.bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }

    /// Its values, if they are 32-bit floats.
    pub(super) fn as_floats(&self) -> Option<Vec<f32>> {
        let floats = self.element == Element::F32;
        floats.then(|| self.bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Its values, if they are 32-bit floats and none of them is infinite or no number.
    pub(super) fn as_finite(&self) -> Option<Vec<f32>> {
        self.as_floats().filter(|values| values.iter().all(|value| value.is_finite()))
    }

    pub(super) fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Tensors side by side along their last axis; they differ in no other, nor in type.
    pub(super) fn beside(parts: &[&Self]) -> Option<Self> {
        let (last, outer) = parts.first()?.dims.split_last()?;
        let alike = |part: &&Self| {
            part.element == parts[0].element
                && part.dims.len() == outer.len() + 1
                && part.dims.starts_with(outer)
        };
        if *last == 0 || !parts.iter().all(alike) {
            return None;
        }
        let width = |part: &Self| part.dims[outer.len()] * part.element.width();
        let rows = 0..outer.iter().product::<usize>();
        let bytes = rows.flat_map(|row| {
            parts.iter().flat_map(move |part| &part.bytes[row * width(part)..(row + 1) * width(part)])
        });
        let dims = outer.iter().copied().chain([parts.iter().map(|part| part.dims[outer.len()]).sum()]);
        Some(Self { element: parts[0].element, dims: dims.collect(), bytes: bytes.copied().collect() })
    }

    /// The same content under other dimensions.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Self {
        Self { element: self.element, dims, bytes: self.bytes.clone() }
    }

    /// The content with its axes in another order, as ONNX Transpose does it.
    pub(super) fn permuted(&self, axes: &[usize]) -> Self {
        let mut strides = vec![self.element.width(); self.dims.len()];
        for axis in (0..self.dims.len().saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1] * self.dims[axis + 1];
        }
        let dims: Vec<usize> = axes.iter().map(|axis| self.dims[*axis]).collect();
        let strides: Vec<usize> = axes.iter().map(|axis| strides[*axis]).collect();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut index = vec![0; dims.len()];
        for _ in 0..self.len() {
            let from: usize = index.iter().zip(&strides).map(|(i, stride)| i * stride).sum();
            bytes.extend_from_slice(&self.bytes[from..from + self.element.width()]);
            for axis in (0..dims.len()).rev() {
                index[axis] += 1;
                if index[axis] < dims[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Self { element: self.element, dims, bytes }
    }
}

fn scalar_bytes(value: ScalarIr, element: Element) -> Vec<u8> {
    match element {
        Element::F32 => value.elem::<f32>().to_le_bytes().to_vec(),
        Element::F64 => value.elem::<f64>().to_le_bytes().to_vec(),
        Element::F16 => f16::from_f64(value.elem()).to_le_bytes().to_vec(),
        Element::Bf16 => bf16::from_f64(value.elem()).to_le_bytes().to_vec(),
        Element::I64 => value.elem::<i64>().to_le_bytes().to_vec(),
        Element::I32 => value.elem::<i32>().to_le_bytes().to_vec(),
        Element::I16 => value.elem::<i16>().to_le_bytes().to_vec(),
        Element::I8 => value.elem::<i8>().to_le_bytes().to_vec(),
        Element::U64 => value.elem::<u64>().to_le_bytes().to_vec(),
        Element::U32 => value.elem::<u32>().to_le_bytes().to_vec(),
        Element::U16 => value.elem::<u16>().to_le_bytes().to_vec(),
        Element::U8 => value.elem::<u8>().to_le_bytes().to_vec(),
        Element::Bool => vec![u8::from(value.elem::<bool>())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permuted_literal_holds_each_element_at_its_permuted_index() {
        let data = TensorData::new((0..24).map(|i| i as f32).collect(), [2, 3, 4]);
        let turned = Literal::of(&data).unwrap().permuted(&[2, 0, 1]);
        assert_eq!(turned.dims, [4, 2, 3]);
        let values = turned.as_floats().unwrap();
        for (a, b, c) in (0..2).flat_map(|a| (0..3).flat_map(move |b| (0..4).map(move |c| (a, b, c)))) {
            assert_eq!(values[c * 6 + a * 3 + b], (a * 12 + b * 4 + c) as f32);
        }
    }

    #[test]
    fn literals_stand_side_by_side_row_by_row() {
        let left = Literal::floats(&[1.0, 2.0, 3.0, 4.0], vec![2, 2]);
        let right = Literal::floats(&[5.0, 6.0], vec![2, 1]);
        let both = Literal::beside(&[&left, &right]).unwrap();
        assert_eq!(
            (both.dims.as_slice(), both.as_floats().unwrap()),
            (&[2, 3][..], vec![1.0, 2.0, 5.0, 3.0, 4.0, 6.0])
        );
        assert!(Literal::beside(&[&left, &Literal::floats(&[5.0], vec![1, 1])]).is_none());
    }

    #[test]
    fn truth_values_take_one_byte_each() {
        let literal = Literal::of(&TensorData::from([true, false, true])).unwrap();
        assert_eq!((literal.element, literal.bytes), (Element::Bool, vec![1, 0, 1]));
    }
}
