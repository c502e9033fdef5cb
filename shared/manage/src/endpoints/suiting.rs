//! Settings of an endpoint that a portal's session may choose. The others are the owner's: they say how
//! much work the relay does for an endpoint, or what of the sender's request leaves the relay.

use domain::portal::Capability;

use super::EndpointDraft;
use crate::{Principal, Refusal, secrets::SecretDraft};

impl EndpointDraft {
    /// Requires that the caller may choose what the draft sets: a portal's session chooses address, event
    /// types, channels, filter, headers, rate and the words for people.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`] with the name of the first field that a portal does not set, or of an address
    /// that is none of HTTP.
    pub fn must_suit(&self, principal: &Principal) -> Result<(), Refusal> {
        if !principal.is_portal() {
            return Ok(());
        }
        if let Some(field) = self.owners_field() {
            return Err(Refusal::field(field, "is set by the owner of the relay, not in a portal"));
        }
        let is_http = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if self.url.as_ref().is_some_and(|url| !is_http(url)) {
            return Err(Refusal::field("url", "begins with https:// in a portal"));
        }
        Ok(())
    }

    /// The first field of the draft that only the owner sets.
    fn owners_field(&self) -> Option<&'static str> {
        let (policy, pass_through) = (&self.policy, &self.pass_through);
        let fields = [
            ("max_retries", policy.max_retries.is_some()),
            ("timeout_seconds", policy.timeout_seconds.is_some()),
            ("delays", policy.delays.is_some()),
            ("retry_on", policy.retry_on.is_some()),
            ("give_up_on", policy.give_up_on.is_some()),
            ("success_on", policy.success_on.is_some()),
            ("profile", self.profile.is_some()),
            ("breaker", self.breaker.is_some()),
            ("ordering", self.ordering.is_some()),
            ("header_style", self.header_style.is_some()),
            ("body", pass_through.body.is_some()),
            ("forward_headers", pass_through.headers.is_some()),
        ];
        fields.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name)
    }
}

impl SecretDraft {
    /// Requires that the caller may choose a secret, if the draft has one.
    ///
    /// # Errors
    ///
    /// [`Refusal::Forbidden`] for a portal's session that does not manage secrets.
    pub fn must_suit(&self, principal: &Principal) -> Result<(), Refusal> {
        match self.text.is_some() || self.scheme.is_some() {
            true => principal.must_have(Capability::ManageEndpointSecret),
            false => Ok(()),
        }
    }
}
