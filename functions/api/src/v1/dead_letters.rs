//! The dead-letter desk: letters listed, exported, thrown away, and put back by a filter. Putting back
//! a single letter is in [`super::retry`].

mod groups;

use std::{collections::BTreeMap, sync::Arc};

use adapters::{Unavailable, table::Table};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    letter::{Letter, LetterQueue},
    portal::Capability,
    task::Task,
};
use futures::{StreamExt, TryStreamExt, stream};
use manage::{
    ControlPlane,
    letters::{self, LetterDetail as Detail, LetterPage},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::{
    events::AttemptOut,
    letter::{LetterOut, content},
    letter_filter::FilterIn,
};
use crate::web::{
    Routes, Stated,
    error::Error,
    gate::Authenticated,
    input::{Body, Query, RawQuery},
    json_lines,
    page::{Bounded, Place},
};

/// Most letters of one part of the list, and of one part of an export.
const MAX_LETTERS: u32 = 1000;
/// Number of letters of one part.
type LetterLimit = Bounded<1, MAX_LETTERS>;
/// Number of letters before the first that is shown.
type Offset = Bounded<0, MAX_OFFSET>;
/// Letters of one part if the request names no limit.
const DEFAULT_LETTERS: u32 = 100;
/// Largest offset: each letter before it is read.
const MAX_OFFSET: u32 = 100_000;
/// Letters whose details are read at a time, each with a payload.
const AT_ONCE: usize = 8;

pub(super) fn routes() -> Routes {
    Routes::tagged("dead letters")
        .read(routes!(list).portal(Capability::ViewBase))
        .read(routes!(groups::get).portal(Capability::ViewBase))
        .read(routes!(export).portal(Capability::ViewBase))
        .read(routes!(get).portal(Capability::ViewBase))
        .admin(routes!(delete))
        .admin(routes!(redrive).portal(Capability::CreateAttempts))
        .admin(routes!(discard))
}

/// A part of the letters (R3.7).
#[derive(Serialize, ToSchema)]
struct LetterList {
    /// Always `list`.
    object: &'static str,
    data: Vec<LetterOut>,
    /// Whether there are more behind these.
    has_more: bool,
    /// Number of matching letters; left out behind an iterator, and where there are more than one
    /// request counts: 20,000 letters, or what it reads in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Place to pass as `iterator` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    iterator: Option<String>,
    /// Number of letters that were looked at for this part; only with a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    scanned: Option<u64>,
}

/// Part of the list that is shown.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LetterQuery {
    #[param(inline, nullable = false)]
    limit: Option<LetterLimit>,
    #[param(inline, nullable = false)]
    offset: Option<Offset>,
    /// The `iterator` of the part before; instead of an offset.
    #[param(value_type = String, required = false)]
    iterator: Option<Place>,
}

/// Dead letters that a filter matches, newest first.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter", operation_id = "list_dead_letters",
    params(LetterQuery, FilterIn),
    responses((status = 200, body = LetterList), (status = 404)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(query): Query<LetterQuery>,
    Query(filter): Query<FilterIn>,
) -> Result<Json<LetterList>, Error> {
    let limit = query.limit.map_or(DEFAULT_LETTERS, |limit| limit.0) as usize;
    let offset = query.offset.map_or(0, |offset| offset.0) as usize;
    let cursor = query.iterator.map(|place| place.0);
    let filter = filter.read(&control, &principal).await?;
    let page = letters::list(&control, &principal, &filter, cursor, offset, limit).await?;
    let LetterPage { letters, has_more, total, next: iterator, scanned } = page;
    let data = letters.iter().map(LetterOut::from).collect();
    let scanned = scanned.map(|scanned| u64::try_from(scanned).unwrap_or(u64::MAX));
    Ok(Json(LetterList { object: "list", data, has_more, total, iterator, scanned }))
}

/// A letter with everything that is kept about it.
#[derive(Serialize, ToSchema)]
struct LetterDetail {
    #[serde(flatten)]
    letter: LetterOut,
    /// Payload for the subscriber; null for a message, or if it is too large to show.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
    /// The headers of the last attempt; of secrets and signatures, `***`.
    headers_sent: BTreeMap<String, String>,
    /// Every attempt that is on record, oldest first.
    attempt_history: Vec<AttemptOut>,
    /// Queue on which the message died: `inbox` or `outbox`.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'static str>,
    /// The message as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// One dead letter, by number or id, with its whole story.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter/{id}", operation_id = "get_dead_letter",
    params(("id" = String, Path, description = "Its number or its id.")),
    responses((status = 200, body = LetterDetail)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<LetterDetail>, Error> {
    let letter = letters::find(&control, &principal, &id).await?;
    Ok(Json(letters::detail(&control, letter).await?.into()))
}

impl From<Detail> for LetterDetail {
    fn from(detail: Detail) -> Self {
        let (headers_sent, attempts) =
            detail.delivery.map(|delivery| (delivery.sent, delivery.attempts)).unwrap_or_default();
        let (queue, body) = match detail.message {
            None => (None, None),
            Some((LetterQueue::Inbox, body)) => (Some("inbox"), Some(body)),
            Some((LetterQueue::Outbox, body)) => (Some("outbox"), Some(body)),
        };
        Self {
            letter: LetterOut::from(&detail.letter),
            payload: detail.payload.as_deref().and_then(content),
            headers_sent,
            attempt_history: attempts.into_iter().map(AttemptOut::from).collect(),
            queue,
            body: body.map(|body| String::from_utf8_lossy(&body).into_owned()),
        }
    }
}

/// Confirmation that a letter was thrown away (R3.9).
#[derive(Serialize, ToSchema)]
struct Deleted {
    /// Always true.
    deleted: bool,
    /// Number of the letter.
    id: u64,
}

/// Throws a dead letter away.
#[utoipa::path(delete, path = "/v1/webhooks/dead-letter/{id}", operation_id = "delete_dead_letter",
    params(("id" = String, Path, description = "Its number or its id.")),
    responses((status = 200, body = Deleted)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Deleted>, Error> {
    let letter = letters::delete(&control, &principal, &id).await?;
    Ok(Json(Deleted { deleted: true, id: letter.number }))
}

/// Selection of the letters that are put back, and the rate.
#[derive(Deserialize, ToSchema)]
struct RedriveIn {
    /// Choice of letters; a field that is not set matches everything. Something must be set, or `all` must
    /// be true.
    #[serde(default)]
    filter: FilterIn,
    /// All of them, whatever they are.
    #[serde(default)]
    all: bool,
    /// Letters per second.
    #[schema(minimum = 1, maximum = 500)]
    rate: Option<i64>,
    /// Whether the letters are only counted; also spelt `dryRun`.
    #[serde(default, alias = "dryRun")]
    dry_run: bool,
}

/// Count of a dry run.
#[derive(Serialize, ToSchema)]
struct Matched {
    /// Letters that would be put back.
    matched: u64,
    /// Always true.
    dry_run: bool,
}

/// The task that puts letters back.
#[derive(Serialize, ToSchema)]
struct Started {
    /// Id of the task.
    task_id: String,
    /// URL of the task's progress.
    status_url: String,
    /// Letters per second.
    rate: u32,
}

/// Puts back every waiting letter that a filter matches, at a rate.
#[utoipa::path(post, path = "/v1/webhooks/dead-letter/redrive",
    operation_id = "redrive_dead_letters", request_body = RedriveIn,
    responses((status = 200, description = "A dry run", body = Matched),
        (status = 202, body = Started), (status = 404)))]
async fn redrive(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<RedriveIn>,
) -> Result<Response, Error> {
    let filter = given.filter.read(&control, &principal).await?;
    letters::must_choose(&principal, &filter, given.all)?;
    // A rate out of bounds is refused in a dry run too.
    letters::checked_rate(given.rate)?;
    if given.dry_run {
        let matched = letters::count_waiting(&control, &filter).await?;
        return Ok(Json(Matched { matched, dry_run: true }).into_response());
    }
    let task = letters::redrive(&control, &principal, filter, given.rate).await?;
    Ok((StatusCode::ACCEPTED, Json(Started::of(&task))).into_response())
}

/// Selection of the letters that are deleted.
#[derive(Deserialize, ToSchema)]
struct DiscardIn {
    /// Choice of letters; a field that is not set matches everything. Something must be set, or `all` must
    /// be true.
    #[serde(default)]
    filter: FilterIn,
    /// All of them, whatever they are.
    #[serde(default)]
    all: bool,
    /// Whether the letters are only counted; also spelt `dryRun`.
    #[serde(default, alias = "dryRun")]
    dry_run: bool,
}

/// Throws away every letter that a filter matches.
#[utoipa::path(post, path = "/v1/webhooks/dead-letter/delete", operation_id = "delete_dead_letters",
    request_body = DiscardIn,
    responses((status = 200, description = "A dry run", body = Matched),
        (status = 202, body = Started), (status = 404)))]
async fn discard(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<DiscardIn>,
) -> Result<Response, Error> {
    let filter = given.filter.read(&control, &principal).await?;
    letters::must_choose(&principal, &filter, given.all)?;
    if given.dry_run {
        let matched = letters::count_all(&control, &filter).await?;
        return Ok(Json(Matched { matched, dry_run: true }).into_response());
    }
    let task = letters::discard(&control, &principal, filter).await?;
    Ok((StatusCode::ACCEPTED, Json(Started::of(&task))).into_response())
}

impl Started {
    fn of(task: &Task) -> Self {
        let status_url = format!("/v1/tasks/{}", task.id);
        Self { task_id: task.id.to_string(), status_url, rate: task.rate }
    }
}

/// Part of the export that is answered.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    #[param(inline, nullable = false)]
    limit: Option<LetterLimit>,
    #[param(value_type = String, required = false)]
    iterator: Option<Place>,
}

/// Letters that a filter matches, each with its details, as JSON lines, newest first. However many
/// there are: a `Link` with `rel="next"` leads to the rest.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter/export", operation_id = "export_dead_letters",
    params(ExportQuery, FilterIn),
    responses((status = 200, description = "JSON lines, each a letter as it is shown alone.",
        content_type = "application/jsonl", body = String), (status = 404)))]
async fn export(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(ExportQuery { limit, iterator }): Query<ExportQuery>,
    Query(filter): Query<FilterIn>,
    raw: RawQuery,
) -> Result<Response, Error> {
    let limit = limit.map_or(MAX_LETTERS, |limit| limit.0) as usize;
    let (filter, cursor) =
        (filter.read(&control, &principal).await?, iterator.map(|place| place.0));
    let walked = letters::export(&control, &principal, &filter, cursor, limit).await?;
    let (mut lines, mut next) = (Vec::new(), walked.next);
    let details: Vec<_> = walked.items.into_iter().map(|letter| line(&control, letter)).collect();
    let mut details = stream::iter(details).buffered(AT_ONCE);
    while let Some((place, line)) = details.try_next().await? {
        lines.extend(line);
        if json_lines::MAX_BYTES <= lines.len() {
            next = Some(place);
            break;
        }
    }
    let base = control.public_url();
    let url = |next: String| {
        let query = raw.with(&[("iterator", &next), ("limit", &limit.to_string())]);
        format!("{base}/v1/webhooks/dead-letter/export?{query}")
    };
    json_lines::part(lines, next.map(url))
}

/// The line of a letter, and the letter's place.
async fn line(control: &ControlPlane, letter: Letter) -> Result<(String, Vec<u8>), Error> {
    let place = Table::letter_cursor(&letter);
    let detail = LetterDetail::from(letters::detail(control, letter).await?);
    let line = serde_json::to_vec(&detail);
    let mut line = line.map_err(|error| Unavailable::new("writing a line", error))?;
    line.push(b'\n');
    Ok((place, line))
}
