//! A body of the binary tensor data extension: a JSON text, then the bytes of tensors in the order in which the text lists them.

use axum::http::{HeaderMap, HeaderName};

use super::Refusal;

/// Names the bytes of the JSON text in front of binary data.
pub const TEXT_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// The bytes behind the text that no tensor has taken yet.
#[derive(Debug)]
pub struct Binary<'a>(&'a [u8]);

/// Takes a body apart. Without the header all of it is text.
pub fn split<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<(&'a [u8], Binary<'a>), Refusal> {
    let Some(length) = headers.get(TEXT_LENGTH) else { return Ok((body, Binary(&[]))) };
    length
        .to_str()
        .ok()
        .and_then(|length| length.trim().parse().ok())
        .and_then(|length: usize| body.split_at_checked(length))
        .map(|(text, rest)| (text, Binary(rest)))
        .ok_or_else(|| {
            let size = body.len();
            let reason = format!(
                "the header `Inference-Header-Content-Length` must be the bytes of JSON in front of the binary data; the body has {size} bytes"
            );
            Refusal::Malformed(reason)
        })
}

impl<'a> Binary<'a> {
    /// The next `size` bytes, for `input`.
    pub fn take(&mut self, input: &str, size: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(size).ok_or_else(|| {
            let left = self.0.len();
            Refusal::Malformed(format!("input `{input}` needs {size} bytes of binary data, {left} are left"))
        })?;
        self.0 = rest;
        Ok(taken)
    }

    /// Holds that every byte was taken.
    pub fn finish(self) -> Result<(), Refusal> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(Refusal::Malformed(format!("the body has {left} bytes that no input takes"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(length: &str) -> HeaderMap {
        HeaderMap::from_iter([(TEXT_LENGTH, length.parse().unwrap())])
    }

    #[test]
    fn a_body_is_taken_apart_in_order() {
        let (text, mut binary) = split(&headers("2"), b"{}abcde").unwrap();
        assert_eq!(text, b"{}");
        assert_eq!(binary.take("a", 3).unwrap(), b"abc");
        assert_eq!(binary.take("b", 2).unwrap(), b"de");
        assert!(binary.finish().is_ok());
        let (text, binary) = split(&HeaderMap::new(), b"{}").unwrap();
        assert!(text == b"{}" && binary.finish().is_ok());
    }

    #[test]
    fn lengths_that_are_none_or_lie_beyond_the_body_are_refused() {
        for length in
            ["", "-1", "+-1", "two", "1.0", "0x2", "3", "18446744073709551615", "18446744073709551616"]
        {
            assert!(split(&headers(length), b"{}").is_err(), "{length:?}");
        }
        assert!(split(&headers("2"), b"{}").is_ok());
        assert!(split(&headers("0"), b"").is_ok());
    }

    #[test]
    fn sizes_that_do_not_add_up_are_refused() {
        let take = |sizes: &[usize]| {
            let (_, mut binary) = split(&headers("0"), b"abcd").unwrap();
            for &size in sizes {
                binary.take("a", size)?;
            }
            binary.finish()
        };
        assert!(take(&[1, 3]).is_ok());
        for sizes in [&[][..], &[3], &[4, 1], &[5], &[usize::MAX], &[1, usize::MAX]] {
            assert!(take(sizes).is_err(), "{sizes:?}");
        }
    }
}
