//! `GET /status` (R0.15): what is set up, and who has really called.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Json, extract::State};
use domain::{envelope::Trust, event::Origin};
use manage::{ControlPlane, sources::is_usable};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::modal::{SOURCE, each_event, sources};
use crate::web::{Routes, error::Error, gate::Authenticated};

pub(crate) fn routes() -> Routes {
    Routes::tagged("omtx").read(routes!(status))
}

/// The set-up of OMTX-Hub's Modal apps. An app is a source; a setting that nobody has used yet does
/// not count as one that works.
#[derive(Serialize, ToSchema)]
struct OmtxStatus {
    /// Whether there is a source whose secret can be used.
    configured: bool,
    /// Base URL that `configure` was given; empty before that.
    base_url: String,
    /// Sources that can be used and have called with a signature that held.
    apps_configured: usize,
    /// Number of sources that stand for apps.
    total_apps: usize,
    last_configured_at: Option<String>,
    /// `healthy` if every source has called, else `partial`; `unconfigured` if there is none.
    health_status: &'static str,
}

/// State of the set-up, and whether it was used.
#[utoipa::path(get, path = "/api/v3/webhooks/status", operation_id = "omtx_status",
    responses((status = 200, body = OmtxStatus)))]
async fn status(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<OmtxStatus>, Error> {
    let sources = sources(&control, &principal).await?;
    let mut heard = BTreeSet::new();
    each_event(&control, &sources, |event, source| {
        if matches!(event.origin, Origin::Source { trust: Trust::Signed, .. }) {
            heard.insert(source.name.clone());
        }
        heard.len() < sources.len()
    })
    .await?;
    let usable: Vec<_> = sources.iter().filter(|source| is_usable(&control, source)).collect();
    let working = usable.iter().filter(|source| heard.contains(&source.name)).count();
    let main = sources.iter().find(|source| source.name == SOURCE);
    let base_url = main.into_iter().chain(&sources).find_map(|source| source.base_url.clone());
    Ok(Json(OmtxStatus {
        configured: !usable.is_empty(),
        base_url: base_url.unwrap_or_default(),
        apps_configured: working,
        total_apps: sources.len(),
        last_configured_at: sources
            .iter()
            .map(|source| source.updated_at)
            .max()
            .map(|at| at.rfc3339()),
        health_status: match (usable.len(), working == sources.len()) {
            (0, _) => "unconfigured",
            (_, true) => "healthy",
            (_, false) => "partial",
        },
    }))
}
