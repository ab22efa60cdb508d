//! Pickles, as far as Python 2 wrote texts, numbers, lists and dictionaries into them.
//!
//! All values lie side by side in one list and name each other by position. So a pickle may nest as deep as
//! it likes, or contain itself, and no code that it calls for is run.

use std::collections::HashMap;

/// A value of a pickle.
#[derive(Debug, PartialEq)]
enum Value {
    None,
    Int(i64),
    Text(String),
    /// A list or a tuple.
    List(Vec<usize>),
    Dict(Vec<(usize, usize)>),
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: usize,
}

/// A value in its pickle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pickle: &'a Pickle,
    at: usize,
}

impl Pickle {
    /// Reads a pickle, or says what is wrong with it and where.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut machine = Machine { input: bytes, ..Machine::default() };
        loop {
            let at = bytes.len() - machine.input.len();
            match machine.step() {
                Some(Step::Next) => {}
                Some(Step::Stop(root)) => return Ok(Self { values: machine.values, root }),
                None => return Err(format!("byte {at} makes no sense there")),
            }
        }
    }

    pub(super) fn root(&self) -> Item<'_> {
        Item { pickle: self, at: self.root }
    }
}

impl<'a> Item<'a> {
    pub(super) fn int(self) -> Option<i64> {
        if let Value::Int(value) = self.value() { Some(*value) } else { None }
    }

    pub(super) fn text(self) -> Option<&'a str> {
        if let Value::Text(text) = self.value() { Some(text) } else { None }
    }

    pub(super) fn list(self) -> Option<impl Iterator<Item = Item<'a>>> {
        let Value::List(items) = self.value() else { return None };
        Some(items.iter().map(move |&at| Item { at, ..self }))
    }

    /// The value under a key of a dictionary; the last if there are several.
    pub(super) fn get(self, key: &str) -> Option<Item<'a>> {
        let Value::Dict(entries) = self.value() else { return None };
        let is_key = |of: usize| matches!(&self.pickle.values[of], Value::Text(text) if text == key);
        entries.iter().rev().find(|(of, _)| is_key(*of)).map(|&(_, at)| Item { at, ..self })
    }

    fn value(self) -> &'a Value {
        &self.pickle.values[self.at]
    }
}

enum Step {
    Next,
    Stop(usize),
}

/// The stack machine that a pickle is a program for. Nothing comes of a step that makes no sense.
#[derive(Default)]
struct Machine<'a> {
    input: &'a [u8],
    values: Vec<Value>,
    stack: Vec<usize>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u64, usize>,
}

impl<'a> Machine<'a> {
    fn step(&mut self) -> Option<Step> {
        match self.byte()? {
            b'.' => return Some(Step::Stop(self.pop()?)),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.marked()?),
            b'2' => self.stack.push(*self.stack.last()?),
            b'N' => self.push(Value::None),
            b']' | b')' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b'l' | b't' => {
                let items = self.marked()?;
                self.push(Value::List(items));
            }
            b'd' => {
                let entries = self.marked()?;
                self.push(Value::Dict(pairs(&entries)?));
            }
            count @ 0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(count - 0x84))?;
                let items = self.stack.split_off(start);
                self.push(Value::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(&[item])?;
            }
            b'e' => {
                let items = self.marked()?;
                self.extend(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let entries = self.marked()?;
                self.set(&entries)?;
            }
            memo @ (b'p' | b'q' | b'r' | 0x94) => {
                let key = if memo == 0x94 {
                    self.memo.len() as u64
                } else {
                    self.place(memo == b'p', memo == b'q')?
                };
                self.memo.insert(key, *self.stack.last()?);
            }
            memo @ (b'g' | b'h' | b'j') => {
                let key = self.place(memo == b'g', memo == b'h')?;
                self.stack.push(*self.memo.get(&key)?);
            }
            // The protocol, and the frames of late ones, say nothing about values.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            other => {
                let value = self.scalar(other)?;
                self.push(value);
            }
        }
        Some(Step::Next)
    }

    fn scalar(&mut self, code: u8) -> Option<Value> {
        Some(match code {
            0x88 | 0x89 => Value::Int(i64::from(code == 0x88)),
            b'I' => Value::Int(self.line()?.parse().ok()?),
            b'L' => Value::Int(self.line()?.trim_end_matches('L').parse().ok()?),
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.take(4)?.try_into().ok()?))),
            b'K' => Value::Int(self.number(1)?.cast_signed()),
            b'M' => Value::Int(self.number(2)?.cast_signed()),
            0x8a => {
                let length = usize::from(self.byte()?);
                Value::Int(long(self.take(length)?)?)
            }
            b'S' => Value::Text(quoted(self.line()?)?),
            b'V' => Value::Text(unescaped(self.line()?)?),
            b'U' | 0x8c => self.text(1)?,
            b'T' | b'X' => self.text(4)?,
            _ => return None,
        })
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// What is above the last mark cannot be taken away from below it.
    fn pop(&mut self) -> Option<usize> {
        if self.marks.last() == Some(&self.stack.len()) { None } else { self.stack.pop() }
    }

    /// Takes everything above the last mark.
    fn marked(&mut self) -> Option<Vec<usize>> {
        let start = self.marks.pop()?;
        (start <= self.stack.len()).then(|| self.stack.split_off(start))
    }

    fn extend(&mut self, items: &[usize]) -> Option<()> {
        let Value::List(list) = &mut self.values[*self.stack.last()?] else { return None };
        list.extend(items);
        Some(())
    }

    fn set(&mut self, entries: &[usize]) -> Option<()> {
        let Value::Dict(dict) = &mut self.values[*self.stack.last()?] else { return None };
        dict.extend(pairs(entries)?);
        Some(())
    }

    /// A place in the memo: a line, one byte or four.
    fn place(&mut self, line: bool, short: bool) -> Option<u64> {
        if line { self.line()?.parse().ok() } else { self.number(if short { 1 } else { 4 }) }
    }

    /// A text behind its length, which takes so many bytes.
    fn text(&mut self, bytes: usize) -> Option<Value> {
        let length = usize::try_from(self.number(bytes)?).ok()?;
        Some(Value::Text(str::from_utf8(self.take(length)?).ok()?.to_owned()))
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn line(&mut self) -> Option<&'a str> {
        let end = self.input.iter().position(|&byte| byte == b'\n')?;
        let line = str::from_utf8(self.take(end)?).ok()?;
        self.byte()?;
        Some(line.trim_end_matches('\r'))
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.input.split_at_checked(count)?;
        self.input = rest;
        Some(taken)
    }
}

fn pairs(entries: &[usize]) -> Option<Vec<(usize, usize)>> {
    let (pairs, rest) = entries.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|&[key, value]| (key, value)).collect())
}

/// An integer in two's complement, least byte first.
fn long(bytes: &[u8]) -> Option<i64> {
    let sign = if bytes.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
    let mut all = [sign; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(all))
}

/// A text as Python 2 shows it.
fn quoted(line: &str) -> Option<String> {
    let quote = line.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
    unescaped(line.strip_prefix(quote)?.strip_suffix(quote)?)
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        plain.push(if char != '\\' {
            char
        } else {
            match rest.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                kind @ ('x' | 'u' | 'U') => {
                    let digits = match kind {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let (code, after) = rest.as_str().split_at_checked(digits)?;
                    rest = after.chars();
                    char::from_u32(u32::from_str_radix(code, 16).ok()?)?
                }
                same => same,
            }
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[{"a": 5, "t": ["x", -2]}]`
    fn check(bytes: &[u8]) {
        let pickle = Pickle::read(bytes).unwrap();
        let dict = pickle.root().list().unwrap().next().unwrap();
        assert_eq!(dict.get("a").and_then(Item::int), Some(5));
        let mut list = dict.get("t").unwrap().list().unwrap();
        assert_eq!(list.next().and_then(Item::text), Some("x"));
        assert_eq!(list.next().and_then(Item::int), Some(-2));
        assert!(list.next().is_none() && dict.get("b").is_none() && dict.int().is_none());
    }

    #[test]
    fn protocols_of_both_pythons_hold_the_same() {
        check(b"(lp0\n(dp1\nS'a'\np2\nI5\nsS't'\n(lp3\nVx\naI-2\nasa.");
        check(b"(lp0\n(dp1\nS\"a\"\nL5L\nsS't'\n(S'\\x78'\nL-2L\nlsa.");
        check(b"\x80\x02]q\x00}q\x01(U\x01aq\x02K\x05U\x01t](T\x01\0\0\0x\x8a\x01\xfeeua.");
        check(b"\x80\x02]}(X\x01\0\0\0aM\x05\0X\x01\0\0\0t]X\x01\0\0\0xaJ\xfe\xff\xff\xffaua.");
        check(b"\x80\x04\x95\x21\0\0\0\0\0\0\0]\x94}\x94(\x8c\x01a\x94K\x05\x8c\x01t\x94\x8c\x01x\x94J\xfe\xff\xff\xff\x86ua.");
    }

    #[test]
    fn what_is_memorised_is_the_same_value() {
        let pickle = Pickle::read(b"\x80\x02](U\x01xq\x00h\x00g0\nj\0\0\0\0e.").unwrap();
        assert_eq!(pickle.root().list().unwrap().filter_map(Item::text).collect::<String>(), "xxxx");
    }

    #[test]
    fn escapes_are_read_and_numbers_keep_64_bits() {
        let text = |bytes: &[u8]| Pickle::read(bytes).unwrap().root().text().map(str::to_owned);
        assert_eq!(text(b"S'it\\'s \\\\ \\n\\xe9'\n.").unwrap(), "it's \\ \n\u{e9}");
        assert_eq!(text(b"V\\u00e9t\\U0001f600\n.").unwrap(), "\u{e9}t\u{1f600}");
        let int = |bytes: &[u8]| Pickle::read(bytes).unwrap().root().int();
        assert_eq!(int(b"\x8a\x06\xad\xde\xbe\xba\xfe\0."), Some(0xfe_babe_dead));
        assert_eq!((int(b"\x8a\0."), int(b"\x88."), int(b"N.")), (Some(0), Some(1), None));
    }

    #[test]
    fn neither_depth_nor_a_cycle_nor_a_call_nor_a_cut_does_harm() {
        let deep = [&b"]".repeat(1_000_000)[..], &b"a".repeat(999_999), b"."].concat();
        assert!(Pickle::read(&deep).is_ok());
        assert!(Pickle::read(b"]q\0h\0a.").unwrap().root().list().unwrap().next().unwrap().list().is_some());
        for wrong in [
            &b""[..],
            b".",
            b"cos\nsystem\n.",
            b"(.",
            b"(0.",
            b"e.",
            b"a.",
            b"]a.",
            b"K\x01(U\x01aue.",
            b"(K\x01d.",
            b"g0\n.",
            b"T\xff\xff\xff\xffabc",
            b"\x8a\xffab",
            b"\x8a\x09123456789.",
            b"S'a\n.",
            b"S'\\x4'\n.",
            b"I12",
        ] {
            assert!(Pickle::read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(Pickle::read(b"](K\x01\xff.").unwrap_err(), "byte 4 makes no sense there");
    }
}
