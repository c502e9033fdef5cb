//! Applications as the Svix contract spells them.

use std::collections::BTreeMap;

use domain::application::Application;
use manage::applications::ApplicationDraft;
use serde::{Deserialize, Serialize};
use serde_with::rust::double_option;
use utoipa::ToSchema;

use crate::web::patch::given;

/// An application to be created or replaced.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationIn {
    /// Name for people.
    #[schema(min_length = 1)]
    name: String,
    /// The caller's own name for the application.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    uid: Option<String>,
    /// Requests per second to all endpoints of the application together.
    #[schema(minimum = 1)]
    throttle_rate: Option<u16>,
    /// Another spelling of `throttleRate`, by newer clients.
    rate_limit: Option<u16>,
    /// The caller's own data.
    metadata: Option<BTreeMap<String, String>>,
}

impl From<ApplicationIn> for ApplicationDraft {
    fn from(given: ApplicationIn) -> Self {
        Self {
            name: given.name,
            uid: given.uid,
            throttle_rate: given.throttle_rate.or(given.rate_limit),
            metadata: given.metadata.unwrap_or_default(),
        }
    }
}

/// Changes of an application; a field that is left out stays, and null clears.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationPatch {
    /// Name for people.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1)]
    name: Option<String>,
    /// The caller's own name for the application.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    uid: Option<Option<String>>,
    /// Requests per second to all endpoints of the application together.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<u16>, minimum = 1)]
    throttle_rate: Option<Option<u16>>,
    /// Another spelling of `throttleRate`, by newer clients.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<u16>)]
    rate_limit: Option<Option<u16>>,
    /// The caller's own data.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    metadata: Option<Option<BTreeMap<String, String>>>,
}

impl ApplicationPatch {
    /// Lays the changes over what is there.
    pub(super) fn over(self, mut draft: ApplicationDraft) -> ApplicationDraft {
        if let Some(name) = self.name {
            draft.name = name;
        }
        if let Some(uid) = self.uid {
            draft.uid = uid;
        }
        if let Some(rate) = self.throttle_rate.or(self.rate_limit) {
            draft.throttle_rate = rate;
        }
        if let Some(metadata) = self.metadata {
            draft.metadata = metadata.unwrap_or_default();
        }
        draft
    }
}

/// An application as it is shown.
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
