//! The headers of an attempt: the owner's own, over them Standard Webhooks, over them the system's.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    json::JsonFields,
    profile::{OutgoingProfile, Profile},
    secret::{Secret, SecretKind},
    signature::{self, MessageToSign},
    time::Timestamp,
};

/// What the headers of one attempt are made of.
#[derive(Clone, Copy, Debug)]
pub struct HeaderContext<'a> {
    /// The live secrets, newest first.
    pub secrets: &'a [Secret],
    /// Whether the endpoint's owner set a secret, ever.
    pub owner_has_secret: bool,
    /// The `webhook-id`.
    pub id: &'a str,
    /// The event's type.
    pub event_type: &'a str,
    /// What no other attempt has.
    pub nonce: &'a str,
    /// When the attempt is made.
    pub at: Timestamp,
    /// The bytes that go out.
    pub body: &'a [u8],
    /// What we call ourselves.
    pub user_agent: &'a str,
}

/// What stands on every call, whatever else does.
pub const HEADERS_OF_OURS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// The headers of an attempt. `None` if one of them cannot be a header.
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
    for (name, value) in
        HEADERS_OF_OURS.into_iter().zip([call.id, &call.at.secs().to_string(), &signed])
    {
        set(name, value)?;
    }
    if let Some((profile, out)) = system {
        for (name, value) in of_system(profile, out, call)? {
            set(&name, &value)?;
        }
    }
    Some(headers)
}

impl OutgoingProfile {
    /// The names of the headers it sets beside those of its scheme, in lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let id = self.id.as_ref().map(|id| &id.header);
        [self.timestamp.as_ref(), id, self.event.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

/// The headers of a profile's system: of its scheme, signed with the newest shared secret, whose key
/// is its text as the receiver has it; and the others. A key pair never keys a MAC.
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

/// The id by which a receiver tells a repetition. What a publisher wrote may be no header: ours tells
/// repetitions apart as well.
fn repetition(field: &str, call: HeaderContext<'_>) -> String {
    let said = JsonFields::read(call.body, [field]).ok().and_then(|fields| fields.text(field));
    let fit = said.filter(|said| said.len() <= 256 && HeaderValue::try_from(said).is_ok());
    fit.unwrap_or_else(|| call.id.to_owned())
}
