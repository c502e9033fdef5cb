//! The query as text, read parameter by parameter.

use std::ops::RangeInclusive;

use axum::{extract::FromRequestParts, http::request::Parts};
use domain::time::Timestamp;

use super::{error::Error, input::pairs};

/// The query.
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        pairs(parts).map(Self)
    }
}

impl Params {
    /// A parameter, if it is there and says something.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// A yes or a no; a bare `?name` is a yes.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, Error> {
        match self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()) {
            None => Ok(default),
            Some("true" | "1" | "") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(Error::param(name, "is true or false")),
        }
    }

    /// A whole number.
    pub(crate) fn number(
        &self,
        name: &str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, Error> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let why = format!("is a whole number from {} to {}", range.start(), range.end());
            Error::param(name, why)
        })
    }
}

/// Reads RFC 3339. The plus of an offset may have become a space on its way through a query.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let split = text.len().checked_sub(6).filter(|at| text.is_char_boundary(*at))?;
    let (local, offset) = text.split_at(split);
    let sign = offset.as_bytes()[0];
    if !matches!(sign, b'+' | b' ' | b'-') || offset.as_bytes()[3] != b':' {
        return Timestamp::parse_rfc3339(text);
    }
    let hours: u64 = offset.get(1..3)?.parse().ok()?;
    let minutes: u64 = offset.get(4..6)?.parse().ok()?;
    let millis = (hours * 60 + minutes) * 60_000;
    let Timestamp(local) = Timestamp::parse_rfc3339(&format!("{local}Z"))?;
    let utc = if sign == b'-' { local.checked_add(millis)? } else { local.checked_sub(millis)? };
    Some(Timestamp(utc))
}
