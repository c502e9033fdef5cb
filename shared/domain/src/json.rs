//! Reads a few fields of a body without building the rest. A result of 6 MB costs no more memory
//! than the body itself, and depth costs no stack, because all other values are skipped.
//!
//! Reading is lenient: see the module `scan`.

mod scan;

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;
use url::form_urlencoded;

use self::scan::{Scanner, unescaped};

/// A body that is no JSON object. The number is the position of the first byte that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("body is not a JSON object: it cannot be read from byte {0} on")]
pub struct NotAnObject(pub usize);

/// The fields that were found, by path. If a key stands twice, the last one counts, as in Python
/// and JavaScript.
#[derive(Debug, Default)]
pub struct JsonFields<'a> {
    json: BTreeMap<String, &'a [u8]>,
    form: BTreeMap<String, String>,
}

/// The byte order mark that some writers put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A body without the byte order mark in front of it.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

impl<'a> JsonFields<'a> {
    /// Reads `paths` such as `a.b.c` from a JSON object. A path that leads nowhere is absent from
    /// the result.
    ///
    /// # Errors
    /// If the body is no JSON object.
    pub fn read<'p>(
        body: &'a [u8],
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<Self, NotAnObject> {
        let mut found = Self::default();
        let body = without_mark(body);
        let mut scanner = Scanner::new(body);
        let level = PathTree::of(paths).level(&mut scanner, "", &mut found.json);
        if level.is_none() || !scanner.is_done() {
            return Err(NotAnObject(scanner.at.min(body.len())));
        }
        Ok(found)
    }

    /// Reads `paths` from a form. The part before the first dot is the name of the field, and the
    /// rest leads into the JSON that the field holds, such as Slack's `payload`.
    pub fn form<'p>(body: &[u8], paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut found = Self::default();
        let given: BTreeMap<_, _> = form_urlencoded::parse(body).collect();
        for path in paths {
            let (field, inner) = match path.split_once('.') {
                Some((field, inner)) if !given.contains_key(path) => (field, Some(inner)),
                _ => (path, None),
            };
            let Some(value) = given.get(field) else { continue };
            let text = match inner {
                None => Some(value.to_string()),
                Some(inner) => {
                    let json = JsonFields::read(value.as_bytes(), [inner]).unwrap_or_default();
                    json.text(inner)
                }
            };
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                found.form.insert(path.to_owned(), text);
            }
        }
        found
    }

    fn source(&self, path: &str) -> Option<&'a [u8]> {
        self.json.get(path).copied().filter(|source| *source != b"null")
    }

    /// The raw JSON at `path`; `null` counts as absent, and so does what is not JSON by its grammar.
    pub fn raw(&self, path: &str) -> Option<&'a RawValue> {
        serde_json::from_slice(self.source(path)?).ok()
    }

    /// The text at `path`, as it stands in the source, if it is not JSON by its grammar, such as a
    /// list with `NaN` in it.
    pub fn loose(&self, path: &str) -> Option<Cow<'a, str>> {
        let source = self.source(path).filter(|_| self.raw(path).is_none())?;
        Some(String::from_utf8_lossy(source))
    }

    /// The raw JSON at `path`, unless it is `null`, `false` or empty.
    pub fn filled(&self, path: &str) -> Option<&'a RawValue> {
        let bare = |raw: &&RawValue| {
            let text = raw.get();
            let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default().trim();
            text == "false" || (text.starts_with(['[', '{', '"']) && inside.is_empty())
        };
        self.raw(path).filter(|raw| !bare(raw))
    }

    /// The string at `path`, or the digits of a number, because ids of jobs come as either.
    pub fn text(&self, path: &str) -> Option<String> {
        if let Some(text) = self.form.get(path) {
            return Some(text.clone());
        }
        let source = self.source(path)?;
        match source {
            [b'"', inside @ .., b'"'] => Some(unescaped(inside).into_owned()),
            [b'0'..=b'9' | b'-', ..] => Some(String::from_utf8_lossy(source).into_owned()),
            _ => None,
        }
        .filter(|text: &String| !text.is_empty())
    }

    /// The first of several paths that holds text.
    pub fn first_text<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Option<String> {
        paths.into_iter().find_map(|path| self.text(path))
    }
}

/// The text that a string's source means, from quote to quote. `None` for any other value. A part
/// that means no character becomes U+FFFD.
pub(crate) fn text(source: &str) -> Option<String> {
    match source.as_bytes() {
        [b'"', inside @ .., b'"'] => Some(unescaped(inside).into_owned()),
        _ => None,
    }
}

/// The names that are wanted at one level, and below each the names at the next level.
#[derive(Default)]
struct PathTree(BTreeMap<String, PathTree>);

impl PathTree {
    fn of<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut root = Self::default();
        for path in paths {
            let mut level = &mut root;
            for name in path.split('.') {
                level = level.0.entry(name.to_owned()).or_default();
            }
        }
        root
    }

    /// Reads the object at the scanner, and what is wanted below it. `None` if it cannot be read.
    fn level<'a>(
        &self,
        scanner: &mut Scanner<'a>,
        prefix: &str,
        found: &mut BTreeMap<String, &'a [u8]>,
    ) -> Option<()> {
        let mut here = BTreeMap::new();
        scanner.members(|name, value| {
            if let Some((name, _)) = self.0.get_key_value(&*name) {
                here.insert(name, value);
            }
        })?;
        for (name, value) in here {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if let Some(inner) = self.0.get(name).filter(|inner| !inner.0.is_empty()) {
                inner.level(&mut Scanner::new(value), &path, found);
            }
            found.insert(path, value);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(body: &'a str, paths: &[&str]) -> JsonFields<'a> {
        JsonFields::read(body.as_bytes(), paths.iter().copied()).expect("an object")
    }

    #[test]
    fn nested_fields_are_found_and_the_rest_is_skipped() {
        let body = r#"{"x":[1,2],"call_id":"c1","metadata":{"job_id":7,"deep":{"a":1}},"n":null}"#;
        let fields = read(body, &["call_id", "metadata.job_id", "metadata.deep", "n", "gone.a"]);
        assert_eq!(fields.text("call_id").as_deref(), Some("c1"));
        assert_eq!(fields.text("metadata.job_id").as_deref(), Some("7"));
        assert_eq!(fields.raw("metadata.deep").map(RawValue::get), Some(r#"{"a":1}"#));
        assert!(fields.raw("n").is_none() && fields.raw("gone.a").is_none());
    }

    #[test]
    fn of_a_doubled_key_the_last_one_counts() {
        assert_eq!(read(r#"{"a":"1","a":"2"}"#, &["a"]).text("a").as_deref(), Some("2"));
    }

    #[test]
    fn deep_json_neither_overflows_the_stack_nor_hides_a_field() {
        let deep = format!(r#"{{"x":{}{},"a":"1"}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(read(&deep, &["a"]).text("a").as_deref(), Some("1"));
    }

    #[test]
    fn what_is_not_an_object_is_an_error() {
        for bad in [&b""[..], b"[1]", b"{", b"{}x", b"\xff", b"{\"a\":\xff}", b"nul", b"{\"a\":1,}"]
        {
            assert!(JsonFields::read(bad, ["a"]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_senders_write_beside_json_does_not_hide_a_field() {
        let strange = [
            "{\"x\":NaN,\"id\":\"j\",\"y\":[Infinity,-Infinity,{\"z\":NaN}]}".as_bytes(),
            "\u{feff}{\"id\":\"j\"}".as_bytes(),
            b"{\"t\":\"\\ud83d\",\"\\udc00\":1,\"id\":\"j\"}",
            b"{\"t\":\"caf\xe9\",\"id\":\"j\"}",
            b"{\"t\":\"a\nb\",\"n\":1E400,\"id\":\"j\"}",
            b"{\"id\":\"\\u006a\"}",
            b"{\"\\u0069d\":\"j\"}",
        ];
        for body in strange {
            let fields = JsonFields::read(body, ["id"]).expect("an object");
            assert_eq!(fields.text("id").as_deref(), Some("j"), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_not_json_is_told_from_what_is() {
        let fields =
            read(r#"{"a":{"loss":NaN},"b":[1.0],"c":NaN,"d":null}"#, &["a", "b", "c", "d"]);
        assert!(fields.raw("a").is_none() && fields.raw("c").is_none());
        assert_eq!(fields.loose("a").as_deref(), Some(r#"{"loss":NaN}"#));
        assert_eq!(fields.loose("c").as_deref(), Some("NaN"));
        assert_eq!(fields.raw("b").map(RawValue::get), Some("[1.0]"));
        assert!(fields.loose("b").is_none() && fields.loose("d").is_none());
    }

    #[test]
    fn text_is_read_as_it_is_meant() {
        let body = r#"{"a":"\u00e9\ud83d\ude0a\"\\\/\b\f\n\r\t","b":"\ud83dx","c":"\u12"}"#;
        let fields = read(body, &["a", "b", "c"]);
        assert_eq!(fields.text("a").as_deref(), Some("é😊\"\\/\u{8}\u{c}\n\r\t"));
        assert_eq!(fields.text("b").as_deref(), Some("\u{fffd}x"));
        assert_eq!(fields.text("c").as_deref(), Some("\u{fffd}12"));
    }
}
