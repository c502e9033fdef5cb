//! Signing, as senders do it: for deliveries in another system's form, for `relay sign` and for
//! tests.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Scheme, template::SignedParts};
use crate::{secret::Secret, time::Timestamp};

/// The parts of a message that may be under a signature.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageToSign<'a> {
    /// The message id.
    pub id: Option<&'a str>,
    /// The time of signing.
    pub at: Option<Timestamp>,
    /// A nonce, or any other text in a header under the signature.
    pub nonce: Option<&'a str>,
    /// The URL that is called, with its query.
    pub url: Option<&'a str>,
    /// The raw body.
    pub body: &'a [u8],
}

impl Scheme {
    /// One signature by one secret, in the scheme's first format. `None` if the secret is not in
    /// the scheme's encoding.
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

    /// The headers of a signed request, with the scheme's first set of names. All secrets sign if
    /// the header can hold several signatures, else only the first. `None` if no secret can sign,
    /// or a part that has a header is missing.
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

/// One signature by one secret, in the scheme's first format.
pub fn sign(
    scheme: &Scheme,
    secret: &Secret,
    id: Option<&str>,
    at: Option<Timestamp>,
    body: &[u8],
) -> Option<String> {
    scheme.sign(secret, &MessageToSign { id, at, body, ..MessageToSign::default() })
}

/// The `webhook-signature` header of Standard Webhooks: `v1` for each shared secret and `v1a` for
/// each key pair, in the order of the secrets.
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
