//! What a producer said: immutable, accepted once.

use serde::{Deserialize, Serialize};

use crate::{
    envelope::{StoredBody, Trust},
    id::{ApplicationId, EventId, JobId},
    job::Job,
    profile::fingerprint,
    time::Timestamp,
};

/// An event, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id; the `webhook-id` of everything sent about it.
    pub id: EventId,
    /// Whose endpoints hear of it.
    pub application: ApplicationId,
    /// Such as `job.succeeded`.
    pub event_type: String,
    /// Where it came from.
    pub origin: Origin,
    /// SHA-256 of what the producer sent: other bytes under the same key are a conflict.
    pub fingerprint: String,
    /// The bytes subscribers receive.
    pub payload: StoredBody,
    /// The raw body the source sent, where that is something else.
    pub said: Option<StoredBody>,
    /// The job it is about.
    pub job: Option<JobId>,
    /// That job's batch, for the dead-letter desk.
    #[serde(default)]
    pub batch_id: Option<String>,
    /// What it did.
    pub outcome: EventOutcome,
    /// The channels it was published on.
    #[serde(default)]
    pub channels: Vec<String>,
    /// When it arrived.
    pub created_at: Timestamp,
    /// How often the same request came again.
    #[serde(default)]
    pub duplicates: u64,
    /// How often other bytes came under the same key.
    #[serde(default)]
    pub conflicts: u64,
    /// Where its platform was asked: how often a webhook told the same afterwards.
    #[serde(default)]
    pub webhooks: u64,
    /// What its publisher asked for beside.
    #[serde(default)]
    pub asked: PublishOptions,
    /// When somebody had its content removed for good.
    #[serde(default)]
    pub expunged_at: Option<Timestamp>,
}

/// What the publisher of an event asked for, beside that it be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishOptions {
    /// What it can be found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The payload's media type, where that is not JSON.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Not to be delivered before.
    #[serde(default)]
    pub deliver_at: Option<Timestamp>,
    /// Its content is neither shown nor sent from then on.
    #[serde(default)]
    pub content_until: Option<Timestamp>,
}

/// Where an event came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// A source's signed request.
    Source {
        /// The source.
        name: String,
        /// The idempotency key.
        key: String,
        /// The arrival that was recorded.
        arrival: String,
        /// Why it was believed.
        #[serde(default)]
        trust: Trust,
    },
    /// The relay itself found that it happened.
    Relay,
    /// Published over the API.
    Published {
        /// The caller's own id for it.
        event_id: Option<String>,
    },
}

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOutcome {
    /// Subscribers hear of it.
    Announced,
    /// The job changed, which is nobody's business.
    Noted,
    /// The job had been there already.
    Stale,
    /// The job had ended differently.
    Conflict,
}

impl Event {
    /// What the relay itself has to say, with the body that subscribers receive.
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
            job: None,
            batch_id: None,
            outcome: EventOutcome::Announced,
            channels: Vec::new(),
            created_at: now,
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
            asked: PublishOptions::default(),
            expunged_at: None,
        }
    }

    /// The same, about a job.
    #[must_use]
    pub fn about(mut self, job: &Job) -> Self {
        self.job = Some(job.id.clone());
        self.batch_id.clone_from(&job.batch_id);
        self
    }

    /// Whether its content is no longer to be shown or sent.
    pub fn is_expunged(&self, now: Timestamp) -> bool {
        self.expunged_at.is_some() || self.asked.content_until.is_some_and(|until| until <= now)
    }

    /// Takes its content away. What lies in the bucket stays named, for whoever is to remove it there
    /// and then says that it is [gone](Self::forget_claims).
    pub fn expunge(&mut self, now: Timestamp) {
        self.expunged_at.get_or_insert(now);
        if !matches!(self.payload, StoredBody::Claim(_)) {
            self.payload = StoredBody::inline(b"{}");
        }
        self.said = self.said.take().filter(|said| matches!(said, StoredBody::Claim(_)));
    }

    /// The keys of the objects that hold its content.
    pub fn claims(&self) -> Vec<String> {
        let claim = |carried: &StoredBody| match carried {
            StoredBody::Claim(key) => Some(key.clone()),
            StoredBody::Text(_) | StoredBody::Base64(_) => None,
        };
        [Some(&self.payload), self.said.as_ref()].into_iter().flatten().filter_map(claim).collect()
    }

    /// Names them no longer.
    pub fn forget_claims(&mut self) {
        self.payload = StoredBody::inline(b"{}");
        self.said = None;
    }

    /// The `webhook-id` header: how the event's own API spells it.
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
        assert!(!event.is_expunged(NOW));
        event.expunge(NOW);
        assert!(event.is_expunged(NOW) && event.claims() == ["k"]);
        event.forget_claims();
        assert!(event.claims().is_empty());
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
