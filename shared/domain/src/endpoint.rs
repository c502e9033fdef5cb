//! A subscriber's URL, its secrets, its policy and its state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    event::Event,
    filter::Filter,
    id::{ApplicationId, BatchId, EndpointId, JobId},
    retry::Policy,
    secret::Sealed,
    subscription,
    time::Timestamp,
};

/// An endpoint, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its application.
    pub application: ApplicationId,
    /// The caller's own name for it.
    pub uid: Option<String>,
    /// Where requests go.
    pub url: String,
    /// For people.
    pub description: String,
    /// Signing secrets, newest first; the ones that were rotated away expire.
    pub secrets: Vec<EndpointSecret>,
    /// The event types it wants; all of them if empty.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// The channels it listens on; all of them if empty.
    #[serde(default)]
    pub channels: Vec<String>,
    /// The caller's own data.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Requests per second, as the Svix contract has it.
    #[serde(default)]
    pub throttle_rate: Option<u16>,
    /// Nothing is sent while this is set.
    #[serde(default)]
    pub disabled: Option<Disabled>,
    /// How it is retried.
    #[serde(default)]
    pub policy: Policy,
    /// What it hears of.
    #[serde(default)]
    pub scope: Scope,
    /// The profile whose headers and bodies it receives, besides Standard Webhooks.
    #[serde(default)]
    pub profile: Option<String>,
    /// Which contents it wants; all of them without one.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Headers of its owner's, sent along.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts changes; every write is conditional on the one it read.
    #[serde(default)]
    pub version: u64,
}

/// What an endpoint hears of, and where it lies in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Its application's events.
    #[default]
    Application,
    /// One job's events.
    Job(JobId),
    /// One batch's own events.
    Batch(BatchId),
}

/// Why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disabled {
    /// Its owner said so.
    ByOwner,
    /// It answered 410 Gone.
    Gone,
}

/// A signing secret with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecret {
    /// Sealed with the endpoint's id as associated data.
    pub sealed: Sealed,
    /// When it stops signing, once it has been rotated away.
    pub expires_at: Option<Timestamp>,
}

/// Most endpoints of one application: an event and all its deliveries are recorded in one
/// transaction, which holds 100 items.
pub const MAX_ENDPOINTS: usize = 90;

impl Endpoint {
    /// An endpoint that wants everything of its application, without secrets yet.
    pub fn new(id: EndpointId, application: ApplicationId, url: &str, now: Timestamp) -> Self {
        Self {
            id,
            application,
            uid: None,
            url: url.to_owned(),
            description: String::new(),
            secrets: Vec::new(),
            event_types: Vec::new(),
            channels: Vec::new(),
            metadata: BTreeMap::new(),
            throttle_rate: None,
            disabled: None,
            policy: Policy::default(),
            scope: Scope::Application,
            profile: None,
            filter: None,
            headers: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// What the secrets of an endpoint are sealed with.
    pub fn owner(id: &EndpointId) -> String {
        format!("endpoint:{id}")
    }

    /// Whether it wants to hear of an event, by its type and channels.
    pub fn wants(&self, event: &Event) -> bool {
        let wants_type = self.event_types.is_empty()
            || self.event_types.iter().any(|kind| subscription::covers(kind, &event.event_type));
        let on_channel = self.channels.is_empty()
            || event.channels.iter().any(|channel| self.channels.contains(channel));
        wants_type && on_channel
    }

    /// Whether it wants to hear of an event that says this.
    pub fn accepts(&self, event: &Event, payload: &[u8]) -> bool {
        self.wants(event) && self.filter.as_ref().is_none_or(|filter| filter.matches(payload))
    }

    /// The secrets that sign now.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &Sealed> {
        let live =
            move |secret: &&EndpointSecret| secret.expires_at.is_none_or(|expires| now < expires);
        self.secrets.iter().filter(live).map(|secret| &secret.sealed)
    }
}
