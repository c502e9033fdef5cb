//! Rehearsal of a sender: a body is signed as its sender would sign it, and judged as a real request
//! is judged.

use http::{HeaderMap, HeaderName};

use super::{MessageToSign, Scheme, SignatureRefusal, Verification};
use crate::{secret::Secret, time::Timestamp};

/// Why a rehearsed request would be refused. The caller may read the text.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalRefusal {
    /// No secret, or no header that could carry a signature.
    #[error("it has no usable secret")]
    NoSecret,
    /// The secret is not in the scheme's encoding, or the scheme has no form of a signature.
    #[error("it cannot be signed")]
    Unsigned,
    /// The signature does not hold.
    #[error("{0}")]
    Refused(SignatureRefusal),
}

impl Scheme {
    /// Signs a body with the first of these secrets and judges the signed request against all of
    /// them.
    ///
    /// # Errors
    ///
    /// A [`RehearsalRefusal`] if the body cannot be signed, or its signature would be refused.
    pub fn rehearse(
        &self,
        secrets: &[Secret],
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verification, RehearsalRefusal> {
        let (Some(secret), Some(names)) = (secrets.first(), self.headers.first()) else {
            return Err(RehearsalRefusal::NoSecret);
        };
        let mut headers = HeaderMap::new();
        let mut set = |name: &str, value: String| {
            let name = name.parse::<HeaderName>().ok()?;
            headers.insert(name, value.try_into().ok()?);
            Some(())
        };
        let message = MessageToSign { at: Some(now), body, ..MessageToSign::default() };
        self.sign(secret, &message)
            .and_then(|signature| set(&names.signature, signature))
            .ok_or(RehearsalRefusal::Unsigned)?;
        if let Some(name) = &names.timestamp {
            set(name, now.secs().to_string());
        }
        self.verify(secrets, &headers, body, now).map_err(RehearsalRefusal::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn a_rehearsed_body_passes_with_a_secret_and_not_without() {
        let scheme = &Profile::named("modal-omtx").expect("known").scheme;
        let secret = Secret::new("0123456789abcdef01234567");
        let now = Timestamp(1_700_000_000_000);
        scheme.rehearse(std::slice::from_ref(&secret), b"{}", now).expect("passes");
        let timed = &Profile::named("slack").expect("known").scheme;
        let verified = timed.rehearse(&[secret], b"{}", now).expect("passes, with its time");
        assert_eq!(verified.timestamp, Some(now.secs()));
        let refused = scheme.rehearse(&[], b"{}", now);
        assert!(matches!(refused, Err(RehearsalRefusal::NoSecret)));
    }
}
