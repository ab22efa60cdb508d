//! Values of a tensor, from JSON or from bytes. Callers have checked the shape, so that the number of values is a bounded one.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use crate::bundle::{DType, Values};

/// Bytes of one value.
pub fn width(dtype: DType) -> usize {
    match dtype {
        DType::F32 => 4,
        DType::I64 => 8,
        DType::U8 | DType::Bool => 1,
    }
}

/// Reads a JSON array: all values in one row-major list, or lists in lists as the shape says.
///
/// # Errors
/// What is wrong, to be put behind the name of the input.
pub fn from_json(dtype: DType, text: &str, shape: &[usize]) -> Result<Values, String> {
    let values = match dtype {
        DType::F32 => Values::F32(parse(text, shape)?),
        DType::I64 => Values::I64(parse(text, shape)?),
        DType::U8 => Values::U8(parse(text, shape)?),
        DType::Bool => Values::Bool(parse(text, shape)?),
    };
    match &values {
        // JSON has no infinity, but numbers that f32 has none for.
        Values::F32(numbers) if !numbers.iter().all(|number| number.is_finite()) => {
            Err("has a number beyond the range of FP32".to_owned())
        }
        _ => Ok(values),
    }
}

/// Reads little-endian bytes, as many as there are values.
///
/// # Errors
/// What is wrong, to be put behind the name of the input.
pub fn from_bytes(dtype: DType, bytes: &[u8]) -> Result<Values, String> {
    Ok(match dtype {
        DType::F32 => {
            Values::F32(bytes.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect())
        }
        DType::I64 => {
            Values::I64(bytes.as_chunks().0.iter().map(|value| i64::from_le_bytes(*value)).collect())
        }
        DType::U8 => Values::U8(bytes.to_vec()),
        DType::Bool if bytes.iter().any(|&byte| byte > 1) => {
            return Err("has a byte that is neither 0 nor 1".to_owned());
        }
        DType::Bool => Values::Bool(bytes.iter().map(|&byte| byte == 1).collect()),
    })
}

/// The bytes of values, little-endian.
pub fn to_bytes(values: &Values, bytes: &mut Vec<u8>) {
    match values {
        Values::F32(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Values::I64(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Values::U8(values) => bytes.extend_from_slice(values),
        Values::Bool(values) => bytes.extend(values.iter().map(|&value| u8::from(value))),
    }
}

fn parse<'de, T: Deserialize<'de>>(text: &'de str, shape: &[usize]) -> Result<Vec<T>, String> {
    let count = shape.iter().product();
    let nested = text.trim_start().strip_prefix('[').is_some_and(|inner| inner.trim_start().starts_with('['));
    let mut values = Vec::with_capacity(count);
    let list = List { sizes: if nested { shape } else { &[count] }, values: &mut values };
    let mut json = serde_json::Deserializer::from_str(text);
    list.deserialize(&mut json).map_err(|error| format!("has data that can't be read: {error}"))?;
    Ok(values)
}

/// A list of exactly so many values, or of lists of the sizes behind the first.
struct List<'a, T> {
    sizes: &'a [usize],
    values: &'a mut Vec<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sizes {
            [] => f.write_str("no list"),
            [size] => write!(f, "a list of {size} values"),
            [size, ..] => write!(f, "a list of {size} lists"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (&size, inner) = self.sizes.split_first().ok_or_else(|| A::Error::invalid_length(1, &self))?;
        for index in 0..size {
            let found = if inner.is_empty() {
                list.next_element()?.map(|value| self.values.push(value))
            } else {
                list.next_element_seed(List { sizes: inner, values: self.values })?
            };
            if found.is_none() {
                return Err(A::Error::invalid_length(index, &self));
            }
        }
        match list.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::invalid_length(size + 1, &self)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_and_nested_lists_are_the_same_values() {
        let shape = [2, 1, 3];
        let expected = Values::I64(vec![1, 2, 3, 4, 5, -6]);
        for text in ["[1,2,3,4,5,-6]", "[[[1,2,3]],[[4,5,-6]]]", " [ [ [1, 2, 3] ] , [[4,5,-6]] ] "] {
            assert_eq!(from_json(DType::I64, text, &shape).unwrap(), expected, "{text}");
        }
        assert_eq!(from_json(DType::F32, "[1, 0.5]", &[2]).unwrap(), Values::F32(vec![1.0, 0.5]));
        assert_eq!(
            from_json(DType::Bool, "[[true],[false]]", &[2, 1]).unwrap(),
            Values::Bool(vec![true, false])
        );
    }

    #[test]
    fn lists_of_another_form_are_refused() {
        for text in [
            "[1,2,3]",
            "[1,2,3,4,5]",
            "[[1,2],[3]]",
            "[[1,2],[3,4],[5,6]]",
            "[[1,2,3],[4]]",
            "[[1,2],3,4]",
            "[[[1,2]],[[3,4]]]",
            "[]",
            "[[],[]]",
            "7",
            "\"text\"",
            "{\"a\":1}",
            "[1,2,3,null]",
        ] {
            assert!(from_json(DType::I64, text, &[2, 2]).is_err(), "{text}");
        }
    }

    #[test]
    fn values_of_another_type_are_refused() {
        for (dtype, text) in [
            (DType::I64, "[1.5]"),
            (DType::I64, "[9223372036854775808]"),
            (DType::U8, "[256]"),
            (DType::U8, "[-1]"),
            (DType::Bool, "[1]"),
            (DType::F32, "[true]"),
            (DType::F32, "[\"1\"]"),
            (DType::F32, "[1e39]"),
            (DType::F32, "[1e999]"),
        ] {
            assert!(from_json(dtype, text, &[1]).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_little_endian_there_and_back() {
        for values in [
            Values::F32(vec![1.5, f32::MIN, f32::INFINITY]),
            Values::I64(vec![-2, 0, i64::MAX]),
            Values::U8(vec![0, 255]),
            Values::Bool(vec![true, false]),
        ] {
            let mut bytes = Vec::new();
            to_bytes(&values, &mut bytes);
            assert_eq!(bytes.len(), values.len() * width(values.dtype()));
            assert_eq!(from_bytes(values.dtype(), &bytes).unwrap(), values);
        }
        assert_eq!(from_bytes(DType::I64, &[1, 2, 0, 0, 0, 0, 0, 0]).unwrap(), Values::I64(vec![513]));
        assert!(from_bytes(DType::Bool, &[0, 2]).is_err());
    }
}
