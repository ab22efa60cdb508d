//! The `Server-Timing` header: where the server says a request's time went.

/// The names and milliseconds in a header's value, as in `decode;dur=1.25, queue;dur=0.5`. An entry without a duration is left out.
pub fn parse(header: &str) -> impl Iterator<Item = (&str, f64)> {
    entries(header, ',').filter_map(|entry| {
        let mut parts = entries(entry, ';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let milliseconds = parts.find_map(duration)?;
        Some((name, milliseconds))
    })
}

/// The value of a parameter called `dur`, in quotes or not.
fn duration(parameter: &str) -> Option<f64> {
    let (name, value) = parameter.split_once('=')?;
    let value: f64 = value.trim().trim_matches('"').parse().ok()?;
    (name.trim().eq_ignore_ascii_case("dur") && value.is_finite() && value >= 0.0).then_some(value)
}

/// Parts between separators that stand outside quotes.
fn entries(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(header: &str) -> Vec<(&str, f64)> {
        parse(header).collect()
    }

    #[test]
    fn stages_and_their_milliseconds_are_read_in_order() {
        let header = "decode;dur=1.250, objects;dur=3, queue;dur=0.001";
        assert_eq!(parsed(header), [("decode", 1.25), ("objects", 3.0), ("queue", 0.001)]);
    }

    #[test]
    fn other_parameters_spaces_and_quotes_are_no_obstacle() {
        let header = r#"cache;desc="hit, a;dur=9", text ; desc=x ; DUR="2.5",,fusion;dur = 4"#;
        assert_eq!(parsed(header), [("text", 2.5), ("fusion", 4.0)]);
    }

    #[test]
    fn what_is_no_duration_is_left_out() {
        assert!(parsed("").is_empty());
        assert!(parsed("a;dur=x, b;dur=-1, c;dur=inf, d, ;dur=3").is_empty());
    }
}
