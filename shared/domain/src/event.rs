//! An event: what a sender or publisher said, recorded once. Only counters and the removal of
//! content change it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    envelope::{StoredBody, Trust},
    id::{ApplicationId, EventId, JobId, SourceId},
    job::Job,
    profile::fingerprint,
    time::Timestamp,
};

/// An event, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The id, which is the `webhook-id` of every delivery of the event.
    pub id: EventId,
    /// The application whose endpoints receive the event.
    pub application: ApplicationId,
    /// The type, such as `job.succeeded`.
    pub event_type: String,
    /// The sender or publisher of the event.
    pub origin: Origin,
    /// SHA-256 of the body as it arrived, in hex. A body with another fingerprint under the same
    /// key is a conflict.
    pub fingerprint: String,
    /// The body that subscribers receive.
    pub payload: StoredBody,
    /// The body of the source's request, unpacked, if subscribers receive another one.
    pub said: Option<StoredBody>,
    /// The body of the source's request as it came, if it came in a `Content-Encoding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded: Option<StoredBody>,
    /// Whether the request that the event came with is recorded beside the event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_request: bool,
    /// The job that the event is about, if any.
    pub job: Option<JobId>,
    /// The batch of that job as its sender calls it, by which dead letters are filtered.
    #[serde(default)]
    pub batch_id: Option<String>,
    /// The effect of the event on its job.
    pub outcome: EventOutcome,
    /// The channels that the event was published on.
    #[serde(default)]
    pub channels: Vec<String>,
    /// The time at which the request or message arrived.
    pub created_at: Timestamp,
    /// The number of times that the same request came again.
    #[serde(default)]
    pub duplicates: u64,
    /// The number of times that another body came under the same key.
    #[serde(default)]
    pub conflicts: u64,
    /// If the relay learned of the event by asking a platform: the number of webhooks that reported
    /// the same afterwards.
    #[serde(default)]
    pub webhooks: u64,
    /// The options that the publisher set besides type and payload.
    #[serde(default)]
    pub asked: PublishOptions,
    /// Whether the deliveries to the application's endpoints are created in pages, after the event: a
    /// [`FanOut`](crate::fan_out::FanOut) is recorded with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_pages: bool,
    /// The time at which the content was removed for good.
    #[serde(default)]
    pub expunged_at: Option<Timestamp>,
}

/// Options that the publisher of an event may set besides type and payload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishOptions {
    /// Tags by which the event can be listed.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The payload's media type, if the payload is not JSON.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The earliest time of the first attempt.
    #[serde(default)]
    pub deliver_at: Option<Timestamp>,
    /// The time from which the content is neither shown nor sent.
    #[serde(default)]
    pub content_until: Option<Timestamp>,
}

/// The sender or publisher of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// A request of a source, or the relay's own question about one of the source's jobs.
    Source {
        /// The identity of the source.
        id: SourceId,
        /// The name of the source.
        name: String,
        /// The idempotency key of the request.
        key: String,
        /// The arrival that was recorded, of several with this key.
        arrival: String,
        /// The reason why the relay believes the request.
        #[serde(default)]
        trust: Trust,
    },
    /// The relay itself, such as for `completion.missed` and `endpoint.disabled`.
    Relay,
    /// A call of the API.
    Published {
        /// The publisher's own id of the event.
        event_id: Option<String>,
    },
}

/// The effect of an event on its job, and whether subscribers receive the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOutcome {
    /// The event is delivered to subscribers.
    Announced,
    /// The job changed, but nothing of interest to subscribers.
    Noted,
    /// The job was in that state already; nothing changed.
    Stale,
    /// The job had ended in another state before; that state stands.
    Conflict,
}

impl Event {
    /// An event that the relay itself makes, with the body that subscribers receive.
    pub fn by_relay(
        id: EventId,
        application: ApplicationId,
        event_type: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            application,
            event_type: event_type.to_owned(),
            origin: Origin::Relay,
            fingerprint: fingerprint(body),
            payload: StoredBody::inline(body),
            said: None,
            encoded: None,
            has_request: false,
            job: None,
            batch_id: None,
            outcome: EventOutcome::Announced,
            channels: Vec::new(),
            created_at: now,
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
            asked: PublishOptions::default(),
            in_pages: false,
            expunged_at: None,
        }
    }

    /// This event as one about `job`.
    #[must_use]
    pub fn about(mut self, job: &Job) -> Self {
        self.job = Some(job.id.clone());
        self.batch_id.clone_from(&job.batch_id);
        self
    }

    /// Whether the content must no longer be shown or sent, because it was removed or its time is
    /// over.
    pub fn is_expunged(&self, now: Timestamp) -> bool {
        self.expunged_at.is_some() || self.asked.content_until.is_some_and(|until| until <= now)
    }

    /// Removes the content. Keys of objects in the bucket stay until the objects are removed and
    /// [`forget_claims`](Self::forget_claims) is called.
    pub fn expunge(&mut self, now: Timestamp) {
        self.expunged_at.get_or_insert(now);
        if !matches!(self.payload, StoredBody::Claim(_)) {
            self.payload = StoredBody::inline(b"{}");
        }
        for body in [&mut self.said, &mut self.encoded] {
            *body = body.take().filter(|body| matches!(body, StoredBody::Claim(_)));
        }
    }

    /// The keys of the objects in the bucket that hold the content, each once.
    pub fn claims(&self) -> Vec<String> {
        let bodies = [Some(&self.payload), self.said.as_ref(), self.encoded.as_ref()];
        let objects: BTreeSet<_> =
            bodies.into_iter().flatten().filter_map(StoredBody::object).collect();
        objects.into_iter().map(str::to_owned).collect()
    }

    /// Forgets the keys of objects, and the record of a request, that no longer exist.
    pub fn forget_claims(&mut self) {
        self.payload = StoredBody::inline(b"{}");
        self.said = None;
        self.encoded = None;
        self.has_request = false;
    }

    /// The body of the request that the event came with, byte for byte as it came; `None` for an event
    /// without one.
    pub fn raw(&self) -> Option<&StoredBody> {
        self.encoded.as_ref().or(self.said.as_ref()).filter(|_| self.has_request)
    }

    /// The name of the source that sent the event; `None` if it was published, or made by the relay.
    pub fn source(&self) -> Option<&str> {
        match &self.origin {
            Origin::Source { name, .. } => Some(name),
            Origin::Relay | Origin::Published { .. } => None,
        }
    }

    /// The value of the `webhook-id` header: `msg_…` for published events, `evt_…` for all others,
    /// as their APIs spell the id.
    pub fn webhook_id(&self) -> String {
        match self.origin {
            Origin::Source { .. } | Origin::Relay => self.id.event(),
            Origin::Published { .. } => self.id.message(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn an_expunged_event_keeps_nothing_but_where_its_bytes_lie() {
        let id = EventId::derive(&["e"]);
        let mut event =
            Event::by_relay(id, ApplicationId::named("acme"), "a.b", b"{\"planted\":1}", NOW);
        event.said = Some(StoredBody::Claim("k".to_owned()));
        event.encoded = Some(StoredBody::inline(b"planted"));
        event.has_request = true;
        assert_eq!(event.raw(), event.encoded.as_ref());
        assert!(!event.is_expunged(NOW));
        event.expunge(NOW);
        assert!(event.is_expunged(NOW) && event.claims() == ["k"]);
        event.forget_claims();
        assert!(event.claims().is_empty() && !event.has_request && event.raw().is_none());
        assert!(!serde_json::to_string(&event).expect("JSON").contains("planted"));
    }

    #[test]
    fn content_ends_when_its_publisher_said() {
        let id = EventId::derive(&["e"]);
        let mut event = Event::by_relay(id, ApplicationId::named("acme"), "a.b", b"{}", NOW);
        let end = NOW.plus(std::time::Duration::from_secs(60));
        event.asked.content_until = Some(end);
        assert!(!event.is_expunged(NOW) && event.is_expunged(end));
    }
}
