//! Reads a few fields of a body without building the rest. A result of 6 MB costs no more memory
//! than the body itself, and depth costs no stack, because all other values are skipped.

use std::{collections::BTreeMap, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use url::form_urlencoded;

/// A body that is no JSON object.
#[derive(Debug, thiserror::Error)]
#[error("body is not a JSON object: {0}")]
pub struct NotAnObject(#[from] serde_json::Error);

/// The fields that were found, by path. If a key stands twice, the last one counts, as in Python
/// and JavaScript.
#[derive(Debug, Default)]
pub struct JsonFields<'a> {
    json: BTreeMap<String, &'a RawValue>,
    form: BTreeMap<String, String>,
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
        let wanted = PathTree::of(paths);
        let mut json = serde_json::Deserializer::from_slice(body);
        let top = wanted.deserialize(&mut json)?;
        json.end()?;
        found.descend("", top, &wanted);
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

    fn descend(&mut self, prefix: &str, level: BTreeMap<String, &'a RawValue>, wanted: &PathTree) {
        for (name, raw) in level {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if let Some(inner) = wanted.0.get(&name).filter(|inner| !inner.0.is_empty()) {
                let mut json = serde_json::Deserializer::from_str(raw.get());
                if let Ok(below) = inner.deserialize(&mut json) {
                    self.descend(&path, below, inner);
                }
            }
            self.json.insert(path, raw);
        }
    }

    /// The raw JSON at `path`; `null` counts as absent.
    pub fn raw(&self, path: &str) -> Option<&'a RawValue> {
        self.json.get(path).copied().filter(|raw| raw.get() != "null")
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
        let raw = self.raw(path)?.get();
        match raw.as_bytes().first()? {
            b'"' => serde_json::from_str(raw).ok(),
            b'0'..=b'9' | b'-' => Some(raw.to_owned()),
            _ => None,
        }
        .filter(|text: &String| !text.is_empty())
    }

    /// The first of several paths that holds text.
    pub fn first_text<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Option<String> {
        paths.into_iter().find_map(|path| self.text(path))
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
}

impl<'de> DeserializeSeed<'de> for &PathTree {
    type Value = BTreeMap<String, &'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &PathTree {
    type Value = BTreeMap<String, &'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(name) = map.next_key_seed(Name(self))? {
            match name {
                Some(name) => _ = found.insert(name, map.next_value()?),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(found)
    }
}

/// Reads a key, and keeps it only if it is wanted.
struct Name<'w>(&'w PathTree);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.contains_key(name).then(|| name.to_owned()))
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
        for bad in [&b""[..], b"[1]", b"{", b"{}x", b"\xff", b"{\"a\":\xff}", b"nul"] {
            assert!(JsonFields::read(bad, ["a"]).is_err(), "{bad:?}");
        }
    }
}
