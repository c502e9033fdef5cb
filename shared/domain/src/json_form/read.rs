//! Reading JSON into a flat tree: the values are in one list, and containers refer to their parts
//! by number.

use std::{borrow::Cow, collections::HashMap};

/// The body is not JSON; the number is the position of the first wrong byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {0}")]
pub struct NotJson(pub usize);

/// A string as the UTF-8 of its code points. Lone surrogates, which JSON's escapes allow, are
/// encoded the same way. Equal bytes are equal strings, and the order of bytes is that of code
/// points.
pub(crate) type Text<'a> = Cow<'a, [u8]>;

/// A value of a document.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    /// One of the words `true`, `false` and `null`.
    Word(&'static str),
    /// A number as it stands in the source.
    Number(&'a str),
    /// A string, without its quotes and escapes.
    Text(Text<'a>),
    /// An array: the numbers of its values.
    Array(Vec<usize>),
    /// An object: its keys, each once, with the numbers of their values.
    Object(Vec<(Text<'a>, usize)>),
}

/// A document. The first value is the whole document.
#[derive(Debug)]
pub(crate) struct Tree<'a>(pub(crate) Vec<Value<'a>>);

impl Tree<'_> {
    /// Sorts the keys of every object by code point.
    pub(crate) fn sort_keys(&mut self) {
        for value in &mut self.0 {
            if let Value::Object(members) = value {
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
            }
        }
    }

    /// Puts keys that are array indexes first, in their order.
    pub(crate) fn indexes_first(&mut self) {
        for value in &mut self.0 {
            if let Value::Object(members) = value {
                members.sort_by_key(|(key, _)| index(key).unwrap_or(u64::MAX));
            }
        }
    }
}

/// The array index that a key spells: a whole number below 2³² − 1 without leading zeros.
fn index(key: &[u8]) -> Option<u64> {
    let plain = key.len() <= 10 && key.iter().all(u8::is_ascii_digit);
    if !plain || (1 < key.len() && key[0] == b'0') {
        return None;
    }
    let number = std::str::from_utf8(key).ok()?.parse().ok()?;
    (number < u64::from(u32::MAX)).then_some(number)
}

/// A container that is not closed yet.
enum Open<'a> {
    Array(usize, Vec<usize>),
    /// An object, with the position of each key. If a key stands twice, the last value counts, in
    /// the place of the first, as in Python and JavaScript.
    Object(usize, Vec<(Text<'a>, usize)>, HashMap<Text<'a>, usize>),
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
}

/// Reads a whole JSON document as a tree.
///
/// # Errors
/// If the source is not JSON.
pub(crate) fn tree(source: &[u8]) -> Result<Tree<'_>, NotJson> {
    let source = std::str::from_utf8(source).map_err(|error| NotJson(error.valid_up_to()))?;
    let mut reader = Reader { source, at: 0 };
    let mut values = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    loop {
        // One value begins here.
        let number = values.len();
        let opened = match reader.peek() {
            Some(b'[') => Some(Open::Array(number, Vec::new())),
            Some(b'{') => Some(Open::Object(number, Vec::new(), HashMap::new())),
            _ => None,
        };
        match opened {
            None => values.push(reader.scalar()?),
            Some(mut opened) => {
                reader.at += 1;
                values.push(Value::Word("null"));
                let close = if matches!(opened, Open::Array(..)) { b']' } else { b'}' };
                if reader.peek() != Some(close) {
                    if let Open::Object(_, members, places) = &mut opened {
                        reader.key(members, places, values.len())?;
                    }
                    if let Open::Array(_, parts) = &mut opened {
                        parts.push(values.len());
                    }
                    open.push(opened);
                    continue;
                }
                reader.at += 1;
                values[number] = opened.closed();
            }
        }
        // One value ended here: go on in its container, or close it and look again.
        loop {
            let Some(container) = open.last_mut() else {
                return match reader.peek() {
                    None => Ok(Tree(values)),
                    Some(_) => Err(NotJson(reader.at)),
                };
            };
            let next = reader.peek();
            let ended = match container {
                Open::Array(..) => next == Some(b']'),
                Open::Object(..) => next == Some(b'}'),
            };
            if !ended && next != Some(b',') {
                return Err(NotJson(reader.at));
            }
            reader.at += 1;
            if ended {
                let container = open.pop().expect("it is there");
                let (Open::Array(number, _) | Open::Object(number, ..)) = container;
                values[number] = container.closed();
                continue;
            }
            match container {
                Open::Array(_, parts) => parts.push(values.len()),
                Open::Object(_, members, places) => reader.key(members, places, values.len())?,
            }
            break;
        }
    }
}

impl<'a> Open<'a> {
    fn closed(self) -> Value<'a> {
        match self {
            Self::Array(_, parts) => Value::Array(parts),
            Self::Object(_, members, _) => Value::Object(members),
        }
    }
}

impl<'a> Reader<'a> {
    /// The next byte that is not white space; the reader then stands on it.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.source.as_bytes()[self.at..];
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += rest.iter().take_while(|byte| space(byte)).count();
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    /// Reads `"key":` for the value that will have this number.
    fn key(
        &mut self,
        members: &mut Vec<(Text<'a>, usize)>,
        places: &mut HashMap<Text<'a>, usize>,
        number: usize,
    ) -> Result<(), NotJson> {
        if self.peek() != Some(b'"') {
            return Err(NotJson(self.at));
        }
        let key = self.text()?;
        if self.peek() != Some(b':') {
            return Err(NotJson(self.at));
        }
        self.at += 1;
        match places.get(&key) {
            Some(place) => members[*place].1 = number,
            None => {
                places.insert(key.clone(), members.len());
                members.push((key, number));
            }
        }
        Ok(())
    }

    fn scalar(&mut self) -> Result<Value<'a>, NotJson> {
        match self.peek() {
            Some(b'"') => self.text().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ => {
                for word in ["true", "false", "null"] {
                    if self.source[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(Value::Word(word));
                    }
                }
                Err(NotJson(self.at))
            }
        }
    }

    fn number(&mut self) -> Result<&'a str, NotJson> {
        let from = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.at;
        self.digits()?;
        if 1 < self.at - whole && self.source.as_bytes()[whole] == b'0' {
            return Err(NotJson(whole));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.source[from..self.at])
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if from == self.at { Err(NotJson(from)) } else { Ok(()) }
    }

    /// Reads a string; the reader stands on its opening quote.
    fn text(&mut self) -> Result<Text<'a>, NotJson> {
        self.at += 1;
        let from = self.at;
        let mut built: Option<Vec<u8>> = None;
        let mut copied = from;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let text = built.get_or_insert_with(Vec::new);
                    text.extend_from_slice(&self.source.as_bytes()[copied..self.at]);
                    self.at += 1;
                    let escaped = self.escape()?;
                    push(built.as_mut().expect("just made"), escaped);
                    copied = self.at;
                }
                Some(0x20..) => self.at += 1,
                _ => return Err(NotJson(self.at)),
            }
        }
        let rest = &self.source.as_bytes()[copied..self.at];
        self.at += 1;
        Ok(match built {
            None => Cow::Borrowed(rest),
            Some(mut text) => {
                text.extend_from_slice(rest);
                Cow::Owned(text)
            }
        })
    }

    /// Reads the code point of an escape; the reader stands behind its backslash.
    fn escape(&mut self) -> Result<u32, NotJson> {
        let kind = self.byte().ok_or(NotJson(self.at))?;
        self.at += 1;
        Ok(match kind {
            b'"' | b'\\' | b'/' => kind.into(),
            b'b' => 8,
            b't' => 9,
            b'n' => 10,
            b'f' => 12,
            b'r' => 13,
            b'u' => {
                let unit = self.unit()?;
                let after = self.at;
                let pairs =
                    (0xd800..0xdc00).contains(&unit) && self.source[self.at..].starts_with("\\u");
                if pairs {
                    self.at += 2;
                    let low = self.unit()?;
                    if (0xdc00..0xe000).contains(&low) {
                        return Ok(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
                    }
                    // Two strangers: the second is read on its own.
                    self.at = after;
                }
                unit
            }
            _ => return Err(NotJson(self.at - 1)),
        })
    }

    fn unit(&mut self) -> Result<u32, NotJson> {
        let digits = self.source.as_bytes().get(self.at..self.at + 4).ok_or(NotJson(self.at))?;
        let mut unit = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(16).ok_or(NotJson(self.at))?;
            unit = unit * 16 + digit;
        }
        self.at += 4;
        Ok(unit)
    }
}

/// Appends a code point in UTF-8's way, surrogates too.
fn push(text: &mut Vec<u8>, point: u32) {
    match char::from_u32(point) {
        Some(char) => text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let bits = |shift: u32, mask: u32| ((point >> shift) & mask).to_le_bytes()[0];
            text.extend_from_slice(&[
                0xe0 | bits(12, 0xf),
                0x80 | bits(6, 0x3f),
                0x80 | bits(0, 0x3f),
            ]);
        }
    }
}
