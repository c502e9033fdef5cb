//! An application as it is given to us, checked field by field, and as we show it.

use std::collections::BTreeMap;

use domain::{
    application::Application,
    id::{ApplicationId, is_identifier},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::patch;
use crate::error::Error;

/// An application as it is given to us.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationIn {
    /// For people.
    #[schema(min_length = 1)]
    name: String,
    /// The caller's own name for it.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    pub(super) uid: Option<String>,
    /// Requests per second to all its endpoints together.
    #[schema(minimum = 1)]
    throttle_rate: Option<u16>,
    /// The same, as newer clients call it.
    rate_limit: Option<u16>,
    /// The caller's own data.
    metadata: Option<BTreeMap<String, String>>,
}

/// What of an application can be changed, of which everything can be left out.
pub(super) type ApplicationPatch = patch::Patch<ApplicationIn>;

/// An application as we show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationOut {
    id: String,
    uid: Option<String>,
    name: String,
    throttle_rate: Option<u16>,
    rate_limit: Option<u16>,
    metadata: BTreeMap<String, String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Application> for ApplicationOut {
    fn from(application: Application) -> Self {
        Self {
            id: application.id.to_string(),
            uid: application.uid,
            name: application.name,
            throttle_rate: application.throttle_rate,
            rate_limit: application.throttle_rate,
            metadata: application.metadata,
            created_at: application.created_at.rfc3339(),
            updated_at: application.updated_at.rfc3339(),
        }
    }
}

impl ApplicationIn {
    /// Writes itself over an application, if all of it can be used.
    pub(super) fn apply(self, application: &mut Application, now: Timestamp) -> Result<(), Error> {
        if self.name.is_empty() {
            return Err(Error::field("name", "must not be empty"));
        }
        if let Some(uid) = &self.uid {
            if !is_identifier(uid, 256) {
                return Err(Error::field("uid", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
            }
            // It would never be found by that name.
            if ApplicationId::parse(uid).is_ok() && application.uid != self.uid {
                return Err(Error::field("uid", "must not look like an id of ours"));
            }
        }
        let throttle_rate = self.throttle_rate.or(self.rate_limit);
        if throttle_rate == Some(0) {
            return Err(Error::field("throttleRate", "is at least 1"));
        }
        application.name = self.name;
        application.uid = self.uid;
        application.throttle_rate = throttle_rate;
        application.metadata = self.metadata.unwrap_or_default();
        application.implicit = false;
        application.updated_at = now;
        Ok(())
    }
}
