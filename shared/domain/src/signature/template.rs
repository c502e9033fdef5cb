//! The two templates of a scheme: the form of a signature, and the bytes that are signed.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::form;

/// The form of a signature: literal text followed by `{hex}` or `{base64}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Format {
    prefix: String,
    hex: bool,
}

/// The bytes that are signed: literal text, and `{id}`, `{timestamp}`, `{nonce}`, `{url}` (as the
/// sender called it), `{body}`, `{sha256:body}` (in hex), `{base64:body}` and `{form}` (Twilio's
/// form fields).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Content(Vec<Part>);

/// A part of the signed content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Id,
    Timestamp,
    Nonce,
    Url,
    Body,
    BodySha256,
    BodyBase64,
    Form,
    Literal(String),
}

const NAMES: [(&str, Part); 8] = [
    ("{id}", Part::Id),
    ("{timestamp}", Part::Timestamp),
    ("{nonce}", Part::Nonce),
    ("{url}", Part::Url),
    ("{body}", Part::Body),
    ("{sha256:body}", Part::BodySha256),
    ("{base64:body}", Part::BodyBase64),
    ("{form}", Part::Form),
];

/// A template that cannot be used. The message says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadTemplate(&'static str);

/// The values of a template's names.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignedParts<'a> {
    /// The message id.
    pub id: Option<&'a str>,
    /// The time of signing, in the form in which it stands in the request.
    pub timestamp: Option<&'a str>,
    /// A nonce, or any other text in a header under the signature.
    pub nonce: Option<&'a str>,
    /// The URL that the sender called, with its query.
    pub url: Option<&'a str>,
    /// The raw body.
    pub body: &'a [u8],
}

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

impl Format {
    /// The literal text before the digits.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the digits are hexadecimal; otherwise they are base64.
    pub const fn is_hex(&self) -> bool {
        self.hex
    }

    /// The signature, if `text` has this form and exactly `length` bytes.
    pub(super) fn decode(&self, text: &str, length: usize) -> Option<Vec<u8>> {
        let digits = text.strip_prefix(&self.prefix)?;
        let written = if self.hex { 2 * length } else { 4 * length.div_ceil(3) };
        // Hexadecimal in capitals is the same number, but no sender writes it, and to the senders'
        // own libraries it is another signature.
        if digits.len() != written || self.hex && digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        // The engine refuses missing padding and stray bits.
        let tag =
            if self.hex { hex::decode(digits).ok()? } else { STANDARD.decode(digits).ok()? };
        (tag.len() == length).then_some(tag)
    }

    /// The signature in this form.
    pub(super) fn encode(&self, tag: &[u8]) -> String {
        let digits = if self.hex { hex::encode(tag) } else { STANDARD.encode(tag) };
        format!("{}{digits}", self.prefix)
    }
}

impl Default for Content {
    fn default() -> Self {
        Self(vec![Part::Body])
    }
}

impl TryFrom<String> for Content {
    type Error = BadTemplate;

    fn try_from(text: String) -> Result<Self, BadTemplate> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let known = NAMES
                .iter()
                .find_map(|(name, part)| rest.strip_prefix(name).map(|after| (part, after)));
            if let Some((part, after)) = known {
                parts.push(part.clone());
                rest = after;
                continue;
            }
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let next = rest[first..].find('{').map_or(rest.len(), |at| at + first);
            parts.push(Part::Literal(rest[..next].to_owned()));
            rest = &rest[next..];
        }
        let covers = [Part::Body, Part::BodySha256, Part::BodyBase64, Part::Form];
        if !parts.iter().any(|part| covers.contains(part)) {
            return Err(BadTemplate("the signed content must contain {body}"));
        }
        if parts.contains(&Part::Form) && !parts.contains(&Part::Url) {
            return Err(BadTemplate("{form} goes with {url}"));
        }
        Ok(Self(parts))
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            named => {
                let name = NAMES.iter().find(|(_, part)| part == named);
                name.map_or_else(Self::new, |(name, _)| (*name).to_owned())
            }
        };
        content.0.iter().map(part).collect()
    }
}

impl Content {
    /// The parts, in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether the content contains this part.
    pub(super) fn has(&self, part: &Part) -> bool {
        self.0.contains(part)
    }

    /// Hands the signed bytes over piece by piece, so that a body of megabytes is not copied.
    pub(super) fn feed(&self, signed: &SignedParts<'_>, sink: &mut dyn FnMut(&[u8])) {
        let text = |text: Option<&str>, sink: &mut dyn FnMut(&[u8])| {
            sink(text.unwrap_or_default().as_bytes());
        };
        for part in &self.0 {
            match part {
                Part::Id => text(signed.id, sink),
                Part::Timestamp => text(signed.timestamp, sink),
                Part::Nonce => text(signed.nonce, sink),
                Part::Url => text(signed.url, sink),
                Part::Body => sink(signed.body),
                Part::BodySha256 => sink(hex::encode(Sha256::digest(signed.body)).as_bytes()),
                // Whole groups of three bytes, so that padding comes at the end only.
                Part::BodyBase64 => {
                    signed.body.chunks(3072).for_each(|chunk| {
                        sink(STANDARD.encode(chunk).as_bytes());
                    });
                }
                Part::Form => form::feed(signed.url.unwrap_or_default(), signed.body, sink),
                Part::Literal(text) => sink(text.as_bytes()),
            }
        }
    }

    /// The signed bytes in one piece.
    pub(super) fn bytes(&self, signed: &SignedParts<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.feed(signed, &mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// SHA-256 over the signed bytes, in hex.
    pub(super) fn fingerprint(&self, signed: &SignedParts<'_>) -> String {
        let mut hash = Sha256::new();
        self.feed(signed, &mut |piece| hash.update(piece));
        hex::encode(hash.finalize())
    }
}
