//! The parts of a sender's own request that an endpoint asks for, and their check.

use domain::{
    endpoint::{Endpoint, InvalidSentBody, SentBody},
    headers,
};

use crate::Refusal;

/// The parts of a sender's own request that an owner wants sent. A field that is `None` leaves the endpoint as it is.
#[derive(Clone, Debug, Default)]
pub struct PassThroughDraft {
    /// The body that is sent: `notice` or `original`.
    pub body: Option<String>,
    /// Names of the sender's headers that are sent along, at most
    /// [`MAX_FORWARDED`](headers::MAX_FORWARDED); an empty list for none.
    pub headers: Option<Vec<String>>,
}

impl PassThroughDraft {
    /// Writes the draft over an endpoint whose other fields are as they will be: its address and profile
    /// must fit.
    pub(super) fn apply(self, endpoint: &mut Endpoint) -> Result<(), Refusal> {
        if let Some(word) = self.body {
            let body = word.parse::<SentBody>();
            endpoint.pass_through.body =
                body.map_err(|why: InvalidSentBody| Refusal::field("body", why))?;
        }
        if let Some(names) = self.headers {
            let names = headers::forwarded(names);
            endpoint.pass_through.headers =
                names.map_err(|why| Refusal::field("forward_headers", why))?;
        }
        fits(endpoint)
    }
}

/// Whether an endpoint can receive what it asks for. Messages of queues and channels have no room for a
/// sender's headers, nor do they hold any bytes; a profile is another form of the body.
fn fits(endpoint: &Endpoint) -> Result<(), Refusal> {
    let asked = &endpoint.pass_through;
    let is_http = ["http://", "https://"].iter().any(|scheme| {
        let start = endpoint.url.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if asked.body == SentBody::Original && !is_http {
        return Err(Refusal::field("body", "is original only where the address is of HTTP"));
    }
    if asked.body == SentBody::Original && endpoint.profile.is_some() {
        return Err(Refusal::field(
            "body",
            "is original only without a profile, which has its own",
        ));
    }
    if !asked.headers.is_empty() && !is_http {
        return Err(Refusal::field("forward_headers", "are sent only to an address of HTTP"));
    }
    Ok(())
}
