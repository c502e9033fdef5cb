//! Reading JSON and queries into declared types, with errors that say where and why.
//!
//! A reader stands between serde_json and a type's `Deserialize`. Errors of the type arrive as
//! [`Fault`]s with their kind and place, so that no message is taken apart afterwards and no text of
//! the body, which may be a secret, gets into an answer. Fields that the type does not know are
//! noted with the names that it knows; the caller refuses them or names them in its answer.

mod access;
mod fault;
mod query;
#[cfg(test)]
mod tests;
mod track;

use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};
use serde_json::Value;

use self::{access::Reader, track::Track};
pub use self::{
    fault::{Fault, Reason},
    query::read_query,
    track::Unknown,
};

/// A value, and the fields beside it that its type does not know.
#[derive(Debug)]
pub struct Reading<T> {
    /// The value that was read.
    pub value: T,
    /// Unknown fields, in the order in which they were met.
    pub unknown: Vec<Unknown>,
}

impl<T> Reading<T> {
    /// The value, if its type knows every field.
    ///
    /// # Errors
    /// If a field is not known. The fault names the nearest known one, or else all of them.
    pub fn known(self) -> Result<T, Fault> {
        let Some(Unknown { mut path, known }) = self.unknown.into_iter().next() else {
            return Ok(self.value);
        };
        let name = path.pop().unwrap_or_default();
        let fault = <Fault as serde::de::Error>::unknown_field(&name, known);
        Err(path.iter().rev().fold(fault, |fault, name| fault.within(name)))
    }
}

/// Reads a type from JSON text.
///
/// # Errors
/// If the text is not JSON, or not a value of the type.
pub fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<Reading<T>, Fault> {
    read_text(text, Track::default())
}

/// Reads a type from JSON text that a newer version may have written: fields that the type does not know are
/// passed over, also where it refuses them from callers.
///
/// # Errors
/// If the text is not JSON, or not a value of the type.
pub fn read_leniently<T: DeserializeOwned>(text: &[u8]) -> Result<T, Fault> {
    Ok(read_text(text, Track { lenient: true, ..Track::default() })?.value)
}

/// Reads a type from a JSON value that was read before.
///
/// # Errors
/// If the value is not one of the type.
pub fn read_value<T: DeserializeOwned>(value: &Value) -> Result<Reading<T>, Fault> {
    read(value, Track::default())
}

fn read_text<T: DeserializeOwned>(text: &[u8], track: Track) -> Result<Reading<T>, Fault> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let reading = read(&mut json, track)?;
    json.end().map_err(|error| Fault::new(Reason::Syntax(error.to_string())))?;
    Ok(reading)
}

fn read<'de, T, D>(json: D, track: Track) -> Result<Reading<T>, Fault>
where
    T: DeserializeOwned,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let value = PhantomData::<T>.deserialize(Reader { inner: json, track: &track })?;
    Ok(Reading { value, unknown: track.unknown.into_inner() })
}
