//! The request that an event came with, as it is recorded and shown: method, path, query, headers, and
//! the reason for which the sender was believed. Secrets are masked before anything is recorded.
//!
//! The value of a header that an endpoint may want to receive ([`may_be_forwarded`]) and that is not
//! shown in full is recorded sealed beside its mask.

mod masking;

use std::{collections::BTreeSet, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use self::masking::{Masking, shown_path, shown_query};
use crate::{
    headers::{self, may_be_forwarded},
    profile::Profile,
    secret::SealedSecret,
    signature::HeaderNames,
};

/// Most headers that are recorded of a request; the others are counted.
pub const MAX_HEADERS: usize = 64;
/// Most bytes of recorded headers, names and values together, as they came: 8 KiB.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// The request that an event came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The HTTP method of the request.
    pub method: String,
    /// The path. A path token is replaced by a mask.
    pub path: String,
    /// The query without its question mark, secrets replaced by masks. `None` for a request without
    /// a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The address of the caller; `None` if the server before the relay did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<IpAddr>,
    /// The length of the body as it came, in bytes.
    pub bytes: u64,
    /// The headers, at most [`MAX_HEADERS`] and [`MAX_HEADER_BYTES`].
    pub headers: Vec<RequestHeader>,
    /// The number of headers beyond these bounds.
    #[serde(default, skip_serializing_if = "is_none")]
    pub headers_left_out: usize,
    /// The reason for which the sender was believed.
    pub verdict: RequestVerdict,
}

/// A header of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHeader {
    /// The name, in lower case.
    pub name: String,
    /// The value as it may be shown: a mask with the value's length for a secret. Bytes that are not
    /// UTF-8 are replaced.
    pub value: String,
    /// Whether `value` is not the value that came, because it is a mask or bytes were replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub altered: bool,
    /// The value that came, sealed with [`RequestRecord::owner`]. `None` if `value` is that value, if no
    /// endpoint may receive the header, or if no endpoint asked for the header when the event was
    /// recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedSecret>,
}

/// The reason for which a sender was believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVerdict {
    /// The name of the source's profile.
    pub profile: String,
    /// The signature scheme that held, as [`Scheme::words`](crate::signature::Scheme::words) puts it.
    pub scheme: String,
    /// The secret of the source that made the signature. `None` if a published key did, or a token of
    /// one job vouched for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretMark>,
    /// The age of the time of signing when the request was judged, in seconds; below 0 if the sender's
    /// clock was ahead. `None` for a request without such a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_age_s: Option<i64>,
}

/// One of a source's secrets, by a mark of which nobody learns the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretMark {
    /// The place among the source's secrets, the newest being 1.
    pub position: usize,
    /// The first 8 hex digits of an HMAC of the secret under the relay's master key.
    pub fingerprint: String,
}

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct ArrivedRequest<'a> {
    /// The HTTP method of the request.
    pub method: &'a str,
    /// The path as it was called.
    pub path: &'a str,
    /// The query as it was called.
    pub query: Option<&'a str>,
    /// The token in the path, if there is one. It is the last segment.
    pub token: Option<&'a str>,
    /// The address of the caller.
    pub caller: Option<IpAddr>,
    /// All headers of the request.
    pub headers: &'a HeaderMap,
    /// The length of the body, in bytes.
    pub bytes: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

impl RequestRecord {
    /// The record of a request that was accepted. `seal` seals the value of the header with this name.
    ///
    /// Headers that the profile reads, and those that say what the body is, are chosen before all
    /// others, so that a sender with many headers does not lose them.
    pub fn of(
        request: &ArrivedRequest<'_>,
        profile: &Profile,
        verdict: RequestVerdict,
        seal: impl Fn(&str, &[u8]) -> SealedSecret,
    ) -> Self {
        let (query, hidden) = request.query.map(shown_query).unzip();
        let mut hidden = hidden.unwrap_or_default();
        hidden.extend(request.token.map(str::to_owned));
        let masking = Masking::new(profile, hidden);
        let header = |(name, value): &(&HeaderName, &HeaderValue)| {
            let (name, value) = (name.as_str(), value.as_bytes());
            let text = std::str::from_utf8(value).ok();
            let masked = masking.hides(name, value);
            let altered = masked || text.is_none();
            RequestHeader {
                name: name.to_owned(),
                value: match masked {
                    true => masking::mask(value.len()),
                    false => String::from_utf8_lossy(value).into_owned(),
                },
                altered,
                sealed: (altered && may_be_forwarded(name)).then(|| seal(name, value)),
            }
        };
        let chosen = chosen(request.headers, &names_of(profile));
        Self {
            method: request.method.to_owned(),
            path: shown_path(request.path, request.token.is_some()),
            query,
            caller: request.caller,
            bytes: request.bytes as u64,
            headers_left_out: request.headers.len() - chosen.len(),
            headers: chosen.iter().map(header).collect(),
            verdict,
        }
    }

    /// The associated data with which the value of a header is sealed. `arrival` is the random name of
    /// the request's arrival.
    pub fn owner(arrival: &str, name: &str) -> String {
        format!("request:{arrival}:{name}")
    }

    /// Forgets sealed values of headers that are not among `asked`, which are in lower case: nobody can
    /// receive them.
    pub fn keep_sealed(&mut self, asked: &BTreeSet<&str>) {
        for header in &mut self.headers {
            header.sealed = header.sealed.take().filter(|_| asked.contains(header.name.as_str()));
        }
    }

    /// The media type of the body, as the sender named it.
    pub fn content_type(&self) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.name == "content-type");
        header.map(|header| header.value.as_str())
    }
}

/// The names of the headers that a profile reads.
fn names_of(profile: &Profile) -> BTreeSet<&str> {
    let sets = profile.schemes().flat_map(|scheme| &scheme.headers);
    let names = sets.flat_map(HeaderNames::all);
    names.chain(profile.mapping.event_type_header.as_deref()).collect()
}

/// The headers that are recorded, in their order.
fn chosen<'h>(
    headers: &'h HeaderMap,
    names: &BTreeSet<&str>,
) -> Vec<(&'h HeaderName, &'h HeaderValue)> {
    let comes_first = |name: &HeaderName| {
        headers::OF_THE_BODY.contains(&name.as_str()) || names.contains(name.as_str())
    };
    let (mut places, mut room) = (MAX_HEADERS, MAX_HEADER_BYTES);
    let mut fits = |name: &HeaderName, value: &HeaderValue| {
        let size = name.as_str().len() + value.len();
        let fits = 0 < places && size <= room;
        if fits {
            places -= 1;
            room -= size;
        }
        fits
    };
    let mut chosen = vec![false; headers.len()];
    for first in [true, false] {
        for (taken, (name, value)) in chosen.iter_mut().zip(headers) {
            *taken |= comes_first(name) == first && fits(name, value);
        }
    }
    headers.iter().zip(chosen).filter(|(_, taken)| *taken).map(|(header, _)| header).collect()
}

#[cfg(test)]
mod tests;
