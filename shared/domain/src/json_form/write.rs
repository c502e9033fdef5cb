//! Writing a tree in the form of a language.

use super::{
    number,
    read::{Tree, Value},
};

/// The form in which a language writes JSON.
pub(super) struct Style {
    comma: &'static [u8],
    colon: &'static [u8],
    /// Whether all characters but printable ASCII are escaped.
    ascii: bool,
    number: fn(&str) -> String,
}

/// The form of `json.dumps` with its defaults.
pub(super) const PYTHON: Style =
    Style { comma: b", ", colon: b": ", ascii: true, number: number::python };

/// The form of `json.dumps` with `separators=(",", ":")`.
pub(super) const PYTHON_COMPACT: Style = Style { comma: b",", colon: b":", ..PYTHON };

/// The form of `json.dumps` with `ensure_ascii=False`.
pub(super) const PYTHON_UNICODE: Style = Style { ascii: false, ..PYTHON };

/// The compact form, with numbers as in the source.
pub(super) const COMPACT: Style = Style { number: str::to_owned, ..ECMASCRIPT };

/// The form of `JSON.stringify` without an indent.
pub(super) const ECMASCRIPT: Style =
    Style { comma: b",", colon: b":", ascii: false, number: number::ecmascript };

/// Writes a whole tree as JSON in the given style.
pub(super) fn write(tree: &Tree<'_>, style: &Style) -> Vec<u8> {
    let mut out = Vec::new();
    // What is open, and how many of its parts are written.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut next = Some(0);
    loop {
        if let Some(number) = next.take() {
            match &tree.0[number] {
                Value::Word(word) => out.extend_from_slice(word.as_bytes()),
                Value::Number(source) => out.extend_from_slice((style.number)(source).as_bytes()),
                Value::Text(text) => self::text(&mut out, text, style),
                Value::Array(_) => {
                    out.push(b'[');
                    open.push((number, 0));
                }
                Value::Object(_) => {
                    out.push(b'{');
                    open.push((number, 0));
                }
            }
        }
        let Some((number, written)) = open.last_mut() else { return out };
        let part = match &tree.0[*number] {
            Value::Array(parts) => parts.get(*written).map(|part| (None, *part)),
            Value::Object(members) => members.get(*written).map(|(key, part)| (Some(key), *part)),
            _ => None,
        };
        let Some((key, part)) = part else {
            out.push(if matches!(tree.0[*number], Value::Array(_)) { b']' } else { b'}' });
            open.pop();
            continue;
        };
        if 0 < *written {
            out.extend_from_slice(style.comma);
        }
        *written += 1;
        if let Some(key) = key {
            text(&mut out, key, style);
            out.extend_from_slice(style.colon);
        }
        next = Some(part);
    }
}

fn text(out: &mut Vec<u8>, text: &[u8], style: &Style) {
    out.push(b'"');
    let mut at = 0;
    while at < text.len() {
        let (point, length) = point(&text[at..]);
        match point {
            0x22 => out.extend_from_slice(b"\\\""),
            0x5c => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            0..0x20 | 0xd800..0xe000 => escape(out, point),
            0x7f.. if style.ascii => match point.checked_sub(0x1_0000) {
                None => escape(out, point),
                Some(above) => {
                    escape(out, 0xd800 + (above >> 10));
                    escape(out, 0xdc00 + (above & 0x3ff));
                }
            },
            _ => out.extend_from_slice(&text[at..at + length]),
        }
        at += length;
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, unit: u32) {
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}

/// The first code point, and how many bytes it takes. The bytes are the reader's own, so they are
/// well formed.
fn point(text: &[u8]) -> (u32, usize) {
    let (length, first) = match text[0] {
        byte @ ..0x80 => return (byte.into(), 1),
        byte @ ..0xe0 => (2, byte & 0x1f),
        byte @ ..0xf0 => (3, byte & 0x0f),
        byte => (4, byte & 0x07),
    };
    let add = |point: u32, byte: &u8| (point << 6) | u32::from(byte & 0x3f);
    (text[1..length].iter().fold(first.into(), add), length)
}
