//! Named tensors that go into and come out of a forward pass.

use burn::Tensor;
use burn::tensor::{Bool, DType, Device, DispatchTensor, Float, Int, TensorData};

use super::error::Error;

/// A bag of named tensors of any kind, rank and device: what a forward pass takes, and what it gives back.
///
/// The same forward pass runs on a CPU or GPU device with real values and on the capture device of [`convert`].
///
/// [`convert`]: super::convert
#[derive(Clone, Default)]
pub struct Values {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    name: String,
    rank: usize,
    dtype: DType,
    tensor: DispatchTensor,
}

/// Calls a generic expression with the rank as a constant; burn carries the rank in the type.
macro_rules! with_rank {
    ($rank:expr, $D:ident => $body:expr, else $other:expr) => {
        match $rank {
            1 => {
                const $D: usize = 1;
                $body
            }
            2 => {
                const $D: usize = 2;
                $body
            }
            3 => {
                const $D: usize = 3;
                $body
            }
            4 => {
                const $D: usize = 4;
                $body
            }
            5 => {
                const $D: usize = 5;
                $body
            }
            6 => {
                const $D: usize = 6;
                $body
            }
            _ => $other,
        }
    };
}

impl Values {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// The float tensor `name` of rank `D`; an error if it is missing or something else.
    pub fn float<const D: usize>(&self, name: &str) -> Result<Tensor<D>, Error> {
        let fits = |entry: &Entry| entry.dtype.is_float() && entry.rank == D;
        self.get(name, fits, "float", D).map(|entry| Tensor::from_dispatch(entry.tensor.clone()))
    }

    /// The integer tensor `name` of rank `D`; an error if it is missing or something else.
    pub fn int<const D: usize>(&self, name: &str) -> Result<Tensor<D, Int>, Error> {
        let fits = |entry: &Entry| is_integer(entry.dtype) && entry.rank == D;
        self.get(name, fits, "integer", D).map(|entry| Tensor::from_dispatch(entry.tensor.clone()))
    }

    /// The bool tensor `name` of rank `D`; an error if it is missing or something else.
    pub fn bool<const D: usize>(&self, name: &str) -> Result<Tensor<D, Bool>, Error> {
        let fits = |entry: &Entry| entry.dtype.is_bool() && entry.rank == D;
        self.get(name, fits, "bool", D).map(|entry| Tensor::from_dispatch(entry.tensor.clone()))
    }

    /// Adds or replaces a float tensor.
    pub fn insert_float<const D: usize>(&mut self, name: impl Into<String>, tensor: Tensor<D>) {
        self.insert(name.into(), D, tensor.dtype(), tensor.into_dispatch());
    }

    /// Adds or replaces an integer tensor.
    pub fn insert_int<const D: usize>(&mut self, name: impl Into<String>, tensor: Tensor<D, Int>) {
        self.insert(name.into(), D, tensor.dtype(), tensor.into_dispatch());
    }

    /// Adds or replaces a bool tensor.
    pub fn insert_bool<const D: usize>(&mut self, name: impl Into<String>, tensor: Tensor<D, Bool>) {
        self.insert(name.into(), D, tensor.dtype(), tensor.into_dispatch());
    }

    /// Adds or replaces a tensor of the kind, rank (1 to 6) and element type of `data`, on `device`.
    pub fn insert_data(
        &mut self,
        name: impl Into<String>,
        data: TensorData,
        device: &Device,
    ) -> Result<(), Error> {
        let (name, dtype, rank) = (name.into(), data.dtype(), data.rank());
        let options = (device, dtype);
        with_rank!(rank, D => {
            if dtype.is_float() {
                self.insert_float(name, Tensor::<D>::from_data(data, options));
            } else if dtype.is_bool() {
                // Each device stores truth values its own way, so the element type is left to it.
                self.insert_bool(name, Tensor::<D, Bool>::from_data(data, device));
            } else {
                self.insert_int(name, Tensor::<D, Int>::from_data(data, options));
            }
            Ok(())
        }, else {
            let wanted = "a tensor of rank 1 to 6".into();
            Err(Error::WrongValue { name, found: format!("of rank {rank}"), wanted })
        })
    }

    /// The content of tensor `name`, read back from its device.
    ///
    /// # Panics
    ///
    /// On the capture device, which computes nothing that could be read.
    pub fn data(&self, name: &str) -> Result<TensorData, Error> {
        let entry = self.get(name, |_| true, "any", 0)?;
        let tensor = entry.tensor.clone();
        let wrong = || Error::WrongValue {
            name: name.into(),
            found: describe(entry),
            wanted: "a tensor of rank 1 to 6".into(),
        };
        with_rank!(entry.rank, D => Ok(if entry.dtype.is_float() {
            Tensor::<D, Float>::from_dispatch(tensor).into_data()
        } else if entry.dtype.is_bool() {
            Tensor::<D, Bool>::from_dispatch(tensor).into_data()
        } else {
            Tensor::<D, Int>::from_dispatch(tensor).into_data()
        }), else Err(wrong()))
    }

    /// Names in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The untyped tensor `name` and its element type.
    pub(super) fn untyped(&self, name: &str) -> Result<(DispatchTensor, DType), Error> {
        self.get(name, |_| true, "any", 0).map(|entry| (entry.tensor.clone(), entry.dtype))
    }

    fn insert(&mut self, name: String, rank: usize, dtype: DType, tensor: DispatchTensor) {
        self.entries.retain(|entry| entry.name != name);
        self.entries.push(Entry { name, rank, dtype, tensor });
    }

    fn get(
        &self,
        name: &str,
        fits: impl Fn(&Entry) -> bool,
        kind: &str,
        rank: usize,
    ) -> Result<&Entry, Error> {
        let entry = self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let present = self.names().collect::<Vec<_>>().join(", ");
            Error::MissingValue { name: name.into(), present }
        })?;
        if fits(entry) {
            return Ok(entry);
        }
        let wanted = format!("a {kind} tensor of rank {rank}");
        Err(Error::WrongValue { name: name.into(), found: describe(entry), wanted })
    }
}

fn describe(entry: &Entry) -> String {
    format!("a {:?} tensor of rank {}", entry.dtype, entry.rank)
}

fn is_integer(dtype: DType) -> bool {
    dtype.is_int() || dtype.is_uint()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_by_name_kind_and_rank() {
        let device = Device::default();
        let mut values = Values::new();
        values.insert_float("x", Tensor::<2>::zeros([3, 5], &device));
        values.insert_data("ids", TensorData::from([[1i64, 2, 3]]), &device).unwrap();
        values.insert_data("mask", TensorData::from([true, false]), &device).unwrap();
        assert_eq!(values.float::<2>("x").unwrap().dims(), [3, 5]);
        assert_eq!(values.int::<2>("ids").unwrap().dims(), [1, 3]);
        assert_eq!(values.data("mask").unwrap().iter::<bool>().collect::<Vec<_>>(), [true, false]);
        assert_eq!(values.names().collect::<Vec<_>>(), ["x", "ids", "mask"]);
    }

    #[test]
    fn a_wrong_name_rank_or_kind_is_an_error_that_says_so() {
        let device = Device::default();
        let mut values = Values::new();
        values.insert_float("x", Tensor::<2>::zeros([3, 5], &device));
        let missing = values.float::<2>("y").unwrap_err().to_string();
        assert!(missing.contains("`y`") && missing.contains('x'), "{missing}");
        let rank = values.float::<3>("x").unwrap_err().to_string();
        assert!(rank.contains("rank 2") && rank.contains("rank 3"), "{rank}");
        let kind = values.bool::<2>("x").unwrap_err().to_string();
        assert!(kind.contains("F32") && kind.contains("bool"), "{kind}");
    }
}
