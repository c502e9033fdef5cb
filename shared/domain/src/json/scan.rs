//! Steps over JSON without building it. Depth costs no stack.
//!
//! The scanner also takes what senders write although it is not JSON: `NaN`, `Infinity` and
//! `-Infinity`, which Python writes for such numbers, half of a surrogate pair, control characters
//! and bytes that are not UTF-8 within strings. A completion must not be lost because of a number in
//! its result.

use std::{borrow::Cow, ops::Range};

/// The bytes of a source, and a position in it.
pub(super) struct Scanner<'a> {
    source: &'a [u8],
    pub(super) at: usize,
}

/// Words that stand for a value.
const WORDS: [&str; 6] = ["true", "false", "null", "NaN", "Infinity", "-Infinity"];

impl<'a> Scanner<'a> {
    pub(super) const fn new(source: &'a [u8]) -> Self {
        Self { source, at: 0 }
    }

    /// Hands over the members of an object: each key, and the place of its value. `None` if an
    /// object does not begin here, or is not closed.
    pub(super) fn members(&mut self, mut each: impl FnMut(Cow<'a, str>, &'a [u8])) -> Option<()> {
        self.eat(b'{')?;
        if self.eat(b'}').is_some() {
            return Some(());
        }
        loop {
            let key = self.key()?;
            let value = self.value()?;
            each(unescaped(&self.source[key]), &self.source[value]);
            if self.eat(b',').is_none() {
                return self.eat(b'}');
            }
        }
    }

    /// Whether only white space is left.
    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Steps over one value of any kind.
    fn value(&mut self) -> Option<Range<usize>> {
        let mut open = Vec::new();
        self.peek()?;
        let from = self.at;
        loop {
            // One value begins here.
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    if self.eat(b'}').is_none() {
                        self.key()?;
                        open.push(b'}');
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    if self.eat(b']').is_none() {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => _ = self.string()?,
                _ => self.scalar()?,
            }
            // One value ended here: go on in its container, or close it and look again.
            loop {
                let Some(close) = open.last().copied() else { return Some(from..self.at) };
                if self.eat(close).is_some() {
                    open.pop();
                    continue;
                }
                self.eat(b',')?;
                if close == b'}' {
                    self.key()?;
                }
                break;
            }
        }
    }

    /// Steps over a key and its colon. The place of the key's text.
    fn key(&mut self) -> Option<Range<usize>> {
        (self.peek()? == b'"').then_some(())?;
        let key = self.string()?;
        self.eat(b':')?;
        Some(key)
    }

    /// Steps over a string. The place of its text, without the quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        self.at += 1;
        let from = self.at;
        loop {
            match self.source.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(from..self.at - 1);
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn scalar(&mut self) -> Option<()> {
        let rest = &self.source[self.at..];
        if let Some(word) = WORDS.iter().find(|word| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            return Some(());
        }
        let digits = rest.strip_prefix(b"-").unwrap_or(rest);
        let of_a_number =
            |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-' | b'e' | b'E');
        digits.first()?.is_ascii_digit().then_some(())?;
        self.at += rest.iter().take_while(of_a_number).count();
        Some(())
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.source.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.source.get(self.at).copied()
    }

    /// Steps over this byte, if it comes next.
    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }
}

/// The text that a string's source means. A part that means no character becomes U+FFFD.
pub(super) fn unescaped(source: &[u8]) -> Cow<'_, str> {
    if !source.contains(&b'\\') {
        return String::from_utf8_lossy(source);
    }
    let mut text = Vec::new();
    let mut at = 0;
    while let Some(byte) = source.get(at) {
        at += 1;
        if *byte != b'\\' {
            text.push(*byte);
            continue;
        }
        let char = match source.get(at) {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let (char, more) = escaped(&source[at + 1..]);
                at += more;
                char
            }
            Some(other) if other.is_ascii() => char::from(*other),
            _ => {
                text.extend_from_slice("\u{fffd}".as_bytes());
                continue;
            }
        };
        at += 1;
        text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

/// The character behind `\u`, and the bytes that it takes.
fn escaped(source: &[u8]) -> (char, usize) {
    let unit = |source: &[u8]| {
        let digits = std::str::from_utf8(source.get(..4)?).ok()?;
        u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
    };
    let Some(first) = unit(source) else { return (char::REPLACEMENT_CHARACTER, 0) };
    let second = source.get(4..).and_then(|rest| unit(rest.strip_prefix(b"\\u")?));
    match (first, second) {
        (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
            let point = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER), 10)
        }
        _ => (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4),
    }
}
