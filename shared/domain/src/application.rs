//! An application: a tenant, which owns endpoints and events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{id::ApplicationId, secret::SealedSecret, time::Timestamp};

/// An application, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// The id, derived from the first uid if the application was created with one.
    pub id: ApplicationId,
    /// The caller's own name for the application.
    pub uid: Option<String>,
    /// The name that people read. The relay finds applications by id and uid only.
    pub name: String,
    /// Calls per second to all endpoints of the application together; `None` for no limit.
    pub throttle_rate: Option<u16>,
    /// Data of the caller that the relay only keeps.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Whether the application exists only because a source or job names it, and nobody has created
    /// it yet.
    #[serde(default)]
    pub implicit: bool,
    /// The secret that signs to webhooks of jobs and batches which were registered without a secret
    /// of their own; sealed with [`owner`](Self::owner).
    #[serde(default)]
    pub webhook_secret: Option<SealedSecret>,
    /// The time at which the removal began. From then on the application is not shown, and nothing
    /// is sent.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// Whether the removal is complete: endpoints and keys are gone, and the uid is free. Events
    /// are kept as long as ever, under an id that is not given again.
    #[serde(default)]
    pub removed: bool,
    /// A name for the `Idempotency-Key` of the request that created the application, so that a
    /// repetition of the request finds it.
    #[serde(default)]
    pub made_by: Option<String>,
    /// The number of changes; every write is conditional on the version that was read.
    #[serde(default)]
    pub version: u64,
    /// The time at which the application was created.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

impl Application {
    /// An application that nobody has changed yet.
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

    /// Whether callers can use the application, because its removal has not begun.
    pub const fn is_there(&self) -> bool {
        self.deleted_at.is_none()
    }

    /// Whether the removal is complete.
    pub const fn is_removed(&self) -> bool {
        self.removed
    }

    /// The associated data with which an application's secret is sealed.
    pub fn owner(id: &ApplicationId) -> String {
        format!("application:{id}")
    }
}
