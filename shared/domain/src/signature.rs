//! Signatures over raw bytes, of requests that arrive and of requests that are sent.
//!
//! Nothing in a request is trusted, parsed or copied before its MAC holds, except for the few
//! bounded header bytes that the MAC needs.

mod form;
mod grammar;
mod key;
mod rehearsal;
mod sign;
mod split;
mod template;
mod verdict;
pub mod words;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

pub use self::{
    grammar::TimestampForm,
    key::{Algorithm, KeyEncoding, key_set, token_hash},
    rehearsal::RehearsalRefusal,
    sign::{MessageToSign, sign, sign_standard},
    template::{BadTemplate, Content, Format, SignedParts},
    verdict::{SignatureRefusal, Verification},
};
use self::{
    grammar::{MAX_TIMESTAMP, single},
    template::Part,
};
use crate::{json::JsonFields, secret::Secret, time::Timestamp};

/// The signature scheme of one kind of sender.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The sets of header names that are accepted. The first set counts whose signature header is
    /// present.
    #[serde(default)]
    pub headers: Vec<HeaderNames>,
    /// The algorithm of the signature.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Accepted forms of a signature, such as `sha256={hex}`. The relay itself writes the first.
    #[serde(default)]
    pub formats: Vec<Format>,
    /// The character between several signatures in one header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// The text before the time of signing, such as `t=`, if that is one of the separated parts of
    /// the signature header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_prefix: Option<String>,
    /// The dotted path of the time of signing in the body, if the signed body contains it. The time
    /// is judged once the MAC holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_path: Option<String>,
    /// The form of the time of signing.
    #[serde(default)]
    pub timestamp_form: TimestampForm,
    /// The bytes that are signed, such as `{id}.{timestamp}.{body}`.
    #[serde(default)]
    pub content: Content,
    /// Greatest age of the time of signing, in seconds.
    #[serde(default = "five_minutes")]
    pub past_seconds: u64,
    /// Greatest time by which the time of signing may be ahead of the relay's clock, in seconds.
    #[serde(default = "five_minutes")]
    pub future_seconds: u64,
    /// The encoding of key bytes in the secret's text.
    #[serde(default)]
    pub key: KeyEncoding,
    /// Whether the idempotency key is a hash of all that is signed, and not of the body alone.
    /// Needed where equal bodies are different reports, or one report has several encodings.
    #[serde(default)]
    pub fingerprint: bool,
}

const fn five_minutes() -> u64 {
    300
}

/// One set of header names, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderNames {
    /// The header of the signature.
    pub signature: String,
    /// The header of the message id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The header of the time of signing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The header of a nonce, or of any other text under the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// A request, as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The raw body.
    pub body: &'a [u8],
    /// The URL that the sender called, with its query. The relay's settings say it, never the
    /// request's headers.
    pub url: Option<&'a str>,
    /// The token in the path.
    pub token: Option<&'a str>,
}

/// Longest signature header that is read, in bytes: longer than [`MAX_SIGNATURES`] signatures are.
const MAX_HEADER: usize = 4096;
/// Most signatures in one header that are read: more than the secrets that a sender rotates.
const MAX_SIGNATURES: usize = 16;
/// Longest message id or nonce that is read, in bytes.
const MAX_ID: usize = 256;
/// Greatest tolerance of an owner's scheme, in seconds: an hour, as of a source.
const MAX_TOLERANCE: u64 = 3600;

impl Scheme {
    /// Whether the message id is under the MAC.
    pub fn signs_id(&self) -> bool {
        self.content.has(&Part::Id)
    }

    /// Whether the time of signing is under the MAC. If it is not, a captured request can be sent
    /// again with a new timestamp, so its idempotency key must be kept as long as the event.
    pub fn is_replay_safe(&self) -> bool {
        self.content.has(&Part::Timestamp) || self.timestamp_path.is_some()
    }

    /// The scheme in a few words, such as `hmac-sha256 over {timestamp}.{body}`; `token` if nothing is
    /// signed.
    pub fn words(&self) -> String {
        match self.algorithm {
            Algorithm::Token => Algorithm::Token.word().to_owned(),
            algorithm => {
                format!("{} over {}", algorithm.word(), String::from(self.content.clone()))
            }
        }
    }

    /// Whether the called URL is under the MAC.
    pub fn signs_url(&self) -> bool {
        self.content.has(&Part::Url)
    }

    /// Whether the request carries this scheme's signature header or, for the scheme of tokens, a
    /// token.
    pub fn is_presented(&self, request: &SignedRequest<'_>) -> bool {
        match self.algorithm {
            Algorithm::Token => request.token.is_some(),
            _ => self.headers.iter().any(|names| request.headers.contains_key(&names.signature)),
        }
    }

    /// A problem of a scheme that an owner put together, in words; `None` if the scheme can work.
    pub fn problem(&self) -> Option<&'static str> {
        if self.algorithm == Algorithm::Token {
            return None;
        }
        let every = |named: fn(&HeaderNames) -> bool| self.headers.iter().all(named);
        let lower = |name: &str| {
            http::HeaderName::from_bytes(name.as_bytes()).is_ok_and(|known| known.as_str() == name)
        };
        if self.headers.is_empty() || !self.headers.iter().all(|names| names.all().all(lower)) {
            return Some("`headers` needs names in lower case");
        }
        if self.formats.is_empty() {
            return Some("`formats` needs a spelling, such as sha256={hex}");
        }
        if self.timestamp_prefix.is_some() && self.separator.is_none() {
            return Some("`timestamp_prefix` needs a `separator`");
        }
        let timed = self.timestamp_prefix.is_some() || every(|names| names.timestamp.is_some());
        if self.content.has(&Part::Timestamp) && !timed {
            return Some("`content` has {timestamp}, but no header does");
        }
        if self.content.has(&Part::Id) && !every(|names| names.id.is_some()) {
            return Some("`content` has {id}, but no header does");
        }
        if self.content.has(&Part::Nonce) && !every(|names| names.nonce.is_some()) {
            return Some("`content` has {nonce}, but no header does");
        }
        if self.content.has(&Part::Form) && !self.fingerprint {
            return Some("{form} has several spellings and needs `fingerprint`");
        }
        if MAX_TOLERANCE < self.past_seconds.max(self.future_seconds) {
            return Some("`past_seconds` and `future_seconds` are at most 3600");
        }
        if self.content.boundaries(self.timestamp_form, true).is_none() {
            return Some(
                "`content` can be split in two ways, so that one signature would hold for several \
                 requests: only one of {url}, {body}, {base64:body} and {form} may stand in it, and \
                 between it and {id}, {nonce} or {timestamp} a character such as a dot",
            );
        }
        None
    }

    /// Judges a request by headers and body.
    ///
    /// # Errors
    /// If no secret made a signature of the request, or the request is too old.
    pub fn verify(
        &self,
        secrets: &[Secret],
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verification, SignatureRefusal> {
        self.judge(secrets, &SignedRequest { headers, body, url: None, token: None }, now)
    }

    /// Judges a request by all its parts.
    ///
    /// # Errors
    /// If no secret made a signature of the request, or the request is too old.
    pub fn judge(
        &self,
        secrets: &[Secret],
        request: &SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<Verification, SignatureRefusal> {
        if self.algorithm == Algorithm::Token {
            return judge_token(secrets, request.token);
        }
        let keys: Vec<_> = secrets
            .iter()
            .enumerate()
            .filter_map(|(index, secret)| Some((index, self.key.decode(secret)?)))
            .collect();
        let headers = request.headers;
        let names = self.headers.iter().find(|names| headers.contains_key(&names.signature));
        let Some(names) = names.or(self.headers.first()).filter(|_| !keys.is_empty()) else {
            return Err(SignatureRefusal::NoSecret);
        };
        let signature = single(headers, &names.signature, MAX_HEADER)?;
        let optional = |name: &Option<String>, max| match name {
            Some(name) => single(headers, name, max).map(Some),
            None => Ok(None),
        };
        let id = optional(&names.id, MAX_ID)?;
        let nonce = optional(&names.nonce, MAX_ID)?;
        let (parts, prefixed) = self.parts(signature, &names.signature)?;
        let (text, name) = match &names.timestamp {
            Some(name) => (Some(single(headers, name, MAX_TIMESTAMP)?), name),
            None => (prefixed, &names.signature),
        };
        let mut timestamp = match text {
            Some(text) => Some(self.timestamp_form.parse(text).ok_or_else(|| malformed(name))?),
            None => None,
        };
        if let Some(at) = timestamp {
            self.judge_time(at, now)?;
        }
        let tags = self.tags(&parts).ok_or_else(|| malformed(&names.signature))?;
        let signed =
            SignedParts { id, timestamp: text, nonce, url: request.url, body: request.body };
        self.judge_boundaries(names, &signed)?;
        let (secret, fingerprint) = self.matching(&keys, &signed, &tags)?;
        if let Some(path) = &self.timestamp_path {
            let at = self.time_in(request.body, path)?;
            self.judge_time(at, now)?;
            timestamp = Some(at);
        }
        Ok(Verification {
            id: id.map(str::to_owned),
            timestamp,
            scheme: 0,
            secret,
            signs_id: self.signs_id(),
            replay_safe: self.is_replay_safe(),
            token: false,
            fingerprint,
        })
    }

    /// The number of the secret that made one of the signatures, and the fingerprint of what it
    /// signed.
    fn matching(
        &self,
        keys: &[(usize, Secret)],
        signed: &SignedParts<'_>,
        tags: &[Vec<u8>],
    ) -> Result<(usize, Option<String>), SignatureRefusal> {
        let spellings = match (self.signs_url(), signed.url) {
            (true, Some(url)) => form::spellings(url),
            (true, None) => return Err(SignatureRefusal::Uncovered),
            (false, _) => vec![String::new()],
        };
        if self.content.has(&Part::Form)
            && !form::covers(signed.url.unwrap_or_default(), signed.body)
        {
            return Err(SignatureRefusal::Uncovered);
        }
        for url in &spellings {
            let signed = SignedParts { url: Some(url), ..*signed };
            for (index, key) in keys {
                if self.algorithm.holds(key.expose(), &self.content, &signed, tags) {
                    // In one spelling of the URL, whichever it came with.
                    let signed =
                        SignedParts { url: spellings.first().map(String::as_str), ..signed };
                    let print = self.fingerprint.then(|| self.content.fingerprint(&signed));
                    return Ok((*index, print));
                }
            }
        }
        Err(SignatureRefusal::Mismatch)
    }

    fn judge_time(&self, at: u64, now: Timestamp) -> Result<(), SignatureRefusal> {
        let (past, future) = (now.secs().saturating_sub(at), at.saturating_sub(now.secs()));
        if self.past_seconds < past {
            return Err(SignatureRefusal::Past(past));
        }
        if self.future_seconds < future {
            return Err(SignatureRefusal::Future(future));
        }
        Ok(())
    }

    /// The time of signing in the signed body.
    fn time_in(&self, body: &[u8], path: &str) -> Result<u64, SignatureRefusal> {
        let fields = JsonFields::read(body, [path]).unwrap_or_default();
        let text = fields.text(path);
        let at = text.and_then(|text| self.timestamp_form.parse(&text));
        at.ok_or_else(|| SignatureRefusal::Undated(path.to_owned()))
    }

    /// The parts of a signature header and, apart from them, the time of signing if it is one of
    /// the parts.
    fn parts<'h>(
        &self,
        header: &'h str,
        name: &str,
    ) -> Result<(Vec<&'h str>, Option<&'h str>), SignatureRefusal> {
        let mut parts: Vec<&str> = match self.separator {
            Some(separator) => header.split(separator).take(MAX_SIGNATURES + 1).collect(),
            None => vec![header],
        };
        if MAX_SIGNATURES < parts.len() {
            return Err(malformed(name));
        }
        let Some(prefix) = &self.timestamp_prefix else { return Ok((parts, None)) };
        let mut times = parts.iter().filter_map(|part| part.strip_prefix(prefix.as_str()));
        let (Some(time), None) = (times.next(), times.next()) else { return Err(malformed(name)) };
        parts.retain(|part| !part.starts_with(prefix.as_str()));
        Ok((parts, Some(time)))
    }

    /// The decoded signatures among the parts. An unknown version beside a known one is skipped, as
    /// Standard Webhooks asks.
    fn tags(&self, parts: &[&str]) -> Option<Vec<Vec<u8>>> {
        let length = self.algorithm.length();
        let decode = |part: &&str| self.formats.iter().find_map(|f| f.decode(part, length));
        let found: Vec<_> = parts.iter().filter_map(decode).collect();
        (!found.is_empty()).then_some(found)
    }
}

fn malformed(name: &str) -> SignatureRefusal {
    SignatureRefusal::Malformed(name.to_owned())
}

/// Judges a request by the token in its path. The secrets of a source with tokens are the tokens'
/// hashes.
fn judge_token(secrets: &[Secret], token: Option<&str>) -> Result<Verification, SignatureRefusal> {
    let hash = token.map(token_hash).ok_or(SignatureRefusal::Token)?;
    let known = secrets.iter().position(|secret| key::same_hash(&hash, secret));
    let secret = known.ok_or(SignatureRefusal::Token)?;
    Ok(Verification { secret, token: true, ..Verification::default() })
}

impl HeaderNames {
    /// All names of the set.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let others = [&self.id, &self.timestamp, &self.nonce];
        [self.signature.as_str()]
            .into_iter()
            .chain(others.into_iter().flatten().map(String::as_str))
    }
}

#[cfg(test)]
mod tests;
