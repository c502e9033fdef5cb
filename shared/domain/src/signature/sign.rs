//! Signing, as the senders do it: for what we send, for `relay sign` and for tests.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Scheme, template::SignedParts};
use crate::{secret::Secret, time::Timestamp};

/// What is to be signed, beside the body.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageToSign<'a> {
    /// The message id.
    pub id: Option<&'a str>,
    /// The time of signing.
    pub at: Option<Timestamp>,
    /// A nonce, or whatever else stands in a header of its own under the signature.
    pub nonce: Option<&'a str>,
    /// The URL that is called, with its query.
    pub url: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl Scheme {
    /// One signature as the scheme's sender spells it: its first format, one secret. `None` if
    /// the secret is not in the scheme's encoding.
    pub fn sign(&self, secret: &Secret, message: &MessageToSign<'_>) -> Option<String> {
        let at = message.at.map(|at| self.timestamp_form.print(at));
        let key = self.key.decode(secret)?;
        let signed = SignedParts {
            id: message.id,
            timestamp: at.as_deref(),
            nonce: message.nonce,
            url: message.url,
            body: message.body,
        };
        let tag = self.algorithm.sign(key.expose(), &self.content, &signed)?;
        Some(self.formats.first()?.encode(&tag))
    }

    /// The headers of a signed request, by the first set of names: the signature of every secret
    /// where the scheme can carry several, else that of the first.
    pub fn headers<'s>(
        &self,
        secrets: impl IntoIterator<Item = &'s Secret>,
        message: &MessageToSign<'_>,
    ) -> Option<Vec<(String, String)>> {
        let names = self.headers.first()?;
        let most = if self.separator.is_some() { usize::MAX } else { 1 };
        let signatures = secrets.into_iter().filter_map(|secret| self.sign(secret, message));
        let mut values: Vec<_> = signatures.take(most).collect();
        if values.is_empty() {
            return None;
        }
        let at = message.at.map(|at| self.timestamp_form.print(at));
        if let (Some(prefix), Some(at)) = (&self.timestamp_prefix, &at) {
            values.insert(0, format!("{prefix}{at}"));
        }
        let separator = self.separator.map(String::from).unwrap_or_default();
        let mut headers = vec![(names.signature.clone(), values.join(&separator))];
        for (name, value) in [
            (&names.id, message.id),
            (&names.timestamp, at.as_deref()),
            (&names.nonce, message.nonce),
        ] {
            if let Some(name) = name {
                headers.push((name.clone(), value?.to_owned()));
            }
        }
        Some(headers)
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
    scheme.sign(secret, &MessageToSign { id, at, body, ..MessageToSign::default() })
}

/// The `webhook-signature` header of Standard Webhooks: a `v1` per live shared secret, a `v1a` per
/// live key pair, in the order in which they are given.
pub fn sign_standard<'s>(
    secrets: impl IntoIterator<Item = &'s Secret>,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> String {
    let scheme = &crate::profile::Profile::named("standard").expect("part of the build").scheme;
    let sign = |secret: &Secret| match secret.pair() {
        Some(pair) => {
            let mut message = format!("{id}.{}.", at.secs()).into_bytes();
            message.extend_from_slice(body);
            Some(format!("v1a,{}", STANDARD.encode(pair.sign(&message))))
        }
        None => sign(scheme, secret, Some(id), Some(at), body),
    };
    secrets.into_iter().filter_map(sign).collect::<Vec<_>>().join(" ")
}
