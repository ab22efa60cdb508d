//! Large JSON files as streams: the elements of the lists that matter, one at a time, whatever else the file
//! holds.

use std::fmt;
use std::io::Read;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::Error;
use super::source::{self, Meter};

/// What one file is made of.
pub(super) trait Element: Sized {
    /// What the file is called in an error.
    const LAYOUT: &'static str;
    /// Keys of the top-level object under which there must be lists of elements. A file that is a list itself
    /// has the key "".
    const LISTS: &'static [&'static str];
    /// Keys of the top-level object whose values are elements.
    const VALUES: &'static [&'static str] = &[];

    /// Reads an element found under one of the keys.
    fn read<'de, D: Deserializer<'de>>(key: &str, value: D) -> Result<Self, D::Error>;
}

/// Hands on each element as soon as it is read.
pub(super) fn elements<E: Element>(
    path: &Path,
    meter: Meter,
    each: &mut dyn FnMut(E) -> Result<(), Error>,
) -> Result<(), Error> {
    walk(source::open(path, meter)?, path, each)
}

fn walk<E: Element>(
    source: impl Read,
    path: &Path,
    each: &mut dyn FnMut(E) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut failed = None;
    let mut reader = serde_json::Deserializer::from_reader(source);
    let walked =
        (&mut reader).deserialize_any(Walk { each, failed: &mut failed }).and_then(|()| reader.end());
    match (failed, walked) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) if error.is_io() => Err(Error::read(path)(error.into())),
        (None, Err(source)) => Err(Error::Json { path: path.to_owned(), layout: E::LAYOUT, source }),
    }
}

/// Goes through the file, or through one of its lists.
struct Walk<'a, E> {
    each: &'a mut dyn FnMut(E) -> Result<(), Error>,
    /// Where an error of `each` waits while serde passes one of its own up.
    failed: &'a mut Option<Error>,
}

impl<E: Element> Walk<'_, E> {
    fn hand<Raw: serde::de::Error>(&mut self, element: E) -> Result<(), Raw> {
        (self.each)(element).map_err(|error| {
            *self.failed = Some(error);
            Raw::custom("stopped")
        })
    }

    fn list<'de, A: SeqAccess<'de>>(&mut self, key: &'static str, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element_seed(One(key, PhantomData))? {
            self.hand(element)?;
        }
        Ok(())
    }
}

impl<'de, E: Element> Visitor<'de> for Walk<'_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(if E::LISTS.contains(&"") { "a list" } else { "an object" })
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, list: A) -> Result<(), A::Error> {
        if !E::LISTS.contains(&"") {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        self.list("", list)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        if E::LISTS.contains(&"") {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        }
        let mut found = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            if let Some(key) = E::LISTS.iter().find(|list| **list == key) {
                object.next_value_seed(Under(key, &mut self))?;
                found.push(*key);
            } else if let Some(key) = E::VALUES.iter().find(|value| **value == key) {
                let element = object.next_value_seed(One(key, PhantomData))?;
                self.hand(element)?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        match E::LISTS.iter().find(|list| !found.contains(list)) {
            Some(list) => Err(A::Error::custom(format!("it has no list `{list}`"))),
            None => Ok(()),
        }
    }
}

/// The list under a key.
struct Under<'w, 'a, E>(&'static str, &'w mut Walk<'a, E>);

impl<'de, E: Element> DeserializeSeed<'de> for Under<'_, '_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, list: D) -> Result<(), D::Error> {
        list.deserialize_seq(self)
    }
}

impl<'de, E: Element> Visitor<'de> for Under<'_, '_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a list under `{}`", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.1.list(self.0, list)
    }
}

/// One element under a key.
struct One<E>(&'static str, PhantomData<E>);

impl<'de, E: Element> DeserializeSeed<'de> for One<E> {
    type Value = E;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<E, D::Error> {
        E::read(self.0, value)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Part {
        Number(i64),
        Word(String),
        Name(String),
    }

    impl Element for Part {
        const LAYOUT: &'static str = "numbers and words";
        const LISTS: &'static [&'static str] = &["numbers", "words"];
        const VALUES: &'static [&'static str] = &["name"];

        fn read<'de, D: Deserializer<'de>>(key: &str, value: D) -> Result<Self, D::Error> {
            Ok(match key {
                "numbers" => Self::Number(i64::deserialize(value)?),
                "words" => Self::Word(String::deserialize(value)?),
                _ => Self::Name(String::deserialize(value)?),
            })
        }
    }

    #[derive(Debug, PartialEq)]
    struct Row(i64);

    impl Element for Row {
        const LAYOUT: &'static str = "rows";
        const LISTS: &'static [&'static str] = &[""];

        fn read<'de, D: Deserializer<'de>>(_: &str, value: D) -> Result<Self, D::Error> {
            i64::deserialize(value).map(Self)
        }
    }

    fn read<E: Element>(text: &str) -> Result<Vec<E>, Error> {
        let mut found = Vec::new();
        walk(text.as_bytes(), Path::new("x.json"), &mut |element| {
            found.push(element);
            Ok(())
        })?;
        Ok(found)
    }

    fn error<E: Element>(text: &str) -> String {
        match read::<E>(text) {
            Err(Error::Json { source, .. }) => source.to_string(),
            Err(other) => other.to_string(),
            Ok(_) => panic!("`{text}` was read"),
        }
    }

    #[test]
    fn elements_come_in_the_order_of_the_file_whatever_its_keys() {
        let text =
            r#"{"info":{"words":[1]},"words":["a"],"deep":[[[{"x":1e400}]]],"name":"n","numbers":[1,2]}"#;
        let found = read::<Part>(text).unwrap();
        let [a, n] = ["a", "n"].map(str::to_owned);
        assert_eq!(found, [Part::Word(a), Part::Name(n), Part::Number(1), Part::Number(2)]);
        assert_eq!(read::<Row>("[3, 4]").unwrap(), [Row(3), Row(4)]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(error::<Part>(r#"{"words":[]}"#), "it has no list `numbers` at line 1 column 12");
        assert!(error::<Part>("{\"words\":[\n4]}").contains("line 2 column 2"));
        assert!(error::<Part>(r#"{"words":4}"#).contains("expected a list under `words`"));
        assert!(error::<Part>("[]").contains("expected an object"));
        assert!(error::<Row>("{}").contains("expected a list"));
        assert!(error::<Row>("[1] 2").contains("trailing"));
        assert!(error::<Row>("[1,").contains("EOF"));
        assert!(error::<Row>("").contains("EOF"));
        assert!(error::<Part>(&format!("{{\"x\":{}", "[".repeat(300_000))).contains("line 1"));
    }

    #[test]
    fn a_refusal_stops_the_reading_and_stays_what_it_was() {
        let refuse = |_: Row| Err(Error::NoFolder { path: "there".into() });
        let stopped = walk("[1, 2".as_bytes(), Path::new("x.json"), &mut { refuse });
        assert!(matches!(stopped, Err(Error::NoFolder { .. })), "{stopped:?}");
    }

    /// A list of many numbers that is made while it is read.
    struct Endless<'a> {
        left: usize,
        read: &'a Cell<usize>,
    }

    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            const ELEMENT: &[u8] = b"1234567890123456789,\n";
            if self.left == 0 {
                return Ok(0);
            }
            self.left -= 1;
            let text = if self.left == 0 {
                b"0]"
            } else if self.read.get() == 0 {
                b"[ ".as_slice()
            } else {
                ELEMENT
            };
            buffer[..text.len()].copy_from_slice(text);
            self.read.set(self.read.get() + text.len());
            Ok(text.len())
        }
    }

    #[test]
    fn sixty_megabytes_are_handed_on_while_they_are_read() {
        let read = Cell::new(0);
        let source = io::BufReader::with_capacity(4096, Endless { left: 3_000_000, read: &read });
        let (mut count, mut furthest) = (0usize, 0);
        walk(source, Path::new("x.json"), &mut |_: Row| {
            furthest = furthest.max(read.get() - count * 21);
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(count, 2_999_999);
        assert!(read.get() > 60_000_000);
        assert!(furthest < 8192, "{furthest} bytes were read ahead of an element");
    }
}
