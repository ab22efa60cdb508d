//! Compressed bodies: gzip and deflate, in requests and answers.
//!
//! This is done where bodies are parsed, away from the threads that serve connections, and not in a layer around the routes.

use std::io::Read;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{HeaderMap, HeaderValue};
use flate2::Compression;
use flate2::bufread::{GzEncoder, MultiGzDecoder, ZlibDecoder, ZlibEncoder};

use crate::http::Problem;

use super::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Gzip,
    /// With zlib's frame, as HTTP means the name.
    Deflate,
}

impl Encoding {
    fn named(name: &str) -> Option<Self> {
        match name {
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    pub fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        })
    }

    /// How a request's body is compressed, if it is.
    pub fn of_body(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(name) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
        match name.to_str().map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            Ok("identity" | "") => Ok(None),
            Ok(name) => Self::named(name).map(Some).ok_or(Refusal::Encoding),
            Err(_) => Err(Refusal::Encoding),
        }
    }

    /// How the client wants the answer compressed, if it does: the first that it names of those known.
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).find_map(|choice| {
            let (name, weight) = choice.split_once(';').unwrap_or((choice, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            Self::named(&name.trim().to_ascii_lowercase())
                .filter(|_| weight.is_some_and(|weight| weight > 0.0))
        })
    }

    /// A body as it was before it was compressed, `limit` bytes at most.
    pub fn inflate(self, body: &[u8], limit: usize) -> Result<Vec<u8>, Problem> {
        let most = limit as u64 + 1;
        let mut inflated = Vec::new();
        let read = match self {
            Self::Gzip => MultiGzDecoder::new(body).take(most).read_to_end(&mut inflated),
            Self::Deflate => ZlibDecoder::new(body).take(most).read_to_end(&mut inflated),
        };
        match read {
            Ok(size) if size > limit => Err(Problem::BodyTooLarge { limit }),
            Ok(_) => Ok(inflated),
            Err(error) => Err(Refusal::Malformed(format!("the body can't be inflated: {error}")).into()),
        }
    }

    /// The same bytes in fewer; none if that fails, which needs no reason for who can send them as they are.
    pub fn compress(self, body: &[u8]) -> Option<Vec<u8>> {
        let mut compressed = Vec::new();
        let read = match self {
            Self::Gzip => GzEncoder::new(body, Compression::fast()).read_to_end(&mut compressed),
            Self::Deflate => ZlibEncoder::new(body, Compression::fast()).read_to_end(&mut compressed),
        };
        read.ok().map(|_| compressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Encoding; 2] = [Encoding::Gzip, Encoding::Deflate];

    #[test]
    fn the_limit_holds_for_the_inflated_body() {
        let body = vec![7; 10_000];
        for encoding in BOTH {
            let compressed = encoding.compress(&body).unwrap();
            assert!(compressed.len() < 200);
            assert_eq!(encoding.inflate(&compressed, body.len()).unwrap(), body);
            let problem = encoding.inflate(&compressed, body.len() - 1).unwrap_err();
            assert!(matches!(problem, Problem::BodyTooLarge { limit: 9_999 }));
        }
    }

    #[test]
    fn broken_bodies_are_refused() {
        for encoding in BOTH {
            let mut cut = encoding.compress(b"a tensor or two").unwrap();
            cut.truncate(cut.len() / 2);
            for body in [b"".as_slice(), b"no archive at all", &cut] {
                assert_eq!(encoding.inflate(body, 999).unwrap_err().status().as_u16(), 400, "{encoding:?}");
            }
        }
    }

    #[test]
    fn encodings_are_read_from_their_headers() {
        let body = |value: &'static str| {
            Encoding::of_body(&HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert_eq!(body("gzip").unwrap(), Some(Encoding::Gzip));
        assert_eq!(body("Deflate").unwrap(), Some(Encoding::Deflate));
        assert_eq!(body("identity").unwrap(), None);
        assert!(body("br").is_err() && body("gzip, gzip").is_err());
        let accepted = |value: &'static str| {
            Encoding::accepted(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert_eq!(accepted("gzip"), Some(Encoding::Gzip));
        assert_eq!(accepted("br, deflate;q=0.5, gzip"), Some(Encoding::Deflate));
        assert_eq!(accepted("gzip;q=0, deflate; q=0.1"), Some(Encoding::Deflate));
        assert_eq!(accepted("br, *"), None);
        assert_eq!(Encoding::accepted(&HeaderMap::new()), None);
    }
}
