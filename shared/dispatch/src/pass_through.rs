//! The content of an attempt: the relay's notice or, for an endpoint that asks for it, the sender's own
//! body and headers.

use adapters::Unavailable;
use domain::{
    endpoint::{Endpoint, SentBody},
    event::{Event, Origin},
    headers::OF_THE_BODY,
    request::RequestRecord,
};
use http::{HeaderName, HeaderValue};

use crate::context::CallContext;

/// A header of the sender that is sent along.
pub(crate) struct PassedHeader {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
    /// Whether the value must not be shown.
    pub(crate) is_secret: bool,
}

/// The content of an attempt, before the endpoint's profile gives it its form.
pub(crate) struct Content {
    pub(crate) body: Vec<u8>,
    /// Whether the body is the sender's own.
    pub(crate) is_original: bool,
    pub(crate) headers: Vec<PassedHeader>,
}

/// Why an attempt of an endpoint that asks for the sender's request cannot be made.
const GONE: &str = "the request that the event came with is no longer kept";
const SEALED: &str = "the sender's headers do not open";

impl CallContext {
    /// The content that an event is sent to an endpoint with, or the reason why it cannot be sent. An endpoint that asks for nothing
    /// of a sender's request costs no read beyond that of the notice. An event without a request goes out
    /// as the notice to all.
    ///
    /// # Errors
    /// Fails if AWS does.
    pub(crate) async fn content(
        &self,
        event: &Event,
        endpoint: &Endpoint,
    ) -> Result<Result<Content, &'static str>, Unavailable> {
        let wanted = &endpoint.pass_through;
        if wanted.is_none() || !event.has_request {
            let body = self.context.bucket.open(event.payload.clone()).await?;
            return Ok(Ok(Content { body, is_original: false, headers: Vec::new() }));
        }
        let Some(request) = self.context.table.request(&event.id).await? else {
            return Ok(Err(GONE));
        };
        let original = event.raw().filter(|_| wanted.body == SentBody::Original);
        let is_original = original.is_some();
        let Some(headers) = self.passed(event, endpoint, &request, is_original) else {
            return Ok(Err(SEALED));
        };
        let body = self.context.bucket.open(original.unwrap_or(&event.payload).clone()).await?;
        Ok(Ok(Content { body, is_original, headers }))
    }

    /// The sender's headers that go to an endpoint: those that it asks for, and with the sender's body
    /// those that say what the body is. `None` if one of them does not open.
    fn passed(
        &self,
        event: &Event,
        endpoint: &Endpoint,
        request: &RequestRecord,
        is_original: bool,
    ) -> Option<Vec<PassedHeader>> {
        let Origin::Source { arrival, .. } = &event.origin else { return Some(Vec::new()) };
        let asked = &endpoint.pass_through.headers;
        let mut passed = Vec::new();
        for header in &request.headers {
            let of_the_body = is_original && OF_THE_BODY.contains(&header.name.as_str());
            if !of_the_body && !asked.contains(&header.name) {
                continue;
            }
            let value = match &header.sealed {
                Some(sealed) => {
                    let owner = RequestRecord::owner(arrival, &header.name);
                    let value = self.vault.unseal(&owner, sealed).ok()?;
                    HeaderValue::from_bytes(value.expose()).ok()?
                }
                // No endpoint asked for it when the event was recorded: only its mask is left.
                None if header.altered => continue,
                None => HeaderValue::from_str(&header.value).ok()?,
            };
            let name = HeaderName::try_from(&header.name).ok()?;
            passed.push(PassedHeader { name, value, is_secret: header.altered });
        }
        Some(passed)
    }
}
