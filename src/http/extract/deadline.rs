//! The time a request may take: the server's maximum, or less if the client says so.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;

use crate::http::Problem;

/// Names the milliseconds after which a client stops waiting.
const TIMEOUT: &str = "x-request-timeout-ms";

/// When a request that came just now must be answered.
pub fn deadline(headers: &HeaderMap, most: Duration) -> Result<Instant, Problem> {
    let time = asked(headers)?.map_or(most, |asked| asked.min(most));
    Ok(Instant::now() + time)
}

fn asked(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    match value.to_str().ok().and_then(|text| milliseconds(text.trim())) {
        Some(milliseconds) if milliseconds > 0 => Ok(Some(Duration::from_millis(milliseconds))),
        _ => Err(Problem::Header {
            name: "X-Request-Timeout-Ms",
            found: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            expected: "a whole number of milliseconds, 1 or more",
        }),
    }
}

fn milliseconds(digits: &str) -> Option<u64> {
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number too long to be read is longer than the server's maximum, too.
    whole.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(value: &'static str) -> Result<Option<Duration>, Problem> {
        asked(&HeaderMap::from_iter([(TIMEOUT.parse().unwrap(), value.parse().unwrap())]))
    }

    #[test]
    fn a_time_is_read_in_milliseconds_and_nonsense_is_refused() {
        assert_eq!(ask("250").unwrap(), Some(Duration::from_millis(250)));
        assert_eq!(asked(&HeaderMap::new()).unwrap(), None);
        for nonsense in ["0", "-5", "+5", "1.5", "soon", ""] {
            assert!(
                matches!(ask(nonsense), Err(Problem::Header { found, .. }) if found == nonsense),
                "{nonsense:?}"
            );
        }
    }

    #[test]
    fn a_client_can_ask_for_less_than_the_servers_maximum_and_not_for_more() {
        let most = Duration::from_secs(5);
        for (asked, longest) in [("250", Duration::from_millis(250)), ("99999999999999999999999", most)] {
            let headers = HeaderMap::from_iter([(TIMEOUT.parse().unwrap(), asked.parse().unwrap())]);
            let before = Instant::now();
            let deadline = deadline(&headers, most).unwrap();
            assert!(deadline >= before + longest && deadline <= Instant::now() + longest);
        }
    }
}
