//! Profiles of senders: how each signs, and where its settings are.

use axum::Json;
use domain::profile::{SecretNeed, SenderGuide};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::Routes;

pub(super) fn routes() -> Routes {
    Routes::tagged("sources").read(routes!(list))
}

/// All profiles.
#[derive(Serialize, ToSchema)]
struct ProfileList {
    data: Vec<ProfileOut>,
}

/// A kind of sender: how it signs, and where it is told the URL of a source.
#[derive(Serialize, ToSchema)]
struct ProfileOut {
    name: &'static str,
    /// Name of the sender, for people.
    title: &'static str,
    /// Accepted signatures, the usual one first, such as `HMAC-SHA256 over the body, hex, header
    /// x-hub-signature-256`.
    scheme: String,
    /// Whether every accepted signature covers the time, so that a captured request cannot be sent
    /// again later.
    replay_safe: bool,
    /// Reason why it is not replay-safe, in one or two sentences; null if it is.
    why_not: Option<String>,
    secret: SecretOut,
    /// Place where the sender is told the URL of the source.
    settings: &'static str,
    /// The sender's document on its signatures; null for a sender without a public one.
    docs_url: Option<&'static str>,
    /// Events of it that `relay trigger` sends, the usual one first.
    events: &'static [&'static str],
}

/// The secret that a source with this profile needs.
#[derive(Serialize, ToSchema)]
struct SecretOut {
    /// The sender's own word for it.
    label: &'static str,
    /// Form of the secret, in words.
    shape: String,
    /// Whether a source cannot be made without one.
    needed: bool,
}

impl From<&'static SenderGuide> for ProfileOut {
    fn from(guide: &'static SenderGuide) -> Self {
        let SecretNeed { shape, is_needed } = guide.secret_need();
        Self {
            name: guide.name,
            title: guide.title,
            scheme: guide.signatures(),
            replay_safe: guide.profile().is_replay_safe(),
            why_not: guide.why_replayable(),
            secret: SecretOut { label: guide.secret, shape, needed: is_needed },
            settings: guide.settings,
            docs_url: guide.docs_url,
            events: guide.events,
        }
    }
}

/// Profiles that a source can have, by name: how each sender signs, what its secret looks like, and where
/// its settings are.
#[utoipa::path(get, path = "/v1/profiles", operation_id = "list_profiles",
    responses((status = 200, body = ProfileList)))]
async fn list() -> Json<ProfileList> {
    Json(ProfileList { data: SenderGuide::all().map(ProfileOut::from).collect() })
}
