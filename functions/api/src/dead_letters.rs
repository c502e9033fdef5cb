//! The dead-letter desk: what died, why, and putting back what a filter chooses. Putting back one
//! is in [`crate::retry`].

use std::sync::Arc;

use adapters::{
    random,
    table::{Table, Written},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    id::{ApplicationId, EndpointId, TaskId},
    letter::{Filter, Letter, LetterState, What},
    retry::ErrorClass,
    task::{DEFAULT_RATE, MAX_RATE, Task},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::warn;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Api, Routes,
    auth::Asker,
    error::Error,
    events::AttemptOut,
    input::{Body, Params, instant},
    letter::{LetterOut, content, find, sees},
};

/// Letters read at a time.
const PAGE: usize = 500;

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(list)).routes(routes!(get, delete)).routes(routes!(redrive))
}

/// A part of the letters (R3.7).
#[derive(Serialize, ToSchema)]
struct LetterList {
    /// Always `list`.
    object: &'static str,
    data: Vec<LetterOut>,
    /// Whether there are more behind these.
    has_more: bool,
    /// How many there are.
    total: u64,
}

/// Dead letters, newest first.
#[utoipa::path(get, path = "/v1/webhooks/dead-letter", tag = "dead letters", operation_id = "list_dead_letters",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 1000), ("offset" = Option<u64>, Query)),
    responses((status = 200, body = LetterList), (status = 401), (status = 422)))]
async fn list(
    State(api): State<Arc<Api>>,
    asker: Asker,
    params: Params,
) -> Result<Json<LetterList>, Error> {
    let limit = params.number("limit", 1..=1000, 100)?;
    let offset = params.number("offset", 0..=100_000, 0)?;
    let mut data = Vec::new();
    let mut seen = 0usize;
    let mut count = |letter: &Letter| {
        if offset <= seen && data.len() < limit {
            data.push(LetterOut::from(letter));
        }
        seen += 1;
        // One who sees everything has the table count the rest.
        asker.application.is_some() || seen <= offset.saturating_add(limit)
    };
    each(&api, |letter| !sees(&asker, letter) || count(letter)).await?;
    let total = match asker.application {
        Some(_) => seen as u64,
        None => api.table.count_letters().await?,
    };
    let has_more = offset.saturating_add(limit) < seen;
    Ok(Json(LetterList { object: "list", data, has_more, total }))
}

/// Shows every letter, newest first, to somebody who says whether to go on.
async fn each(api: &Api, mut show: impl FnMut(&Letter) -> bool) -> Result<(), Error> {
    let mut cursor = None;
    loop {
        let page = api.table.letters(cursor.as_deref(), PAGE, false).await?;
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
struct LetterDetail {
    #[serde(flatten)]
    letter: LetterOut,
    /// What its subscriber was to receive; null for a message, or if it is too large to show.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
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
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asker: Asker,
) -> Result<Json<LetterDetail>, Error> {
    let letter = find(&api, &asker, &id).await?;
    let mut detail = LetterDetail {
        letter: LetterOut::from(&letter),
        payload: None,
        attempt_history: Vec::new(),
        queue: None,
        body: None,
    };
    match letter.what {
        What::Delivery { event, delivery, .. } => {
            if let Some(event) = api.table.event(&event).await? {
                detail.payload = content(&api.bucket.open(event.payload).await?);
            }
            if let Some(delivery) = api.table.delivery(&event, &delivery).await? {
                let attempts = delivery.attempts.into_iter().map(AttemptOut::from);
                detail.attempt_history = attempts.collect();
            }
        }
        What::Message { queue, body } => {
            let bytes = api.bucket.open(body).await?;
            detail.body = Some(String::from_utf8_lossy(&bytes).into_owned());
            detail.queue = Some(match queue {
                domain::letter::Queue::Inbox => "inbox",
                domain::letter::Queue::Outbox => "outbox",
            });
        }
    }
    Ok(Json(detail))
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
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asker: Asker,
) -> Result<Json<Deleted>, Error> {
    let letter = find(&api, &asker, &id).await?;
    match api.table.delete_letter(&letter, api.clock.now()).await? {
        Written::Yes => Ok(Json(Deleted { deleted: true, id: letter.number })),
        Written::Refused => {
            Err(Error::Conflict("it changed at the same time, please try again".to_owned()))
        }
    }
}

/// Which letters to put back, and how fast.
#[derive(Deserialize, ToSchema)]
struct RedriveIn {
    /// What is not set matches everything.
    #[serde(default)]
    filter: FilterIn,
    /// Letters per second.
    #[schema(minimum = 1, maximum = 500)]
    rate: Option<i64>,
    /// Only count them.
    #[serde(default)]
    dry_run: bool,
}

/// Which letters somebody means.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct FilterIn {
    /// Letters to this endpoint, by id.
    endpoint: Option<String>,
    /// Letters of this application, by id or uid.
    application: Option<String>,
    /// Letters of this event type.
    event_type: Option<String>,
    /// Letters of this batch.
    batch_id: Option<String>,
    /// Letters that died for this reason.
    #[schema(value_type = Option<String>)]
    error_class: Option<ErrorClass>,
    /// Letters parked at this time or later.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Letters parked before this time.
    #[schema(format = DateTime)]
    until: Option<String>,
}

impl FilterIn {
    fn read(self, asker: &Asker) -> Result<Filter, Error> {
        let at = |name, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => instant(&text)
                .map(Some)
                .ok_or_else(|| Error::field(name, "is a time such as 2026-11-22T01:13:33Z")),
        };
        let endpoint = match self.endpoint {
            None => None,
            Some(text) => {
                let id = EndpointId::parse(&text);
                Some(id.map_err(|_| Error::field("endpoint", "is an id such as ep_…"))?)
            }
        };
        let application = match self.application {
            None => asker.application.clone(),
            Some(name) => {
                let id = ApplicationId::named(&name);
                asker.must_see(&id)?;
                Some(id)
            }
        };
        Ok(Filter {
            endpoint,
            application,
            event_type: self.event_type,
            batch_id: self.batch_id,
            error_class: self.error_class,
            since: at("since", self.since)?,
            until: at("until", self.until)?,
        })
    }
}

/// What a dry run counted.
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
    State(api): State<Arc<Api>>,
    asker: Asker,
    Body(given): Body<RedriveIn>,
) -> Result<Response, Error> {
    let filter = given.filter.read(&asker)?;
    let rate = match given.rate {
        None => DEFAULT_RATE,
        Some(rate) => {
            let rate = u32::try_from(rate).ok().filter(|rate| (1..=MAX_RATE).contains(rate));
            rate.ok_or_else(|| Error::field("rate", format!("is 1 to {MAX_RATE}")))?
        }
    };
    if given.dry_run {
        let mut matched = 0;
        each(&api, |letter| {
            let meant = letter.state == LetterState::Waiting && filter.matches(letter);
            matched += u64::from(meant);
            true
        })
        .await?;
        return Ok(Json(Matched { matched, dry_run: true }).into_response());
    }
    let now = api.clock.now();
    let task = Task::redrive(TaskId::random(random::bytes()), filter, rate, now);
    api.table.create_task(&task, now).await?;
    if let Err(error) = api.bells().task(&task.id).await {
        warn!(%error, "a task was not rung for; the sweep will");
    }
    let status_url = format!("/v1/tasks/{}", task.id);
    let started = Started { task_id: task.id.to_string(), status_url, rate };
    Ok((StatusCode::ACCEPTED, Json(started)).into_response())
}
