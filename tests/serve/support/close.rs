//! Comparing answers that were computed in different company.

use serde_json::Value;

/// The same structure and texts, numbers within the promised bound; boxes are in pixels, so they get a hundredth of one.
pub fn assert_close(one: &Value, other: &Value, place: &str) {
    let bound = if place.ends_with("/box") { 1e-2 } else { 1e-4 };
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            let difference = (a.as_f64().unwrap() - b.as_f64().unwrap()).abs();
            assert!(difference <= bound, "{place} differs by {difference}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}");
            for (a, b) in a.iter().zip(b) {
                assert_close(a, b, place);
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{place}");
            for (name, value) in a {
                let below =
                    if place.ends_with("/box") { place.to_owned() } else { format!("{place}/{name}") };
                assert_close(value, &b[name], &below);
            }
        }
        _ => assert_eq!(one, other, "{place}"),
    }
}
