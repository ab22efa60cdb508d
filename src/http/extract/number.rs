//! Whole numbers in a request.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Reads a whole number. JSON has one kind of number: 5.0 is 5, and some clients write all of theirs like that.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    // Asked for a float, every source hands over a number as it is written, asked for an integer not all do.
    deserializer.deserialize_f64(WholeVisitor)
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        /// Up to here a float is the number that was written.
        const EXACT: f64 = 9_007_199_254_740_991.0;
        if number.fract() == 0.0 && number.abs() <= EXACT {
            Ok(number as i64)
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Plain {
        #[serde(default, deserialize_with = "whole_number")]
        count: i64,
    }

    fn read(number: &str) -> Result<i64, String> {
        let read = serde_json::from_str(&format!(r#"{{"count": {number}}}"#));
        read.map(|Plain { count }| count).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_float() {
        for (text, number) in
            [("5", 5), ("5.0", 5), ("-3.0", -3), ("2e1", 20), ("0", 0), ("9223372036854775807", i64::MAX)]
        {
            assert_eq!(read(text), Ok(number), "{text}");
        }
        assert_eq!(serde_json::from_str::<Plain>("{}").unwrap().count, 0);
    }

    #[test]
    fn other_numbers_and_what_is_none_are_refused() {
        for text in ["5.5", "1e300", "9223372036854775808", "\"5\"", "null", "true", "[5]", "{}"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("expected a whole number"), "{text}: {error}");
        }
    }
}
