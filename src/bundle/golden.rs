//! Golden values: inputs and outputs of every graph, recorded at export, that a server must reproduce before it serves.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use super::manifest::DType;

const INPUT: &str = "in";
const OUTPUT: &str = "out";

/// The golden values of a bundle, by the name of the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Golden {
    pub graphs: BTreeMap<String, GoldenGraph>,
}

/// What a graph was given and what it gave, by the names of the tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoldenGraph {
    pub inputs: BTreeMap<String, GoldenTensor>,
    pub outputs: BTreeMap<String, GoldenTensor>,
}

/// An array, row-major; `values` has as many elements as `shape` says.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenTensor {
    shape: Vec<usize>,
    values: Values,
}

/// The elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    F32(Vec<f32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    Bool(Vec<bool>),
}

impl GoldenTensor {
    /// None if the number of values is not what the shape says.
    pub fn new(shape: Vec<usize>, values: Values) -> Option<Self> {
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        (count == Some(values.len())).then_some(Self { shape, values })
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn values(&self) -> &Values {
        &self.values
    }
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::I64(_) => DType::I64,
            Self::U8(_) => DType::U8,
            Self::Bool(_) => DType::Bool,
        }
    }

    fn stored(&self) -> (Dtype, Vec<u8>) {
        match self {
            Self::F32(values) => (Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::I64(values) => (Dtype::I64, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::U8(values) => (Dtype::U8, values.clone()),
            Self::Bool(values) => (Dtype::BOOL, values.iter().map(|&v| u8::from(v)).collect()),
        }
    }

    fn read(dtype: Dtype, bytes: &[u8]) -> Result<Self, String> {
        Ok(match dtype {
            Dtype::F32 => Self::F32(elements(bytes).map(f32::from_le_bytes).collect()),
            Dtype::I64 => Self::I64(elements(bytes).map(i64::from_le_bytes).collect()),
            Dtype::U8 => Self::U8(bytes.to_vec()),
            Dtype::BOOL => Self::Bool(bytes.iter().map(|&v| v != 0).collect()),
            other => return Err(format!("the type {other:?} is none of f32, i64, u8 and bool")),
        })
    }
}

impl Golden {
    /// As the bytes of a safetensors file, tensors called `GRAPH/in/TENSOR` and `GRAPH/out/TENSOR`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut stored = Vec::new();
        for (graph, golden) in &self.graphs {
            for (kind, tensors) in [(INPUT, &golden.inputs), (OUTPUT, &golden.outputs)] {
                for (name, tensor) in tensors {
                    let (dtype, bytes) = tensor.values.stored();
                    stored.push((format!("{graph}/{kind}/{name}"), dtype, tensor.shape.clone(), bytes));
                }
            }
        }
        let views = stored.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name.as_str(), view.expect("a tensor has as many values as its shape says"))
        });
        serialize(views, None).expect("names and sizes are far below what a safetensors header holds")
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; else says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let stored = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let mut golden = Self::default();
        for (name, view) in stored.iter() {
            let parts: Vec<_> = name.split('/').collect();
            let &[graph, kind @ (INPUT | OUTPUT), tensor] = &parts[..] else {
                return Err(format!("`{name}` is not called GRAPH/in/TENSOR or GRAPH/out/TENSOR"));
            };
            let values =
                Values::read(view.dtype(), view.data()).map_err(|fault| format!("`{name}`: {fault}"))?;
            let value = GoldenTensor::new(view.shape().to_vec(), values)
                .ok_or_else(|| format!("`{name}` has not as many values as its shape says"))?;
            let graph = golden.graphs.entry(graph.to_owned()).or_default();
            let tensors = if kind == INPUT { &mut graph.inputs } else { &mut graph.outputs };
            tensors.insert(tensor.to_owned(), value);
        }
        Ok(golden)
    }
}

fn elements<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_being_written_and_read() {
        let mut graph = GoldenGraph::default();
        let mut put = |name: &str, shape: &[usize], values| {
            let tensor = GoldenTensor::new(shape.to_vec(), values).unwrap();
            graph.inputs.insert(name.to_owned(), tensor.clone());
            graph.outputs.insert(name.to_owned(), tensor);
        };
        put("f", &[2, 1], Values::F32(vec![1.5, f32::MIN]));
        put("i", &[3], Values::I64(vec![-1, 0, i64::MAX]));
        put("u", &[1, 0], Values::U8(vec![]));
        put("b", &[2], Values::Bool(vec![true, false]));
        let golden = Golden { graphs: BTreeMap::from([("text".to_owned(), graph)]) };
        let bytes = golden.to_bytes();
        assert_eq!(Golden::from_bytes(&bytes).unwrap(), golden);
        assert_eq!(bytes, golden.to_bytes());
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        assert!(Golden::from_bytes(b"nothing").is_err());
        let data = [0; 4];
        let view = TensorView::new(Dtype::F32, vec![1], &data).unwrap();
        let odd = serialize([("name", &view)], None).unwrap();
        assert!(Golden::from_bytes(&odd).unwrap_err().contains("`name`"));
    }

    #[test]
    fn a_tensor_holds_what_its_shape_says() {
        assert!(GoldenTensor::new(vec![2, 2], Values::U8(vec![0; 3])).is_none());
        assert!(GoldenTensor::new(vec![usize::MAX, 2], Values::U8(vec![])).is_none());
    }
}
