//! Who is calling: signatures over raw bytes, in and out.
//!
//! Nothing in a request is trusted, parsed or copied before its MAC holds, but for the few bounded
//! header bytes that the MAC needs.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    secret::{SYMMETRIC_PREFIX, Secret},
    time::Timestamp,
};

/// How a kind of sender signs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The names its headers may have; the first set whose signature header is present counts.
    pub headers: Vec<HeaderNames>,
    /// Accepted spellings of a signature, such as `sha256={hex}`.
    pub formats: Vec<Format>,
    /// What separates several signatures in one header.
    #[serde(default)]
    pub separator: Option<char>,
    /// The bytes that are signed, such as `{id}.{timestamp}.{body}`.
    pub content: Content,
    /// How old a timestamp may be, in seconds.
    #[serde(default = "five_minutes")]
    pub past_seconds: u64,
    /// How far ahead of us a timestamp may be, in seconds.
    #[serde(default = "five_minutes")]
    pub future_seconds: u64,
    /// How the secret's text becomes key bytes.
    pub key: KeyEncoding,
}

const fn five_minutes() -> u64 {
    300
}

/// One set of header names, in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderNames {
    /// The signature.
    pub signature: String,
    /// The message id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The time of signing, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// How a secret's text becomes key bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyEncoding {
    /// The text's own bytes.
    Raw,
    /// `whsec_` and base64.
    Whsec,
    /// Base64.
    Base64,
    /// Hexadecimal.
    Hex,
}

/// A spelling of a signature: literal text around `{hex}` or `{base64}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Format {
    prefix: String,
    hex: bool,
}

/// The bytes that are signed: literal text and `{id}`, `{timestamp}`, `{body}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Content(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Id,
    Timestamp,
    Body,
    Literal(String),
}

/// A template that says nothing we understand.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadTemplate(&'static str);

impl TryFrom<String> for Format {
    type Error = BadTemplate;

    fn try_from(text: String) -> Result<Self, BadTemplate> {
        if let Some(prefix) = text.strip_suffix("{hex}") {
            return Ok(Self { prefix: prefix.to_owned(), hex: true });
        }
        if let Some(prefix) = text.strip_suffix("{base64}") {
            return Ok(Self { prefix: prefix.to_owned(), hex: false });
        }
        Err(BadTemplate("a signature format ends in {hex} or {base64}, such as sha256={hex}"))
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format!("{}{}", format.prefix, if format.hex { "{hex}" } else { "{base64}" })
    }
}

impl TryFrom<String> for Content {
    type Error = BadTemplate;

    fn try_from(text: String) -> Result<Self, BadTemplate> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let known =
                [("{id}", Part::Id), ("{timestamp}", Part::Timestamp), ("{body}", Part::Body)]
                    .into_iter()
                    .find_map(|(name, part)| rest.strip_prefix(name).map(|after| (part, after)));
            if let Some((part, after)) = known {
                parts.push(part);
                rest = after;
                continue;
            }
            let next = rest[1..].find('{').map_or(rest.len(), |at| at + 1);
            parts.push(Part::Literal(rest[..next].to_owned()));
            rest = &rest[next..];
        }
        if !parts.contains(&Part::Body) {
            return Err(BadTemplate("the signed content must contain {body}"));
        }
        Ok(Self(parts))
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        let part = |part: &Part| match part {
            Part::Id => "{id}".to_owned(),
            Part::Timestamp => "{timestamp}".to_owned(),
            Part::Body => "{body}".to_owned(),
            Part::Literal(text) => text.clone(),
        };
        content.0.iter().map(part).collect()
    }
}

/// What the signature vouches for, and what stood beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The message id header.
    pub id: Option<String>,
    /// The timestamp header.
    pub timestamp: Option<u64>,
    /// Which of the secrets matched, counted from 0.
    pub secret: usize,
}

/// Why a request is refused: for the log and the metric, never for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody set a usable secret.
    #[error("the source has no usable secret")]
    NoSecret,
    /// A header that the scheme needs is not there.
    #[error("header {0} is missing")]
    Missing(String),
    /// A header stands more than once.
    #[error("header {0} is doubled")]
    Doubled(String),
    /// A header does not follow the grammar.
    #[error("header {0} is malformed")]
    Malformed(String),
    /// Signed too long ago.
    #[error("timestamp is {0} s in the past")]
    Past(u64),
    /// Signed too far ahead of our clock.
    #[error("timestamp is {0} s in the future")]
    Future(u64),
    /// No secret makes any of the signatures.
    #[error("no secret matches the signature")]
    Mismatch,
}

/// Longest signature header that is looked at, in bytes.
const MAX_HEADER: usize = 4096;
/// Most signatures in one header that are looked at.
const MAX_SIGNATURES: usize = 16;
/// Longest message id that is looked at, in bytes.
const MAX_ID: usize = 256;

impl Scheme {
    /// Whether the message id is under the MAC.
    pub fn signs_id(&self) -> bool {
        self.content.0.contains(&Part::Id)
    }

    /// Whether the time of signing is under the MAC. If not, a captured request can come again
    /// with a fresh timestamp, so its idempotency key must be kept as long as the event.
    pub fn is_replay_safe(&self) -> bool {
        self.content.0.contains(&Part::Timestamp)
    }

    /// Judges a request by its headers and raw body.
    pub fn verify(
        &self,
        secrets: &[Secret],
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Refusal> {
        let keys: Vec<_> = secrets.iter().filter_map(|secret| self.key.decode(secret)).collect();
        if keys.is_empty() {
            return Err(Refusal::NoSecret);
        }
        let names = self.headers.iter().find(|names| headers.contains_key(&names.signature));
        let Some(names) = names.or(self.headers.first()) else { return Err(Refusal::NoSecret) };
        let signature = single(headers, &names.signature, MAX_HEADER)?;
        let id = names.id.as_ref().map(|name| single(headers, name, MAX_ID)).transpose()?;
        let timestamp = match &names.timestamp {
            Some(name) => Some(timestamp(single(headers, name, 20)?, name)?),
            None => None,
        };
        if let Some(at) = timestamp {
            self.judge(at, now)?;
        }
        let candidates = self.candidates(signature, &names.signature)?;
        for (secret, key) in keys.iter().enumerate() {
            let mac = self.content.mac(key, id, timestamp, body);
            for candidate in &candidates {
                if mac.clone().verify_slice(candidate).is_ok() {
                    return Ok(Verified { id: id.map(str::to_owned), timestamp, secret });
                }
            }
        }
        Err(Refusal::Mismatch)
    }

    fn judge(&self, at: u64, now: Timestamp) -> Result<(), Refusal> {
        let now = now.secs();
        if at < now && self.past_seconds < now - at {
            return Err(Refusal::Past(now - at));
        }
        if now < at && self.future_seconds < at - now {
            return Err(Refusal::Future(at - now));
        }
        Ok(())
    }

    /// The signatures in a header, decoded; an unknown version beside a known one is skipped, as
    /// Standard Webhooks asks.
    fn candidates(&self, header: &str, name: &str) -> Result<Vec<[u8; 32]>, Refusal> {
        let malformed = || Refusal::Malformed(name.to_owned());
        let parts: Vec<&str> = match self.separator {
            Some(separator) => header.split(separator).take(MAX_SIGNATURES + 1).collect(),
            None => vec![header],
        };
        if MAX_SIGNATURES < parts.len() {
            return Err(malformed());
        }
        let decode = |part: &&str| self.formats.iter().find_map(|format| format.decode(part));
        let found: Vec<_> = parts.iter().filter_map(decode).collect();
        if found.is_empty() { Err(malformed()) } else { Ok(found) }
    }
}

/// The one value of a header, if it is printable ASCII of bounded length.
fn single<'h>(headers: &'h HeaderMap, name: &str, max: usize) -> Result<&'h str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Err(Refusal::Missing(name.to_owned())) };
    if values.next().is_some() {
        return Err(Refusal::Doubled(name.to_owned()));
    }
    match value.to_str() {
        Ok(text) if !text.is_empty() && text.len() <= max => Ok(text),
        _ => Err(Refusal::Malformed(name.to_owned())),
    }
}

/// Unix seconds in one spelling only: digits, no sign, no leading zero, at most 12 of them.
fn timestamp(text: &str, name: &str) -> Result<u64, Refusal> {
    let plain = text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(at) if plain && (text == "0" || !text.starts_with('0')) => Ok(at),
        _ => Err(Refusal::Malformed(name.to_owned())),
    }
}

impl Format {
    fn decode(&self, text: &str) -> Option<[u8; 32]> {
        let digits = text.strip_prefix(&self.prefix)?;
        let mut tag = [0; 32];
        if self.hex {
            hex::decode_to_slice(digits, &mut tag).ok()?;
        } else {
            // 32 bytes are 44 characters; the engine refuses missing padding and stray bits.
            if digits.len() != 44 {
                return None;
            }
            tag = STANDARD.decode(digits).ok()?.try_into().ok()?;
        }
        Some(tag)
    }

    fn encode(&self, tag: &[u8]) -> String {
        let digits = if self.hex { hex::encode(tag) } else { STANDARD.encode(tag) };
        format!("{}{digits}", self.prefix)
    }
}

impl Content {
    fn mac(&self, key: &[u8], id: Option<&str>, at: Option<u64>, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        for part in &self.0 {
            match part {
                Part::Id => mac.update(id.unwrap_or_default().as_bytes()),
                Part::Timestamp => mac.update(at.unwrap_or_default().to_string().as_bytes()),
                Part::Body => mac.update(body),
                Part::Literal(text) => mac.update(text.as_bytes()),
            }
        }
        mac
    }
}

impl KeyEncoding {
    /// The key bytes, if the text is in this encoding.
    pub fn decode(self, secret: &Secret) -> Option<Vec<u8>> {
        match self {
            Self::Raw => Some(secret.expose().to_vec()),
            Self::Whsec => STANDARD.decode(secret.as_str()?.strip_prefix(SYMMETRIC_PREFIX)?).ok(),
            Self::Base64 => STANDARD.decode(secret.as_str()?).ok(),
            Self::Hex => hex::decode(secret.as_str()?).ok(),
        }
    }
}

/// Signs as the scheme's sender would, with one secret.
pub fn sign(
    scheme: &Scheme,
    secret: &Secret,
    id: Option<&str>,
    at: Option<Timestamp>,
    body: &[u8],
) -> Option<String> {
    let key = scheme.key.decode(secret)?;
    let mac = scheme.content.mac(&key, id, at.map(Timestamp::secs), body);
    Some(scheme.formats.first()?.encode(&mac.finalize().into_bytes()))
}

/// The `webhook-signature` header of Standard Webhooks: one `v1` per live secret.
pub fn sign_standard<'s>(
    secrets: impl IntoIterator<Item = &'s Secret>,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> String {
    let scheme = &crate::profile::Profile::named("standard").expect("part of the build").scheme;
    let sign = |secret| sign(scheme, secret, Some(id), Some(at), body);
    secrets.into_iter().filter_map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
