//! Dead letters in groups, by endpoint and class of the failure.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::retry::ErrorClass;
use manage::{
    ControlPlane,
    letters::{self, LetterGroup, LetterGroups},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    v1::letter_filter::FilterIn,
    web::{error::Error, gate::Authenticated, input::Query},
};

/// Dead letters in groups.
#[derive(Serialize, ToSchema)]
pub(super) struct GroupList {
    /// At most 500 groups, the largest first.
    data: Vec<GroupOut>,
    /// Whether every letter was looked at and every group is there. A request looks at the newest 20,000
    /// letters, or as many as it reads in a second.
    complete: bool,
    /// Number of letters that were looked at.
    scanned: usize,
}

/// Letters to one endpoint that died of one cause.
#[derive(Serialize, ToSchema)]
struct GroupOut {
    /// Id of the endpoint's application; null for messages that could not be processed.
    application: Option<String>,
    /// Null for messages that could not be processed.
    endpoint_id: Option<String>,
    /// URL of the endpoint when the newest letter died.
    webhook_url: Option<String>,
    /// Class of the failure, in one word.
    #[schema(value_type = String)]
    error_class: ErrorClass,
    /// Number of letters.
    count: u64,
    /// Time at which the oldest was parked.
    oldest_at: String,
    /// Time at which the newest was parked.
    newest_at: String,
    /// Time at which the first of them goes; null if none of them does.
    expires_at: Option<String>,
}

impl From<LetterGroup> for GroupOut {
    fn from(group: LetterGroup) -> Self {
        Self {
            application: group.application.map(|id| id.to_string()),
            endpoint_id: group.endpoint.map(|id| id.to_string()),
            webhook_url: group.url,
            error_class: group.class,
            count: group.count,
            oldest_at: group.oldest.rfc3339(),
            newest_at: group.newest.rfc3339(),
            expires_at: group.expires.map(|at| at.rfc3339()),
        }
    }
}

/// Dead letters that a filter matches, counted by endpoint and class of the failure.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter/groups", operation_id = "group_dead_letters",
    params(FilterIn), responses((status = 200, body = GroupList), (status = 404)))]
pub(super) async fn get(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(filter): Query<FilterIn>,
) -> Result<Json<GroupList>, Error> {
    let filter = filter.read(&control, &principal).await?;
    let LetterGroups { groups, complete, scanned } =
        letters::groups(&control, &principal, &filter).await?;
    Ok(Json(GroupList {
        data: groups.into_iter().map(GroupOut::from).collect(),
        complete,
        scanned,
    }))
}
