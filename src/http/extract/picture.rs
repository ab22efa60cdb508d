//! A picture in a request: `{"base64": "…"}` or `{"id": "…"}` in JSON, a file or the same JSON in a form.

use std::borrow::Cow;
use std::fmt;

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine as _};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::runtime::Encoded;

/// Padding is often left out by clients and says nothing, so both forms are read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const FIELD: &str = "base64";
const ID: &str = "id";

/// A picture that a client asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    File(PictureFile),
    /// What `POST /v1/images` has named it.
    Id(String),
}

/// The bytes of a picture file as the client sent them; not yet looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile(pub Encoded);

impl<'de> Deserialize<'de> for Picture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A form hands what it has to this same call as bytes.
        deserializer.deserialize_struct("Picture", &[FIELD, ID], PictureVisitor)
    }
}

impl<'de> Deserialize<'de> for PictureFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Picture::deserialize(deserializer)? {
            Picture::File(file) => Ok(file),
            Picture::Id(_) => {
                Err(D::Error::custom("an id names a picture that was sent before, here the file is needed"))
            }
        }
    }
}

struct PictureVisitor;

impl<'de> Visitor<'de> for PictureVisitor {
    type Value = Picture;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a picture as {"base64": "…"} or {"id": "…"}"#)
    }

    fn visit_byte_buf<E: Error>(self, part: Vec<u8>) -> Result<Picture, E> {
        if begins_an_object(&part) {
            return serde_json::from_slice(&part).map_err(E::custom);
        }
        Ok(Picture::File(PictureFile(part.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Picture, A::Error> {
        let mut picture = None;
        while let Some(key) = map.next_key::<String>()? {
            let known = [FIELD, ID].contains(&key.as_str());
            if known && picture.is_some() {
                return Err(A::Error::custom("a picture is given twice"));
            }
            picture = Some(match key.as_str() {
                FIELD => Picture::File(PictureFile(map.next_value::<Decoded>()?.0.into())),
                ID => Picture::Id(map.next_value()?),
                other => return Err(A::Error::unknown_field(other, &[FIELD, ID])),
            });
        }
        picture.ok_or_else(|| A::Error::custom("missing field `base64` or `id`"))
    }
}

/// Whether a part of a form is a JSON object, which begins as no picture does.
fn begins_an_object(part: &[u8]) -> bool {
    let inside = part.trim_ascii_start().strip_prefix(b"{");
    inside.is_some_and(|inside| matches!(inside.trim_ascii_start().first(), Some(b'"' | b'}')))
}

/// Bytes that stand as base64 in a string; decoded straight from the body, without a copy of the text.
struct Decoded(Vec<u8>);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for bytes, JSON's reader lets the line breaks stand that `base64` puts into a text and nobody has escaped.
        deserializer.deserialize_bytes(DecodedVisitor)
    }
}

struct DecodedVisitor;

impl Visitor<'_> for DecodedVisitor {
    type Value = Decoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decoded, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Decoded, E> {
        let text = payload(text).map_err(E::custom)?;
        decode(text).map(Decoded).map_err(|error| match error {
            DecodeError::InvalidByte(_, byte) => {
                E::custom(format_args!("not base64: {:?} is no character of it", char::from(byte)))
            }
            other => E::custom(format_args!("not base64: {other}")),
        })
    }
}

/// The base64 in a data URL of an image; a text that is no data URL is all base64.
fn payload(text: &[u8]) -> Result<&[u8], &'static str> {
    const SCHEME: &[u8] = b"data:";
    let text = text.trim_ascii();
    let Some((scheme, rest)) = text.split_at_checked(SCHEME.len()) else { return Ok(text) };
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(text);
    }
    rest.iter()
        .position(|&byte| byte == b',')
        .map(|comma| (rest[..comma].to_ascii_lowercase(), &rest[comma + 1..]))
        .filter(|(kind, _)| kind.starts_with(b"image/") && kind.ends_with(b";base64"))
        .map(|(_, data)| data)
        .ok_or("a data URL must hold an image in base64, such as `data:image/png;base64,…`")
}

/// White space costs a copy and a second try only where there is some.
fn decode(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match BASE64.decode(text) {
        Err(_) if text.iter().any(u8::is_ascii_whitespace) => {
            let dense: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            BASE64.decode(dense)
        }
        decoded => decoded,
    }
}

impl ToSchema for Picture {
    fn name() -> Cow<'static, str> {
        "Picture".into()
    }
}

impl PartialSchema for Picture {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What `POST /v1/images` has answered."));
        OneOfBuilder::new()
            .description(Some("A PNG, JPEG or WebP file, or the id of one that was sent before."))
            .item(file())
            .item(only(ID, id))
            .into()
    }
}

impl ToSchema for PictureFile {
    fn name() -> Cow<'static, str> {
        "PictureFile".into()
    }
}

impl PartialSchema for PictureFile {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Schema::Object(file()))
    }
}

fn file() -> Object {
    let encoded = ObjectBuilder::new()
        .schema_type(Type::String)
        .content_encoding("base64")
        .description(Some(
            "The bytes of a PNG, JPEG or WebP file in base64. White space in it is passed over, and so is the beginning of a data URL \
             of an image, such as `data:image/png;base64,`.",
        ));
    only(FIELD, encoded)
}

/// An object of one field.
fn only(field: &str, schema: ObjectBuilder) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(field, schema)
        .required(field)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Picture, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn base64_is_read_with_and_without_padding_and_with_escaped_slashes() {
        let expected = Picture::File(PictureFile(b"\xff\xff\xfe!".to_vec().into()));
        assert_eq!(read(r#"{"base64": "///+IQ=="}"#), Ok(expected.clone()));
        assert_eq!(read(r#"{"base64": "\/\/\/+IQ"}"#), Ok(expected));
    }

    #[test]
    fn white_space_and_the_beginning_of_a_data_url_are_passed_over() {
        let expected = Picture::File(PictureFile(b"\xff\xff\xfe!".to_vec().into()));
        for text in [
            r"///+\r\nIQ==\n",
            "///+\r\nIQ==\n",
            " ///+ IQ",
            "data:image/png;base64,///+IQ==",
            r"DATA:image/jpeg;name=a.jpg;BASE64,///+\nIQ==",
        ] {
            assert_eq!(read(&format!(r#"{{"base64": "{text}"}}"#)), Ok(expected.clone()), "{text:?}");
            let value = serde_json::json!({"base64": text.replace(r"\n", "\n").replace(r"\r", "\r")});
            assert_eq!(serde_json::from_value::<Picture>(value).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn other_data_urls_are_told_what_one_is() {
        for url in [
            "data:",
            "data:image/png;base64",
            "data:image/png,x",
            "data:text/plain;base64,aGk=",
            "data:,aGk=",
        ] {
            let error = read(&format!(r#"{{"base64": "{url}"}}"#)).unwrap_err();
            assert!(
                error.contains("must hold an image in base64, such as `data:image/png"),
                "{url}: {error}"
            );
        }
    }

    #[test]
    fn what_is_no_picture_object_says_what_one_is() {
        for json in [r#""aGk=""#, "7", "null", "[]"] {
            assert!(
                read(json).unwrap_err().contains(r#"expected a picture as {"base64": "…"} or"#),
                "{json}"
            );
        }
        assert!(read("{}").unwrap_err().contains("missing field `base64` or `id`"));
        assert!(
            read(r#"{"url": "x"}"#).unwrap_err().contains("unknown field `url`, expected `base64` or `id`")
        );
        for twice in [r#"{"base64": "aGk=", "id": "x"}"#, r#"{"id": "x", "id": "x"}"#] {
            assert!(read(twice).unwrap_err().contains("given twice"));
        }
        assert!(read(r#"{"base64": "??"}"#).unwrap_err().contains("not base64: '?' is no character of it"));
        assert!(read(r#"{"base64": 5}"#).unwrap_err().contains("expected a string of base64"));
    }

    #[test]
    fn an_id_is_a_picture_and_not_a_file() {
        assert_eq!(read(r#"{"id": "x"}"#), Ok(Picture::Id("x".to_owned())));
        assert!(read(r#"{"id": 5}"#).is_err());
        let file = serde_json::from_str::<PictureFile>(r#"{"id": "x"}"#).unwrap_err();
        assert!(file.to_string().contains("here the file is needed"));
        assert!(serde_json::from_str::<PictureFile>(r#"{"base64": "aGk="}"#).is_ok());
    }
}
