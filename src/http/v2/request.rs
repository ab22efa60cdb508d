//! The JSON of a request as the protocol writes it. Members that are not known are left to extensions of the protocol.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Tensors for a graph, and which outputs are wanted.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[schema(as = InferenceRequest)]
pub struct InferRequest<'a> {
    /// Comes back in the answer.
    #[schema(nullable = false)]
    pub id: Option<String>,
    #[schema(nullable = false)]
    pub parameters: Option<RequestParameters>,
    /// Every input of the model, in any order; it is the order of their binary data.
    #[serde(borrow)]
    #[schema(value_type = Vec<InputRequest>, max_items = 16)]
    pub inputs: Few<InputRequest<'a>>,
    /// All outputs, if it is left out or empty.
    #[serde(default)]
    #[schema(value_type = Vec<OutputRequest>, max_items = 16, required = false)]
    pub outputs: Few<OutputRequest>,
}

/// Parameters of a request.
#[derive(Debug, Default, serde::Deserialize, ToSchema)]
#[schema(as = InferenceRequestParameters)]
pub struct RequestParameters {
    /// Whether outputs come as binary data; what an output says itself goes before it.
    #[serde(default)]
    #[schema(default = bool::default)]
    pub binary_data_output: bool,
}

/// A tensor: its values in `data`, or behind the JSON if `binary_data_size` says how many bytes they are.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[schema(as = InferenceInput)]
pub struct InputRequest<'a> {
    pub name: String,
    /// Sizes of its axes.
    #[schema(value_type = Vec<i64>, max_items = 16)]
    pub shape: Few<i64>,
    /// The type of its values: `FP32`, `INT64`, `UINT8` or `BOOL`, whichever the model takes.
    pub datatype: String,
    #[schema(nullable = false)]
    pub parameters: Option<InputParameters>,
    /// All values in one row-major list, or lists in lists as the shape says.
    #[serde(borrow)]
    #[schema(value_type = Vec<serde_json::Value>, required = false)]
    pub data: Option<&'a RawValue>,
}

/// Parameters of an input.
#[derive(Debug, Default, serde::Deserialize, ToSchema)]
#[schema(as = InferenceInputParameters)]
pub struct InputParameters {
    /// Bytes of its little-endian binary data.
    #[schema(nullable = false, minimum = 1)]
    pub binary_data_size: Option<i64>,
    #[schema(ignore)]
    pub shared_memory_region: Option<IgnoredAny>,
}

/// An output that is wanted.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[schema(as = InferenceOutputRequest)]
pub struct OutputRequest {
    pub name: String,
    #[schema(nullable = false)]
    pub parameters: Option<OutputParameters>,
}

/// Parameters of a wanted output.
#[derive(Debug, Default, serde::Deserialize, ToSchema)]
#[schema(as = InferenceOutputParameters)]
pub struct OutputParameters {
    /// Whether it comes as binary data.
    #[schema(nullable = false)]
    pub binary_data: Option<bool>,
    #[schema(ignore)]
    pub classification: Option<IgnoredAny>,
    #[schema(ignore)]
    pub shared_memory_region: Option<IgnoredAny>,
}

/// A list that is refused beyond 16 entries, more than any graph needs, before it fills memory.
#[derive(Debug)]
pub struct Few<T>(pub Vec<T>);

impl<T> Few<T> {
    const MOST: usize = 16;
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {} entries at most", Few::<T>::MOST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            if entries.len() == Few::<T>::MOST {
                return Err(A::Error::invalid_length(entries.len() + 1, &self));
            }
            entries.push(entry);
        }
        Ok(Few(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_short() {
        let list = |count: usize| serde_json::from_value::<Few<i64>>(vec![1; count].into());
        assert_eq!(list(16).unwrap().0.len(), 16);
        assert!(list(17).unwrap_err().to_string().contains("16 entries at most"));
    }

    #[test]
    fn what_extensions_add_is_passed_over() {
        let text = r#"{"model_name": "x", "inputs": [{"name": "a", "shape": [1], "datatype": "FP32",
            "parameters": {"other": {}}, "data": [[1.5]]}], "parameters": {"sequence_id": 7}}"#;
        let request: InferRequest<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(request.inputs.0[0].data.unwrap().get(), "[[1.5]]");
        assert!(request.outputs.0.is_empty() && !request.parameters.unwrap().binary_data_output);
    }
}
