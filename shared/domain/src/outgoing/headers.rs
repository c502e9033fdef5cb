//! The headers of an attempt: those of the owner, replaced by those of Standard Webhooks, and those
//! of the system on top.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::HeaderStyle;
use crate::{
    json::JsonFields,
    profile::{OutgoingProfile, Profile},
    secret::{Secret, SecretKind},
    signature::{self, MessageToSign},
    time::Timestamp,
};

/// The facts that the headers of an attempt are made of.
#[derive(Clone, Copy, Debug)]
pub struct HeaderContext<'a> {
    /// The live secrets, newest first.
    pub secrets: &'a [Secret],
    /// Whether the endpoint's owner ever set a secret.
    pub owner_has_secret: bool,
    /// The value of the header `webhook-id`.
    pub id: &'a str,
    /// The type of the event.
    pub event_type: &'a str,
    /// A text that no other attempt has.
    pub nonce: &'a str,
    /// The time of the attempt.
    pub at: Timestamp,
    /// The body that is sent.
    pub body: &'a [u8],
    /// The `User-Agent` that the relay sends if the profile names none.
    pub user_agent: &'a str,
    /// The names of the headers of Standard Webhooks.
    pub style: HeaderStyle,
}

/// The headers of Standard Webhooks, which every call has.
pub const HEADERS_OF_OURS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// The names of Svix for the same headers, which calls in [`HeaderStyle::Svix`] have as well.
pub const HEADERS_OF_SVIX: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];

/// The headers of an attempt; `None` if a value cannot stand in a header.
pub fn headers(
    profile: Option<&Profile>,
    own: &BTreeMap<String, Secret>,
    call: HeaderContext<'_>,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in own {
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name).ok()?, value);
    }
    let system = profile.and_then(|profile| Some((profile, profile.out.as_ref()?)));
    let agent = system.and_then(|(_, out)| out.user_agent.as_deref()).unwrap_or(call.user_agent);
    let keys: Vec<Secret> = call.secrets.iter().map(Secret::standard).collect();
    let signed = signature::sign_standard(&keys, call.id, call.at, call.body);
    let mut set = |name: &str, value: &str| {
        let name = HeaderName::try_from(name).ok()?;
        headers.insert(name, HeaderValue::try_from(value).ok()?);
        Some(())
    };
    set(header::CONTENT_TYPE.as_str(), "application/json")?;
    set(header::USER_AGENT.as_str(), agent)?;
    let values = [call.id, &call.at.secs().to_string(), &signed];
    let theirs = (call.style == HeaderStyle::Svix).then_some(HEADERS_OF_SVIX);
    for names in [Some(HEADERS_OF_OURS), theirs].into_iter().flatten() {
        for (name, value) in names.into_iter().zip(values) {
            set(name, value)?;
        }
    }
    if let Some((profile, out)) = system {
        for (name, value) in of_system(profile, out, call)? {
            set(&name, &value)?;
        }
    }
    Some(headers)
}

impl OutgoingProfile {
    /// The names of the headers that the system sets besides those of its scheme, in lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let id = self.id.as_ref().map(|id| &id.header);
        [self.timestamp.as_ref(), id, self.event.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

/// The headers of the profile's system: those of its scheme, signed with the newest shared secret,
/// and the others. The text of the secret is the key, as the receiver has it. A key pair is never
/// the key of a MAC.
fn of_system(
    profile: &Profile,
    out: &OutgoingProfile,
    call: HeaderContext<'_>,
) -> Option<Vec<(String, String)>> {
    let mut headers = Vec::new();
    let shared = call.secrets.iter().find(|secret| secret.kind() == SecretKind::Hmac);
    if shared.is_some() && (call.owner_has_secret || !out.only_with_secret) {
        let message = MessageToSign {
            id: Some(call.id),
            at: Some(call.at),
            nonce: Some(call.nonce),
            body: call.body,
            ..MessageToSign::default()
        };
        headers = profile.scheme.headers(shared, &message)?;
    }
    let event = || out.word(call.event_type).to_owned();
    headers.extend(out.event.iter().map(|name| (name.clone(), event())));
    headers.extend(out.timestamp.iter().map(|name| (name.clone(), call.at.rfc3339())));
    headers.extend(out.id.iter().map(|id| (id.header.clone(), repetition(&id.field, call))));
    Some(headers)
}

/// The id by which a receiver recognises a repetition: the field of the body if that can stand in a
/// header, else the `webhook-id`.
fn repetition(field: &str, call: HeaderContext<'_>) -> String {
    let said = JsonFields::read(call.body, [field]).ok().and_then(|fields| fields.text(field));
    let fit = said.filter(|said| said.len() <= 256 && HeaderValue::try_from(said).is_ok());
    fit.unwrap_or_else(|| call.id.to_owned())
}
