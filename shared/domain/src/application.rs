//! One tenant: whose endpoints hear of an event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{id::ApplicationId, secret::Sealed, time::Timestamp};

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
    pub webhook_secret: Option<Sealed>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Application {
    /// What the secret of an application is sealed with.
    pub fn owner(id: &ApplicationId) -> String {
        format!("application:{id}")
    }
}
