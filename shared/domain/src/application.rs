//! One tenant: whose endpoints hear of an event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{id::ApplicationId, secret::SealedSecret, time::Timestamp};

/// An application, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Its id: derived from the uid if it has one.
    pub id: ApplicationId,
    /// The caller's own name for it.
    pub uid: Option<String>,
    /// For people.
    pub name: String,
    /// Messages per second, as the Svix contract has it.
    pub throttle_rate: Option<u16>,
    /// The caller's own data.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// It came into being because somebody named it, and nobody has created it yet.
    #[serde(default)]
    pub implicit: bool,
    /// What signs to webhooks of jobs and batches that were registered without a secret of their
    /// own, sealed with the application's id.
    #[serde(default)]
    pub webhook_secret: Option<SealedSecret>,
    /// When its removal began: from then on it is not there for anybody, and nothing is sent.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// Its endpoints and keys are gone too, and its uid is free. What was said to it is kept as long
    /// as ever, under an id that nobody gets again.
    #[serde(default)]
    pub removed: bool,
    /// What the idempotency key of the request that created it stands for.
    #[serde(default)]
    pub made_by: Option<String>,
    /// Counts changes; every write is conditional on the one it read.
    #[serde(default)]
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Application {
    /// An application without anything yet.
    pub fn new(id: ApplicationId, uid: Option<String>, name: &str, now: Timestamp) -> Self {
        Self {
            id,
            uid,
            name: name.to_owned(),
            throttle_rate: None,
            metadata: BTreeMap::new(),
            implicit: false,
            webhook_secret: None,
            deleted_at: None,
            removed: false,
            made_by: None,
            version: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it is there for its users.
    pub const fn is_there(&self) -> bool {
        self.deleted_at.is_none()
    }

    /// Whether nothing is left to be done about its removal.
    pub const fn is_removed(&self) -> bool {
        self.removed
    }

    /// How sources and jobs name it, given the name that somebody used: the name, where that leads
    /// to its id for whoever does not look, else its id.
    pub fn called(&self, name: &str) -> String {
        match ApplicationId::named(name) == self.id {
            true => name.to_owned(),
            false => self.id.to_string(),
        }
    }

    /// What the secret of an application is sealed with.
    pub fn owner(id: &ApplicationId) -> String {
        format!("application:{id}")
    }
}
