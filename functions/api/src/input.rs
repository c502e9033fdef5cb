//! What a request says: its body and its query, read with errors of our own.

use std::ops::RangeInclusive;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::error::{Error, Invalid};

/// A JSON body, whatever its `Content-Type` says.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = bytes(request, state).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let body = read(&mut json)
            .map_err(|error| locate::<T>(error, || serde_json::from_slice(&bytes)))?;
        json.end().map_err(|error| unreadable(&error, Vec::new()))?;
        Ok(Self(body))
    }
}

/// A request's whole body.
pub(crate) async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
            _ => Error::Bad("the body cannot be read".to_owned()),
        }
    })
}

/// Reads what was put together from a body, with the errors of one.
pub(crate) fn read_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    read(&value).map_err(|error| locate::<T>(error, || Ok(value)))
}

/// Reads, and says of an error where in the body it is.
fn read<'de, T, D>(json: D) -> Result<T, Error>
where
    T: DeserializeOwned,
    D: serde::Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(json).map_err(|error| {
        let named = |segment: &Segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Enum { .. } | Segment::Unknown => None,
        };
        let path = error.path().iter().filter_map(named).collect();
        unreadable(error.inner(), path)
    })
}

/// Most fields of a body among which the one is looked for that is wrong.
const FIELDS: usize = 64;

/// Names the field that an error is about where serde does not: it forgets where it is in what is
/// flattened.
fn locate<T: DeserializeOwned>(
    error: Error,
    body: impl FnOnce() -> serde_json::Result<Value>,
) -> Error {
    let Error::Invalid(mut invalid) = error else { return error };
    if invalid.at.len() == 1
        && let Ok(Value::Object(fields)) = body()
        && fields.len() <= FIELDS
    {
        invalid.at.extend(culprit::<T>(&fields, &invalid.why));
    }
    Error::Invalid(invalid)
}

/// The field without which a body has no error, or another than this one.
fn culprit<T: DeserializeOwned>(fields: &Map<String, Value>, why: &str) -> Option<String> {
    // Without a field that must be there, that is what is said.
    let another = |says: String| !says.starts_with("missing field") && !why.starts_with(&says);
    let is_it = |name: &&String| {
        let mut others = fields.clone();
        others.remove(*name);
        let without = serde_json::from_value::<T>(others.into());
        without.map_or_else(|error| another(what(&error)), |_| true)
    };
    fields.keys().find(is_it).cloned()
}

/// What an error says, without where.
fn what(error: &serde_json::Error) -> String {
    let said = quoteless(&error.to_string());
    said.rsplit_once(" at line ").map_or(said.clone(), |(what, _)| what.to_owned())
}

fn unreadable(error: &serde_json::Error, path: Vec<String>) -> Error {
    if !error.is_data() {
        return Error::Bad(format!("the body is not JSON: {}", quoteless(&error.to_string())));
    }
    let why = quoteless(&error.to_string());
    let mut at = vec!["body".to_owned()];
    at.extend(path);
    let missing = why.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    at.extend(missing.map(|(field, _)| field.to_owned()));
    Error::Invalid(Invalid { at, why })
}

/// The message without the text that it quotes from the body: that may be a secret.
pub(crate) fn quoteless(message: &str) -> String {
    // How serde quotes: what it says before, the sign around it, and what follows.
    let quotes = [
        (" string \"", "\", expected"),
        ("unknown variant `", "`, expected"),
        ("unknown field `", "`, expected"),
    ];
    let cut = quotes.iter().find_map(|(before, after)| {
        let from = message.find(before)? + before.len() - 1;
        let to = message.rfind(after)?;
        (from <= to).then(|| format!("{}{}", message[..from].trim_end(), &message[to + 1..]))
    });
    cut.unwrap_or_else(|| message.to_owned())
}

/// The query.
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = Query::try_from_uri(&parts.uri);
        let Query(pairs) = query.map_err(|_| Error::Bad("the query cannot be read".to_owned()))?;
        Ok(Self(pairs))
    }
}

impl Params {
    /// A parameter, if it is there and says something.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// The query again, with these parameters instead of those of their names.
    pub(crate) fn with(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.0.iter().filter(|(key, _)| changes.iter().all(|(name, _)| name != key));
        let kept = kept.map(|(key, value)| (key.as_str(), value.as_str()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).extend_pairs(changes);
        query.finish()
    }

    /// A parameter that may be there several times, or as a list with commas.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(key, _)| key == name);
        named.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect()
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

    /// A moment in RFC 3339, with any offset.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let at = instant(text);
        at.map(Some).ok_or_else(|| Error::param(name, "is a time such as 2026-11-22T01:13:33Z"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_may_have_any_offset() {
        let at = instant("2026-11-22T01:13:33Z");
        assert!(at.is_some());
        for same in
            ["2026-11-22T02:13:33+01:00", "2026-11-22T02:13:33 01:00", "2026-11-21T23:13:33-02:00"]
        {
            assert_eq!(instant(same), at, "{same}");
        }
        for bad in [
            "",
            "now",
            "2026-11-22",
            "+01:00",
            "2026-13-22T01:13:33Z",
            "ééé",
            "0000-00-00T00:00:00+99:99",
        ] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_error_does_not_quote_the_body() {
        let mut json = serde_json::Deserializer::from_str(r#""whsec_planted", "#);
        let error = read::<Vec<String>, _>(&mut json).expect_err("text");
        let Error::Invalid(invalid) = error else { panic!("it is none") };
        assert!(!invalid.why.contains("planted"), "{}", invalid.why);
        assert!(invalid.why.contains("expected a sequence"), "{}", invalid.why);
        for message in [
            "unknown variant `planted`, expected one of `read`, `publish` at line 1 column 54",
            "unknown variant `planted`, expected `read`",
            "unknown field `planted`, expected `read` or `publish`",
            "unknown field `plan`, expected `ted`, expected `read`",
            "invalid value: string \"planted\", expected `read`",
            "invalid type: string \"plan\", expected \"ted\", expected `read`",
        ] {
            let why = quoteless(message);
            assert!(
                !why.contains("ted`") && !why.contains("plan") && why.contains("`read`"),
                "{why}"
            );
        }
    }
}
