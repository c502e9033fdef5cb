//! Reading JSON and queries into declared types, with errors that say where and why.
//!
//! [`Reader`] stands between serde_json and a type's `Deserialize`. Errors of the type arrive as
//! [`Fault`]s with their kind and place, so that no message is taken apart afterwards and no text of
//! the body, which may be a secret, gets into an answer. Fields that the type does not know are
//! noted with the names that it knows; a contract refuses them or names them in a header.

mod access;
mod fault;
mod names;
mod query;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, fmt, marker::PhantomData};

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};
use serde_json::Value;

use self::access::Reader;
pub(crate) use self::{
    fault::{Fault, Reason},
    names::{misspelt, nearest, unknown_name},
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
