//! Bodies and queries of requests as declared types.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use domain::{
    reading::{self, Fault, read_json, read_query},
    spelling::{misspelt, nearest, unknown_name},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{Error, Invalid};

/// A JSON body, whatever its `Content-Type` says.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let ignored = request.extensions().get::<Ignored>().cloned();
        let bytes = bytes(request, state).await?;
        let reading = read_json(&bytes).map_err(|fault| Error::unreadable("body", fault))?;
        for unknown in reading.unknown {
            Ignored::judge(ignored.as_ref(), "body", &unknown.path, unknown.known)?;
        }
        Ok(Self(reading.value))
    }
}

/// Reads what a field of the body holds as an object. Unknown names in it are refused.
pub(crate) fn read_value<T: DeserializeOwned>(
    field: &str,
    given: Map<String, Value>,
) -> Result<T, Error> {
    let within = |path: Vec<String>| std::iter::once(field.to_owned()).chain(path).collect();
    let reading = reading::read_value(&Value::Object(given));
    let reading = reading.map_err(|fault| {
        let path: Vec<String> = within(fault.path);
        Error::unreadable("body", Fault { path, reason: fault.reason })
    })?;
    for unknown in reading.unknown {
        let path: Vec<String> = within(unknown.path);
        Ignored::judge(None, "body", &path, unknown.known)?;
    }
    Ok(reading.value)
}

/// Reads the whole body of a request.
pub(crate) async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
            _ => Error::Bad("the body cannot be read".to_owned()),
        }
    })
}

/// The query as a declared type.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = read_query(&pairs(parts)?);
        query.map(Self).map_err(|fault| Error::unreadable("query", fault))
    }
}

/// The query's parameters, each by its plain name: clients spell an entry of a list as `name`,
/// `name[]` or `name[0]`.
pub(crate) fn pairs(parts: &Parts) -> Result<Vec<(String, String)>, Error> {
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let query = query.map_err(|_| Error::Bad("the query cannot be read".to_owned()))?;
    Ok(query.0.into_iter().map(|(name, value)| (plain(&name).to_owned(), value)).collect())
}

/// A parameter's name without the index of an entry.
fn plain(name: &str) -> &str {
    let Some((plain, index)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) else {
        return name;
    };
    if index.bytes().all(|digit| digit.is_ascii_digit()) { plain } else { name }
}

/// The query as it came, for an address that goes on from it.
pub(crate) struct RawQuery(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for RawQuery {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        pairs(parts).map(Self)
    }
}

impl RawQuery {
    /// The query with these parameters instead of those of their names.
    pub(crate) fn with(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.0.iter().filter(|(key, _)| changes.iter().all(|(name, _)| name != key));
        let kept = kept.map(|(key, value)| (key.as_str(), value.as_str()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).extend_pairs(changes);
        query.finish()
    }
}

/// Names of fields and parameters that a request had and its operation does not know, collected
/// where a contract tolerates them. Without this extension, unknown names are refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignored(Arc<Mutex<Vec<String>>>);

impl Ignored {
    /// Most names that are listed: an answer's headers are bounded.
    const MAX: usize = 20;

    /// Notes or refuses an unknown field or parameter of the `body` or `query`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that names the nearest known name, unless the contract tolerates unknown
    /// names.
    pub(crate) fn judge<S: AsRef<str>>(
        ignored: Option<&Self>,
        part: &str,
        path: &[String],
        known: &[S],
    ) -> Result<(), Error> {
        let Some(Self(names)) = ignored else {
            let name = path.last().map(String::as_str).unwrap_or_default();
            let (path, why) = match nearest(name, known) {
                Some(nearest) => (path, misspelt(nearest)),
                // A name that is near to none may be a secret in the wrong place: it is not repeated.
                None => (&path[..path.len().saturating_sub(1)], unknown_name(known)),
            };
            let at = std::iter::once(part.to_owned()).chain(path.iter().cloned()).collect();
            return Err(Error::Invalid(Invalid { at, why }));
        };
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = std::iter::once(part).chain(path.iter().map(String::as_str));
        let name: String = name.collect::<Vec<_>>().join(".");
        if names.len() < Self::MAX && !names.contains(&name) {
            names.push(name);
        }
        Ok(())
    }

    /// The names for the header `relay-ignored`; `None` if every name was known. Characters that a
    /// header cannot hold are percent-encoded.
    pub(crate) fn header(&self) -> Option<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |name: &String| {
            let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'%');
            let shown = name.bytes().take(100).map(|byte| match plain(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            });
            shown.collect::<String>()
        };
        let names: Vec<_> = names.iter().map(shown).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}
