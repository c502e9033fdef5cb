//! What goes over the wire: the body as the endpoint's profile writes it, and the headers over just
//! those bytes.

use std::collections::BTreeMap;

use adapters::vault::Vault;
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::Event,
    id::AttemptId,
    outgoing::{self, Call, Facts, INCLUDE_TRACEBACK},
    profile::Profile,
    secret::Secret,
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A request, but for where it goes.
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What we call ourselves.
const AGENT: &str = concat!("webhook-relay/", env!("CARGO_PKG_VERSION"));

/// Writes and signs the next attempt of a delivery, or says why it cannot be.
pub(crate) fn request(
    vault: &Vault,
    event: &Event,
    endpoint: &Endpoint,
    delivery: &Delivery,
    payload: Vec<u8>,
    at: Timestamp,
) -> Result<Request, &'static str> {
    let owner = Endpoint::owner(&endpoint.id);
    let open = |sealed| vault.unseal(&owner, sealed);
    let secrets: Result<Vec<Secret>, _> = endpoint.live_secrets(at).map(open).collect();
    let secrets = secrets.ok().filter(|secrets| !secrets.is_empty());
    let secrets = secrets.ok_or("the endpoint's signing secrets do not open")?;
    let own = vault.open_headers(&owner, &endpoint.headers);
    let own = own.map_err(|_| "the endpoint's headers do not open")?;
    let out = endpoint.outgoing();
    if endpoint.bare.is_some() {
        let headers = bare(&own).ok_or("something in it cannot be a header")?;
        return Ok(Request { headers, body: Vec::new() });
    }
    let body = match out {
        Some(out) => {
            let asked = endpoint.metadata.get(INCLUDE_TRACEBACK);
            let include_traceback = asked.is_some_and(|asked| asked == "true");
            outgoing::body(out, Facts { event, include_traceback }, &payload)
        }
        None => payload,
    };
    let nonce = AttemptId::of(&delivery.id, delivery.made);
    let call = Call {
        secrets: &secrets,
        owner_has_secret: endpoint.owner_has_secret,
        id: &event.webhook_id(),
        event_type: &event.event_type,
        nonce: nonce.as_str(),
        at,
        body: &body,
        user_agent: AGENT,
    };
    let profile = endpoint.profile.as_deref().and_then(Profile::named);
    let headers =
        outgoing::headers(profile, &own, call).ok_or("something in it cannot be a header")?;
    Ok(Request { headers, body })
}

/// The owner's headers and nothing else.
fn bare(own: &BTreeMap<String, Secret>) -> Option<HeaderMap> {
    let header = |(name, value): (&String, &Secret)| {
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    own.iter().map(header).collect()
}
