//! A picture in a request: `{"base64": "…"}` in JSON, a file in a form.

use std::borrow::Cow;
use std::fmt;

use axum::body::Bytes;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Padding is often left out by clients and says nothing, so both forms are read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const FIELD: &str = "base64";

/// The bytes of a picture file as the client sent them; not yet looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture(pub Bytes);

impl<'de> Deserialize<'de> for Picture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A form hands a file to this same call as bytes.
        deserializer.deserialize_struct("Picture", &[FIELD], PictureVisitor)
    }
}

struct PictureVisitor;

impl<'de> Visitor<'de> for PictureVisitor {
    type Value = Picture;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a picture as {"base64": "…"}"#)
    }

    fn visit_byte_buf<E: Error>(self, file: Vec<u8>) -> Result<Picture, E> {
        Ok(Picture(file.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Picture, A::Error> {
        let mut picture = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != FIELD {
                return Err(A::Error::unknown_field(&key, &[FIELD]));
            }
            if picture.is_some() {
                return Err(A::Error::duplicate_field(FIELD));
            }
            picture = Some(map.next_value::<Decoded>()?);
        }
        let Decoded(bytes) = picture.ok_or_else(|| A::Error::missing_field(FIELD))?;
        Ok(Picture(bytes.into()))
    }
}

/// Bytes that stand as base64 in a string; decoded straight from the body, without a copy of the text.
struct Decoded(Vec<u8>);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DecodedVisitor)
    }
}

struct DecodedVisitor;

impl Visitor<'_> for DecodedVisitor {
    type Value = Decoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decoded, E> {
        BASE64.decode(text).map(Decoded).map_err(|error| E::custom(format_args!("not base64: {error}")))
    }
}

impl ToSchema for Picture {
    fn name() -> Cow<'static, str> {
        "Picture".into()
    }
}

impl PartialSchema for Picture {
    fn schema() -> RefOr<Schema> {
        let encoded = ObjectBuilder::new()
            .schema_type(Type::String)
            .content_encoding("base64")
            .description(Some("The file's bytes in base64, without line breaks."));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A PNG, JPEG or WebP file."))
            .property(FIELD, encoded)
            .required(FIELD)
            .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false)))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Picture, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn base64_is_read_with_and_without_padding_and_with_escaped_slashes() {
        let expected = Picture(Bytes::from_static(b"\xff\xff\xfe!"));
        assert_eq!(read(r#"{"base64": "///+IQ=="}"#), Ok(expected.clone()));
        assert_eq!(read(r#"{"base64": "\/\/\/+IQ"}"#), Ok(expected));
    }

    #[test]
    fn what_is_no_picture_object_says_what_one_is() {
        for json in [r#""aGk=""#, "7", "null", "[]"] {
            assert!(read(json).unwrap_err().contains(r#"expected a picture as {"base64": "…"}"#), "{json}");
        }
        assert!(read("{}").unwrap_err().contains("missing field `base64`"));
        assert!(read(r#"{"url": "x"}"#).unwrap_err().contains("unknown field `url`, expected `base64`"));
        assert!(read(r#"{"base64": "??"}"#).unwrap_err().contains("not base64"));
        assert!(read(r#"{"base64": 5}"#).unwrap_err().contains("expected a string of base64"));
    }
}
