//! Content filters: a JSON pattern over the payload that an endpoint would receive. Operators and
//! their meaning are Outpost's, so that a filter written for Outpost works here.
//!
//! A value matches an equal value, an object matches an object that has these fields, a list
//! matches a list that has these members. A pattern for one value matches a list if it matches a
//! member; an operator sees the list as a whole. An absent field matches `{"$exist": false}` and
//! nothing else.
//!
//! Patterns and payloads are read by the relay's own reader: numbers are compared exactly, half of a
//! surrogate pair is a character like any other, and depth costs no stack. A payload that is not JSON
//! matches every pattern, because nobody can say that it is not wanted.

mod check;
mod matching;
mod number;
mod pattern;

use std::cell::OnceCell;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

pub use self::check::{InvalidFilter, MAX_DEPTH, MAX_NODES};
use self::{
    check::{check_object, wrong},
    matching::{Input, object},
    pattern::Pattern,
};
use crate::json_form::{
    self,
    read::{self, Tree},
};

/// A pattern that was checked, with the text that is kept and shown.
#[derive(Debug)]
pub struct ContentFilter {
    text: Box<RawValue>,
    pattern: Vec<(Vec<u8>, Pattern)>,
}

/// A pattern as its owner gave it. As JSON text, because a number must not become a double.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct FilterText(Box<RawValue>);

/// Longest pattern, in bytes of JSON.
pub const MAX_BYTES: usize = 8 * 1024;
impl Default for FilterText {
    fn default() -> Self {
        Self(RawValue::from_string("{}".to_owned()).expect("JSON"))
    }
}

impl ContentFilter {
    /// Checks a pattern.
    ///
    /// # Errors
    /// If the pattern is no object, is too long, too deep or has too many parts, or an operator is
    /// unknown or cannot be given its operand.
    pub fn parse(given: &FilterText) -> Result<Self, InvalidFilter> {
        let text = json_form::compact(given.0.get().as_bytes());
        let text = text.map_err(|_| wrong("", "is no JSON that can be kept"))?;
        if MAX_BYTES < text.len() {
            return Err(wrong("", "is longer than 8192 bytes"));
        }
        let text = String::from_utf8(text).ok().and_then(|text| RawValue::from_string(text).ok());
        let filter = text.and_then(Self::of).ok_or_else(|| {
            wrong("", "is an object, and values in it are nested at most 64 deep")
        })?;
        check_object(&filter.pattern, "", 0, &mut 0)?;
        Ok(filter)
    }

    /// A pattern as it is kept.
    fn of(text: Box<RawValue>) -> Option<Self> {
        let tree = read::tree(text.get().as_bytes()).ok()?;
        match Pattern::of(&tree, 0, 0)? {
            Pattern::Object(pattern) => Some(Self { text, pattern }),
            _ => None,
        }
    }

    /// Whether the pattern is empty and so matches every payload.
    pub const fn is_empty(&self) -> bool {
        self.pattern.is_empty()
    }

    /// The pattern as JSON, in compact form.
    pub fn text(&self) -> &str {
        self.text.get()
    }

    /// Whether a payload matches. A payload that is no JSON matches every pattern.
    pub fn matches(&self, payload: &Payload<'_>) -> bool {
        self.is_empty()
            || payload.json().is_none_or(|payload| object(&self.pattern, Input::whole(payload)))
    }
}

impl Clone for ContentFilter {
    fn clone(&self) -> Self {
        Self::of(self.text.clone()).expect("it was read before")
    }
}

impl PartialEq for ContentFilter {
    fn eq(&self, other: &Self) -> bool {
        self.text.get() == other.text.get()
    }
}

impl Serialize for ContentFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ContentFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Self::of(text).ok_or_else(|| de::Error::custom("a filter is an object"))
    }
}

/// A payload that filters look at. It is parsed at most once, by the first filter that needs it.
#[derive(Debug)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    parsed: OnceCell<Option<Tree<'a>>>,
}

impl<'a> Payload<'a> {
    /// A payload that is not parsed yet.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, parsed: OnceCell::new() }
    }

    fn json(&self) -> Option<&Tree<'a>> {
        self.parsed.get_or_init(|| read::tree(self.bytes).ok()).as_ref()
    }
}

#[cfg(test)]
mod tests;
