//! A request, and what it is judged by.

use domain::{
    profile::Profile,
    secret::Secret,
    signature::{Scheme, SignatureRefusal, SignedRequest, Verification},
    time::Timestamp,
};
use http::HeaderMap;

/// A request, and what it is judged by.
#[derive(Clone, Debug)]
pub(super) struct SignatureCase {
    /// The profile's name.
    pub(super) name: String,
    pub(super) profile: Profile,
    /// Newest first.
    pub(super) secrets: Vec<Secret>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) url: Option<String>,
    /// When it arrived.
    pub(super) now: Timestamp,
}

impl SignatureCase {
    pub(super) fn judge(&self) -> Result<Verification, SignatureRefusal> {
        let request = SignedRequest {
            headers: &self.headers,
            body: &self.body,
            url: self.url.as_deref(),
            token: None,
        };
        self.profile.judge(&self.secrets, &request, self.now, false)
    }

    /// The same, with the scheme in front that its headers are of: a profile may accept several.
    pub(super) fn presented(&self) -> Self {
        let mut case = self.clone();
        let request =
            SignedRequest { headers: &self.headers, body: &self.body, url: None, token: None };
        let found = self.profile.schemes().find(|scheme| scheme.is_presented(&request)).cloned();
        case.profile.scheme = found.unwrap_or_else(|| self.profile.scheme.clone());
        case.profile.also = Vec::new();
        case
    }

    /// The same, whenever it was signed.
    pub(super) fn timeless(&self) -> Self {
        let mut timeless = self.clone();
        timeless.profile.scheme.past_seconds = u64::MAX;
        timeless.profile.scheme.future_seconds = u64::MAX;
        timeless
    }

    pub(super) fn holds(&self) -> bool {
        self.judge().is_ok()
    }

    pub(super) const fn scheme(&self) -> &Scheme {
        &self.profile.scheme
    }
}
