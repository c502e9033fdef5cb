//! Reading JSON and queries into declared types, with errors that say where and why.
//!
//! [`Reader`] stands between serde_json and a type's `Deserialize`. Errors of the type arrive as
//! [`Fault`]s with their kind and place, so that no message is taken apart afterwards and no text of
//! the body, which may be a secret, gets into an answer. Fields that the type does not know are
//! noted with the names that it knows; a contract refuses them or names them in a header.

mod access;
mod fault;
mod query;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, fmt, marker::PhantomData};

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};
use serde_json::Value;

use self::access::Reader;
pub(crate) use self::{
    fault::{Fault, Reason},
    query::read_query,
};

/// A field or parameter that the declared type does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// Names from the outermost field to the unknown one.
    pub(crate) path: Vec<String>,
    /// Names that are known where the unknown one stands.
    pub(crate) known: &'static [&'static str],
}

/// What is noted while one value is read.
#[derive(Default)]
struct Track {
    path: RefCell<Vec<String>>,
    /// Known fields of the structs that are being read, innermost last.
    fields: RefCell<Vec<&'static [&'static str]>>,
    unknown: RefCell<Vec<Unknown>>,
    /// An error of the type on its way through serde_json, whose own errors hold text only.
    fault: RefCell<Option<Fault>>,
}

impl Track {
    /// The fault that an error of serde_json stands for: one of the type, kept on its way, or else
    /// one of the parser.
    fn recover(&self, error: &impl fmt::Display) -> Fault {
        let fault = self.fault.borrow_mut().take();
        fault.unwrap_or_else(|| Fault::new(Reason::Syntax(error.to_string())))
    }
}

/// A value, and the fields beside it that its type does not know.
#[derive(Debug)]
pub(crate) struct Reading<T> {
    /// The value.
    pub(crate) value: T,
    /// Unknown fields, in the order in which they were met.
    pub(crate) unknown: Vec<Unknown>,
}

/// Reads a type from JSON text.
pub(crate) fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<Reading<T>, Fault> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let reading = read(&mut json)?;
    json.end().map_err(|error| Fault::new(Reason::Syntax(error.to_string())))?;
    Ok(reading)
}

/// Reads a type from a JSON value that was read before.
pub(crate) fn read_value<T: DeserializeOwned>(value: &Value) -> Result<Reading<T>, Fault> {
    read(value)
}

fn read<'de, T, D>(json: D) -> Result<Reading<T>, Fault>
where
    T: DeserializeOwned,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let track = Track::default();
    let value = PhantomData::<T>.deserialize(Reader { inner: json, track: &track })?;
    Ok(Reading { value, unknown: track.unknown.into_inner() })
}

/// The known name that is nearest to an unknown one: the same but for case and underscores, or at
/// most a third of its letters away.
pub(crate) fn nearest<'k, S: AsRef<str>>(unknown: &str, known: &'k [S]) -> Option<&'k str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let wanted = plain(unknown);
    let away = |name: &&str| distance(&wanted, &plain(name));
    let nearest = known.iter().map(AsRef::as_ref).min_by_key(away)?;
    (away(&nearest) * 3 <= wanted.chars().count().max(3)).then_some(nearest)
}

/// Edit distance of two names, counting an exchange of neighbours once (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) =
        (one.chars().take(64).collect(), other.chars().take(64).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, right) in other.iter().enumerate() {
            let changed = last[column] + usize::from(left != right);
            let mut least = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let swapped =
                row > 0 && column > 0 && one[row - 1] == *right && other[column - 1] == *left;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}
