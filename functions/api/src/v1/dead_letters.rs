//! The dead-letter desk: what died, why, and putting back what a filter chooses. Putting back one
//! is in [`crate::v1::retry`].

use std::{collections::BTreeMap, sync::Arc};

use adapters::{
    Unavailable, random,
    table::{Table, WriteOutcome},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    id::TaskId,
    letter::{Letter, LetterFilter, LetterState, LetterSubject},
    task::{DEFAULT_RATE, MAX_RATE, Task},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    v1::events::AttemptOut,
    v1::letter::{LetterOut, content, find, sees},
    v1::letter_filter::FilterIn,
    v1::tasks,
    web::{
        Routes, error::Error, gate::Authenticated, input::Body, json_lines, page::Wanted,
        params::Params,
    },
};
use manage::{ControlPlane, walk};

/// Letters read at a time.
const PAGE: usize = 500;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .read(routes!(list))
        .read(routes!(export))
        .read(routes!(get))
        .admin(routes!(delete))
        .admin(routes!(redrive))
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
    /// How many there are; nobody counts behind an iterator.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// LetterSubject to pass as `iterator` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    iterator: Option<String>,
}

/// Dead letters that a filter matches, newest first.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter", tag = "dead letters", operation_id = "list_dead_letters",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 1000), ("offset" = Option<u64>, Query), ("iterator" = Option<String>, Query, description = "The `iterator` of the part before; instead of an offset."),
        ("endpoint" = Option<String>, Query), ("application" = Option<String>, Query), ("event_type" = Option<String>, Query), ("batch_id" = Option<String>, Query), ("job_id" = Option<String>, Query),
        ("error_class" = Option<String>, Query), ("state" = Option<String>, Query), ("since" = Option<String>, Query, format = DateTime), ("until" = Option<String>, Query, format = DateTime)),
    responses((status = 200, body = LetterList), (status = 401), (status = 422)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<LetterList>, Error> {
    let limit = params.number("limit", 1..=1000, 100)?;
    let offset = params.number("offset", 0..=100_000, 0)?;
    let cursor = Wanted::place(&params)?;
    let filter = FilterIn::of_query(&params)?.read(&principal)?;
    let everything = filter == LetterFilter::default() && cursor.is_none();
    let mut data: Vec<LetterOut> = Vec::new();
    let (mut seen, mut place) = (0usize, None);
    let mut count = |letter: &Letter| {
        if offset <= seen && data.len() < limit {
            data.push(LetterOut::from(letter));
            place = Some(Table::letter_cursor(letter));
        }
        seen += 1;
        // The table counts all of them faster, and behind a cursor nobody asks how many there are.
        !(everything || cursor.is_some()) || seen <= offset.saturating_add(limit)
    };
    let shown = |letter: &Letter| sees(&principal, letter) && filter.matches(letter);
    each(&control, cursor.clone(), |letter| !shown(letter) || count(letter)).await?;
    let total = match everything {
        true => Some(control.table().count_letters().await?),
        false => Some(seen as u64).filter(|_| cursor.is_none()),
    };
    let has_more = offset.saturating_add(limit) < seen;
    let iterator = place.filter(|_| has_more);
    Ok(Json(LetterList { object: "list", data, has_more, total, iterator }))
}

/// Shows every letter behind a place, newest first, to somebody who says whether to go on.
async fn each(
    control: &ControlPlane,
    mut cursor: Option<String>,
    mut show: impl FnMut(&Letter) -> bool,
) -> Result<(), Error> {
    loop {
        let page = control.table().letters(cursor.as_deref(), PAGE, false).await?;
        if !page.items.iter().all(&mut show) {
            return Ok(());
        }
        cursor = page.items.last().map(Table::letter_cursor);
        if page.next.is_none() {
            return Ok(());
        }
    }
}

/// A letter with its whole story.
#[derive(Serialize, ToSchema)]
pub(crate) struct LetterDetail {
    #[serde(flatten)]
    letter: LetterOut,
    /// LetterSubject its subscriber was to receive; null for a message, or if it is too large to show.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
    /// The headers of the last attempt; of secrets and signatures, `***`.
    headers_sent: BTreeMap<String, String>,
    /// Every attempt that is on record, oldest first.
    attempt_history: Vec<AttemptOut>,
    /// Where a message died: `inbox` or `outbox`.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'static str>,
    /// The message as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// One dead letter, by number or id, with its whole story.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter/{id}", tag = "dead letters", operation_id = "get_dead_letter",
    params(("id" = String, Path, description = "Its number or its id.")),
    responses((status = 200, body = LetterDetail), (status = 401), (status = 404)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<LetterDetail>, Error> {
    let letter = find(&control, &principal, &id).await?;
    Ok(Json(story(&control, letter).await?))
}

/// A letter with all that is known of it.
pub(crate) async fn story(control: &ControlPlane, letter: Letter) -> Result<LetterDetail, Error> {
    let mut detail = LetterDetail {
        letter: LetterOut::from(&letter),
        payload: None,
        headers_sent: BTreeMap::new(),
        attempt_history: Vec::new(),
        queue: None,
        body: None,
    };
    match letter.what {
        LetterSubject::Delivery { event, delivery, .. } => {
            if let Some(event) = control.table().event(&event).await? {
                detail.payload = content(&control.bucket().open(event.payload).await?);
            }
            if let Some(delivery) = control.table().delivery(&event, &delivery).await? {
                detail.headers_sent = delivery.sent;
                let attempts = delivery.attempts.into_iter().map(AttemptOut::from);
                detail.attempt_history = attempts.collect();
            }
        }
        LetterSubject::Message { queue, body } => {
            let bytes = control.bucket().open(body).await?;
            detail.body = Some(String::from_utf8_lossy(&bytes).into_owned());
            detail.queue = Some(match queue {
                domain::letter::LetterQueue::Inbox => "inbox",
                domain::letter::LetterQueue::Outbox => "outbox",
            });
        }
    }
    Ok(detail)
}

/// That a letter is gone (R3.9).
#[derive(Serialize, ToSchema)]
struct Deleted {
    /// Always true.
    deleted: bool,
    /// Its number.
    id: u64,
}

/// Throws a dead letter away.
#[utoipa::path(delete, path = "/v1/webhooks/dead-letter/{id}", tag = "dead letters", operation_id = "delete_dead_letter",
    params(("id" = String, Path, description = "Its number or its id.")),
    responses((status = 200, body = Deleted), (status = 401), (status = 403), (status = 404)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Deleted>, Error> {
    let letter = find(&control, &principal, &id).await?;
    match control.table().delete_letter(&letter, control.now()).await? {
        WriteOutcome::Done => Ok(Json(Deleted { deleted: true, id: letter.number })),
        WriteOutcome::Refused => {
            Err(Error::Conflict("it changed at the same time, please try again".to_owned()))
        }
    }
}

/// Which letters to put back, and how fast.
#[derive(Deserialize, ToSchema)]
struct RedriveIn {
    /// LetterSubject is not set matches everything.
    #[serde(default)]
    filter: FilterIn,
    /// Letters per second.
    #[schema(minimum = 1, maximum = 500)]
    rate: Option<i64>,
    /// Only count them.
    #[serde(default)]
    dry_run: bool,
}

/// LetterSubject a dry run counted.
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
    /// Its id.
    task_id: String,
    /// Where it tells how far it is.
    status_url: String,
    /// Letters per second.
    rate: u32,
}

/// Puts back every waiting letter that a filter matches, at a rate.
#[utoipa::path(post, path = "/v1/webhooks/dead-letter/redrive", tag = "dead letters", operation_id = "redrive_dead_letters",
    request_body = RedriveIn,
    responses((status = 200, description = "A dry run", body = Matched), (status = 202, body = Started), (status = 401), (status = 403), (status = 404), (status = 422)))]
async fn redrive(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<RedriveIn>,
) -> Result<Response, Error> {
    let filter = given.filter.read(&principal)?;
    let rate = match given.rate {
        None => DEFAULT_RATE,
        Some(rate) => {
            let rate = u32::try_from(rate).ok().filter(|rate| (1..=MAX_RATE).contains(rate));
            rate.ok_or_else(|| Error::field("rate", format!("is 1 to {MAX_RATE}")))?
        }
    };
    let waiting = |letter: &Letter| letter.state == LetterState::Waiting && filter.matches(letter);
    if given.dry_run {
        return Ok(Json(Matched::count(&control, waiting).await?).into_response());
    }
    let now = control.now();
    let task = Task::redrive(TaskId::random(random::bytes()), filter, rate, now);
    tasks::start(&control, &task).await?;
    Ok((StatusCode::ACCEPTED, Json(Started::of(&task))).into_response())
}

/// Which letters to throw away.
#[derive(Deserialize, ToSchema)]
struct DiscardIn {
    /// LetterSubject is not set matches everything; something must be set, or `all` must be true.
    #[serde(default)]
    filter: FilterIn,
    /// All of them, whatever they are.
    #[serde(default)]
    all: bool,
    /// Only count them.
    #[serde(default)]
    dry_run: bool,
}

/// Throws away every letter that a filter matches.
#[utoipa::path(post, path = "/v1/webhooks/dead-letter/delete", tag = "dead letters", operation_id = "delete_dead_letters",
    request_body = DiscardIn,
    responses((status = 200, description = "A dry run", body = Matched), (status = 202, body = Started), (status = 401), (status = 403), (status = 404), (status = 422)))]
async fn discard(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<DiscardIn>,
) -> Result<Response, Error> {
    let filter = given.filter.read(&principal)?;
    let only_theirs =
        LetterFilter { application: principal.application.clone(), ..LetterFilter::default() };
    if filter == only_theirs && !given.all {
        return Err(Error::field("filter", "is empty; `all` says that all letters are meant"));
    }
    if given.dry_run {
        let meant = Matched::count(&control, |letter| filter.matches(letter)).await?;
        return Ok(Json(meant).into_response());
    }
    let task = Task::discard(TaskId::random(random::bytes()), filter, control.now());
    tasks::start(&control, &task).await?;
    info!(audit = true, key = %principal.key, task = %task.id, "letters are to be thrown away");
    Ok((StatusCode::ACCEPTED, Json(Started::of(&task))).into_response())
}

impl Matched {
    async fn count(control: &ControlPlane, meant: impl Fn(&Letter) -> bool) -> Result<Self, Error> {
        let mut matched = 0;
        each(control, None, |letter| {
            matched += u64::from(meant(letter));
            true
        })
        .await?;
        Ok(Self { matched, dry_run: true })
    }
}

impl Started {
    fn of(task: &Task) -> Self {
        let status_url = format!("/v1/tasks/{}", task.id);
        Self { task_id: task.id.to_string(), status_url, rate: task.rate }
    }
}

/// Letters read for one part of an export.
const MAX_EXPORTED: usize = 1000;
/// Stories read at the same time, each with a payload.
const AT_ONCE: usize = 8;

/// Letters that a filter matches, each with its whole story, as JSON lines, newest first. However
/// many there are: a `Link` with `rel="next"` leads to the rest.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter/export", tag = "dead letters", operation_id = "export_dead_letters",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 1000), ("iterator" = Option<String>, Query),
        ("endpoint" = Option<String>, Query), ("application" = Option<String>, Query), ("event_type" = Option<String>, Query), ("batch_id" = Option<String>, Query), ("job_id" = Option<String>, Query),
        ("error_class" = Option<String>, Query), ("state" = Option<String>, Query), ("since" = Option<String>, Query, format = DateTime), ("until" = Option<String>, Query, format = DateTime)),
    responses((status = 200, description = "JSON lines, each a letter as it is shown alone.", content_type = "application/jsonl", body = String), (status = 401), (status = 422)))]
async fn export(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Response, Error> {
    let limit = params.number("limit", 1..=MAX_EXPORTED, MAX_EXPORTED)?;
    let filter = FilterIn::of_query(&params)?.read(&principal)?;
    let keep = |letter: &Letter| sees(&principal, letter) && filter.matches(letter);
    let fetch = |cursor: Option<String>, limit| {
        let control = Arc::clone(&control);
        async move { control.table().letters(cursor.as_deref(), limit, false).await }
    };
    let walked = walk(Wanted::place(&params)?, limit, fetch, keep, Table::letter_cursor).await?;
    let (mut lines, mut next) = (Vec::new(), walked.next);
    let stories: Vec<_> = walked.items.into_iter().map(|letter| line(&control, letter)).collect();
    let mut stories = stream::iter(stories).buffered(AT_ONCE);
    while let Some((place, line)) = stories.try_next().await? {
        lines.extend(line);
        if json_lines::MAX_BYTES <= lines.len() {
            next = Some(place);
            break;
        }
    }
    let base = control.public_url().trim_end_matches('/');
    let url = |next: String| {
        let query = params.with(&[("iterator", &next), ("limit", &limit.to_string())]);
        format!("{base}/v1/webhooks/dead-letter/export?{query}")
    };
    json_lines::part(lines, next.map(url))
}

/// The line of a letter, and the letter's place.
async fn line(control: &ControlPlane, letter: Letter) -> Result<(String, Vec<u8>), Error> {
    let place = Table::letter_cursor(&letter);
    let story = story(control, letter).await?;
    let line = serde_json::to_vec(&story);
    let mut line = line.map_err(|error| Unavailable::new("writing a line", error))?;
    line.push(b'\n');
    Ok((place, line))
}
