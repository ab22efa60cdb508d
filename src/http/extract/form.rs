//! A multipart form as something serde reads, so that a request type is declared once for JSON and for forms.

use axum::body::Bytes;
use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Different fields that a form may have: more than any request takes, and few enough to be looked through.
const FIELDS: usize = 16;

/// The fields of a form in the order of their first appearance; a field given several times is a list.
#[derive(Debug, Default)]
pub struct Form {
    fields: Vec<(String, Values)>,
}

impl Form {
    /// # Errors
    /// The form has too many different fields.
    pub fn add(&mut self, name: &str, value: Bytes) -> Result<(), String> {
        if let Some((_, values)) = self.fields.iter_mut().find(|(known, _)| known == name) {
            values.0.push(value);
        } else if self.fields.len() < FIELDS {
            self.fields.push((name.to_owned(), Values(vec![value])));
        } else {
            return Err(format!("it has more than {FIELDS} different fields"));
        }
        Ok(())
    }
}

impl<'de> Deserializer<'de> for Form {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(self.fields.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Everything that was given under one name.
#[derive(Debug)]
struct Values(Vec<Bytes>);

impl Values {
    fn one(self) -> Result<Bytes, Error> {
        let times = self.0.len();
        let mut values = self.0.into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Error::custom(format_args!("the form gives this field {times} times, it takes one"))),
        }
    }

    fn text(self) -> Result<String, Error> {
        String::from_utf8(self.one()?.into()).map_err(|_| Error::custom("the text is not UTF-8"))
    }
}

impl<'de> Deserializer<'de> for Values {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text()?;
        let number = text
            .trim()
            .parse()
            .map_err(|_| Error::custom(format_args!("invalid value: {text:?}, expected an integer")))?;
        visitor.visit_i64(number)
    }

    /// How [`whole_number`](super::whole_number) asks: a form says nothing of the kinds of its numbers.
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.0.into_iter().map(|value| Self(vec![value]))))
    }

    /// A structure stands in a form as a file: a picture, or JSON.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_byte_buf(self.one()?.into())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct map enum identifier ignored_any
    }
}

impl IntoDeserializer<'_> for Values {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::{Picture, PictureFile, whole_number};
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Request {
        image: Option<Picture>,
        #[serde(default)]
        texts: Vec<String>,
        #[serde(default, deserialize_with = "whole_number")]
        top_k: i64,
    }

    fn read(fields: &[(&str, &'static [u8])]) -> Result<Request, String> {
        let mut form = Form::default();
        for (name, value) in fields {
            form.add(name, Bytes::from_static(value))?;
        }
        Request::deserialize(form).map_err(|error| error.to_string())
    }

    #[test]
    fn files_numbers_and_repeated_fields_are_read_by_the_type_that_takes_them() {
        let request =
            read(&[("texts", b"a"), ("image", b"\xff\0"), ("top_k", b" 3 "), ("texts", b"b")]).unwrap();
        let expected = Request {
            image: Some(Picture::File(PictureFile(b"\xff\0".to_vec().into()))),
            texts: vec!["a".into(), "b".into()],
            top_k: 3,
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn a_picture_is_a_file_or_the_json_that_names_one() {
        for json in [br#"{"id": "x"}"#.as_slice(), b"\n{ \"id\":\"x\" }\n"] {
            assert_eq!(read(&[("image", json)]).unwrap().image, Some(Picture::Id("x".into())));
        }
        assert!(read(&[("image", br#"{"name": "x"}"#)]).unwrap_err().contains("expected `base64` or `id`"));
        for file in [b"{\xff\0".as_slice(), b"{", b""] {
            let expected = Some(Picture::File(PictureFile(file.to_vec().into())));
            assert_eq!(read(&[("image", file)]).unwrap().image, expected);
        }
    }

    #[test]
    fn what_does_not_fit_says_why() {
        assert!(read(&[("top_k", b"three")]).unwrap_err().contains("expected an integer"));
        assert!(read(&[("top_k", b"1"), ("top_k", b"2")]).unwrap_err().contains("gives this field 2 times"));
        assert!(read(&[("texts", b"\xff")]).unwrap_err().contains("not UTF-8"));
        assert!(read(&[("question", b"?")]).unwrap_err().contains("unknown field `question`"));
    }

    #[test]
    fn a_form_of_many_names_is_refused_and_one_of_many_values_is_not() {
        let mut form = Form::default();
        for number in 0..FIELDS {
            form.add(&number.to_string(), Bytes::new()).unwrap();
        }
        assert!(form.add("one more", Bytes::new()).unwrap_err().contains("different fields"));
        form.add("0", Bytes::new()).unwrap();
    }
}
