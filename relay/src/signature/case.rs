//! A signed request together with the profile, secrets and time that verify the request.

use domain::{
    profile::Profile,
    secret::Secret,
    signature::{Scheme, SignatureRefusal, SignedRequest, Verification},
    time::Timestamp,
};
use http::HeaderMap;

/// A signed request together with the profile, secrets and time that verify the request.
#[derive(Clone, Debug)]
pub(super) struct SignatureCase {
    /// The name of the profile.
    pub(super) name: String,
    pub(super) profile: Profile,
    /// The secrets of the source, newest first.
    pub(super) secrets: Vec<Secret>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) url: Option<String>,
    /// The time of arrival.
    pub(super) now: Timestamp,
}

impl SignatureCase {
    /// Verifies the request as the relay would.
    ///
    /// # Errors
    /// The reason why the relay would refuse the request.
    pub(super) fn judge(&self) -> Result<Verification, SignatureRefusal> {
        let request = SignedRequest {
            headers: &self.headers,
            body: &self.body,
            url: self.url.as_deref(),
            token: None,
        };
        self.profile.judge(&self.secrets, &request, self.now, false)
    }

    /// A copy with only the scheme whose headers the request has. A profile may accept several schemes.
    pub(super) fn presented(&self) -> Self {
        let mut case = self.clone();
        let request =
            SignedRequest { headers: &self.headers, body: &self.body, url: None, token: None };
        let found = self.profile.schemes().find(|scheme| scheme.is_presented(&request)).cloned();
        case.profile.scheme = found.unwrap_or_else(|| self.profile.scheme.clone());
        case.profile.also = Vec::new();
        case
    }

    /// A copy that accepts a timestamp of any age.
    pub(super) fn timeless(&self) -> Self {
        let mut timeless = self.clone();
        timeless.profile.scheme.past_seconds = u64::MAX;
        timeless.profile.scheme.future_seconds = u64::MAX;
        timeless
    }

    /// Whether the relay would accept the request.
    pub(super) fn holds(&self) -> bool {
        self.judge().is_ok()
    }

    /// The first scheme of the profile.
    pub(super) const fn scheme(&self) -> &Scheme {
        &self.profile.scheme
    }
}

/// A request whose signature is to be checked, with the secret at hand.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    /// Profile of the sender.
    pub(crate) profile: &'a str,
    /// The secret of the source.
    pub(crate) secret: &'a Secret,
    /// Headers of the request as a JSON object.
    pub(crate) headers: &'a str,
    /// Raw body.
    pub(crate) body: &'a str,
    /// URL that the sender called.
    pub(crate) url: Option<&'a str>,
    /// Time of arrival in RFC 3339; now if it is `None`.
    pub(crate) at: Option<&'a str>,
}
