//! Batches: told of before or after their jobs, closed, looked at.

mod files;
mod out;

use std::sync::Arc;

use adapters::table::WriteOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    batch::{Batch, BatchDetails, Declaration, FailOn, Steps},
    endpoint::{Endpoint, EndpointScope},
    id::{ApplicationId, BatchId, EndpointId},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use self::out::BatchOut;
use super::cursor::CursorQuery;
use crate::{
    v1::jobs::register::{hex, metadata, named},
    v1::webhook::{self, WebhookIn},
    web::{
        Routes,
        error::Error,
        gate::Authenticated,
        input::{Body, Query},
        page::{List, PageQuery},
    },
};
use manage::{
    ControlPlane, Principal, applications, batches,
    webhooks::{self, WebhookDraft},
};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .read(routes!(list))
        .publish(routes!(create))
        .read(routes!(get))
        .publish(routes!(close))
        .merge(files::routes())
}

/// How often a change looks again when others are at the same batch.
const TRIES: usize = 16;

/// A batch as it is told to us.
#[derive(Default, Deserialize, ToSchema)]
struct BatchIn {
    /// What senders call it; one is made if there is none.
    #[schema(max_length = 256)]
    id: Option<String>,
    /// The same.
    #[schema(max_length = 256)]
    external_id: Option<String>,
    /// How many jobs it has; left out, it is closed later.
    size: Option<u64>,
    /// The application (id or uid) that hears of it; its source's, if that is named.
    application: Option<String>,
    /// The source that its jobs come from.
    source: Option<String>,
    input_file_id: Option<String>,
    /// The platform's path that its requests go to.
    endpoint: Option<String>,
    completion_window: Option<String>,
    #[schema(minimum = -1, maximum = 1)]
    priority: Option<i8>,
    /// The caller's own data.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Announce progress each time so many more jobs have ended.
    #[schema(minimum = 1)]
    progress_every: Option<u64>,
    /// Announce progress each time so many more per cent have ended; 10 if neither is given and the
    /// webhook's events name progress.
    #[schema(minimum = 1, maximum = 100)]
    progress_percent: Option<u8>,
    /// `all`: it has failed if none of its jobs succeeded. `any`: if one did not.
    #[schema(value_type = Option<String>)]
    fail_on: Option<FailOn>,
    /// Who hears of this batch, besides its application's endpoints.
    webhook: Option<WebhookIn>,
    /// The same as `webhook.url`.
    webhook_url: Option<String>,
    /// The same as `webhook.secret`.
    webhook_secret: Option<String>,
    /// The same as `webhook.headers`.
    #[schema(value_type = Option<Object>)]
    webhook_headers: Option<Value>,
}

/// Request to close a batch.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct CloseIn {
    /// Number of its jobs; left out, those that are known now.
    size: Option<u64>,
}

/// Tells us of a batch, before its jobs or after. The same again is the same batch.
#[utoipa::path(post, path = "/v1/batches", tag = "batches", operation_id = "create_batch", request_body = BatchIn,
    responses((status = 200, body = BatchOut, description = "It was told of before."), (status = 201, body = BatchOut), (status = 401), (status = 403), (status = 409), (status = 422)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(mut given): Body<BatchIn>,
) -> Result<(StatusCode, Json<BatchOut>), Error> {
    let application = application(&control, &principal, &mut given).await?;
    let external = given.external_id.take().or(given.id.take());
    let external = match external {
        Some(external) => named("external_id", external)?,
        None => hex(adapters::random::bytes()),
    };
    let webhook = WebhookIn::of(
        given.webhook.take(),
        given.webhook_url.take(),
        given.webhook_secret.take(),
        given.webhook_headers.take(),
        given.metadata.as_ref(),
    )?;
    let mut webhook = webhook.map(WebhookIn::draft).transpose()?;
    // Whoever names the file of its requests speaks the batch server's language, and hears it (R3.1,
    // R3.11), unless a profile is named.
    if let Some(webhook) = &mut webhook {
        webhook.speak_as(if given.input_file_id.is_some() { "batch" } else { "standard" });
    }
    let application_id = ApplicationId::named(&application);
    if let Some(webhook) = &mut webhook {
        webhooks::inherit_secret(&control, webhook, &application_id).await?;
    }
    let id = BatchId::of(&application_id, &external);
    let declaration = declaration(given, webhook.as_ref(), &id)?;
    for _ in 0..TRIES {
        let now = control.now();
        let known = control.table().batch(&id).await?;
        let batch = known.unwrap_or_else(|| Batch::unknown(&application, &external, now));
        if batch.declared_at.is_some() {
            return match is_as_declared(&batch, &declaration) {
                true => Ok((
                    StatusCode::OK,
                    Json(batches::with_webhooks(&control, batch).await?.into()),
                )),
                false => Err(Error::Conflict("it was declared differently before".to_owned())),
            };
        }
        let next = batch.declared(declaration.clone(), now);
        let endpoint = endpoint(&control, &next, webhook.clone())?;
        if control.table().put_batch(&next, endpoint.as_ref()).await? == WriteOutcome::Done {
            if next.is_busy() {
                batches::ring(&control, &next.id).await;
            }
            return Ok((
                StatusCode::CREATED,
                Json(batches::with_webhooks(&control, next).await?.into()),
            ));
        }
    }
    Err(busy())
}

fn busy() -> Error {
    Error::Conflict("others were at the same batch all the time; please try again".to_owned())
}

/// The application that is to hear of a batch.
async fn application(
    control: &ControlPlane,
    principal: &Principal,
    given: &mut BatchIn,
) -> Result<String, Error> {
    let no_source = || Error::field("source", "there is no such source");
    let of_source = match &given.source {
        Some(name) if name.len() <= 64 => {
            let source = control.table().source(name).await?.ok_or_else(no_source)?;
            let id = ApplicationId::named(&source.application);
            if !principal.sees(&id) {
                return Err(no_source());
            }
            Some(source.application)
        }
        Some(_) => return Err(no_source()),
        None => None,
    };
    if let (Some(given), Some(its)) = (&given.application, &of_source)
        && applications::id_of(control, given).await? != ApplicationId::named(its)
    {
        return Err(Error::field("application", "is not the one of this source"));
    }
    let own = principal.application.as_ref().map(ToString::to_string);
    let application = of_source.or(given.application.take()).or(own);
    let application = application.unwrap_or_else(|| applications::DEFAULT.to_owned());
    if !domain::id::is_identifier(&application, 256) {
        return Err(Error::field("application", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
    }
    Ok(applications::ensure_visible(control, principal, application).await?)
}

fn declaration(
    given: BatchIn,
    webhook: Option<&WebhookDraft>,
    id: &BatchId,
) -> Result<Declaration, Error> {
    let one = |field: &str, id: Option<String>| id.map(|id| named(field, id)).transpose();
    let steps = match (given.progress_every, given.progress_percent) {
        (Some(_), Some(_)) => {
            return Err(Error::field("progress_percent", "cannot stand beside progress_every"));
        }
        (Some(jobs), None) if (1..=batches::MAX_SIZE).contains(&jobs) => Some(Steps::Every(jobs)),
        (Some(_), None) => return Err(Error::field("progress_every", "is 1 to 1000000000")),
        (None, Some(percent)) if (1..=100).contains(&percent) => Some(Steps::Percent(percent)),
        (None, Some(_)) => return Err(Error::field("progress_percent", "is 1 to 100")),
        // Whoever asks to hear of progress and not how often (R3.6) hears of each tenth.
        (None, None) => {
            webhook.filter(|webhook| webhook.names("progress")).map(|_| Steps::Percent(10))
        }
    };
    if given.priority.is_some_and(|priority| !(-1..=1).contains(&priority)) {
        return Err(Error::field("priority", "is -1 to 1"));
    }
    Ok(Declaration {
        about: BatchDetails {
            source: given.source,
            input_file_id: one("input_file_id", given.input_file_id)?,
            endpoint: one("endpoint", given.endpoint)?,
            completion_window: one("completion_window", given.completion_window)?,
            priority: given.priority,
            metadata: metadata(given.metadata)?.unwrap_or_default(),
        },
        size: batches::checked_size(given.size)?,
        steps,
        fail_on: given.fail_on.unwrap_or_default(),
        webhook: webhook.map(|webhook| EndpointId::of_batch(id, webhook.url())),
    })
}

/// Whether a batch was declared like this. Its size may have become known since.
fn is_as_declared(batch: &Batch, declaration: &Declaration) -> bool {
    batch.about == declaration.about
        && declaration.size.is_none_or(|size| batch.size == Some(size))
        && batch.steps == declaration.steps
        && batch.fail_on == declaration.fail_on
        && batch.webhooks.iter().eq(declaration.webhook.iter())
}

fn endpoint(
    control: &ControlPlane,
    batch: &Batch,
    webhook: Option<WebhookDraft>,
) -> Result<Option<Endpoint>, Error> {
    let (Some(webhook), Some(id)) = (webhook, batch.webhooks.first()) else { return Ok(None) };
    let application = ApplicationId::named(&batch.application);
    let scope = EndpointScope::Batch(batch.id.clone());
    let (id, now) = (id.clone(), batch.updated_at);
    let made = webhooks::prepare(control, webhook, None, id, application, scope, now);
    let made = made.map_err(|refusal| webhook::spelt(refusal.within("webhook")))?;
    Ok(Some(made))
}

/// The application of a batch, where several applications use the same id.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ApplicationQuery {
    /// Whose batch, where several applications use the same id.
    #[param(nullable = false)]
    application: Option<String>,
}

/// Words for the state of a batch.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    InProgress,
    Completed,
    Failed,
}

impl StatusWord {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// Batches that are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BatchesQuery {
    #[param(value_type = String, required = false)]
    status: Option<StatusWord>,
}

/// Batches, newest first.
#[utoipa::path(get, path = "/v1/batches", tag = "batches", operation_id = "list_batches",
    params(PageQuery, CursorQuery, BatchesQuery),
    responses((status = 200, body = List<BatchOut>), (status = 401), (status = 422)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(page): Query<PageQuery>,
    Query(cursor): Query<CursorQuery>,
    Query(BatchesQuery { status }): Query<BatchesQuery>,
) -> Result<Json<List<BatchOut>>, Error> {
    let page = cursor.beside(page)?;
    let part = batches::list(&control, &principal, status.map(StatusWord::as_str), page).await?;
    let data = part.items.into_iter().map(|batch| BatchOut::of(batch, Vec::new())).collect();
    Ok(Json(List::new(data, part.next)))
}

/// One batch, by our id or the senders'.
#[utoipa::path(get, path = "/v1/batches/{id}", tag = "batches", operation_id = "get_batch",
    params(("id" = String, Path), ApplicationQuery),
    responses((status = 200, body = BatchOut), (status = 401), (status = 404)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
) -> Result<Json<BatchOut>, Error> {
    let batch = batches::find(&control, &principal, &id, application.as_deref()).await?;
    Ok(Json(batches::with_webhooks(&control, batch).await?.into()))
}

/// Closes a batch: it has so many jobs, or those that are known.
#[utoipa::path(post, path = "/v1/batches/{id}/close", tag = "batches", operation_id = "close_batch",
    params(("id" = String, Path), ApplicationQuery), request_body = CloseIn,
    responses((status = 200, body = BatchOut), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 422)))]
async fn close(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
    Body(CloseIn { size }): Body<CloseIn>,
) -> Result<Json<BatchOut>, Error> {
    let size = batches::checked_size(size)?;
    let batch = batches::find(&control, &principal, &id, application.as_deref()).await?;
    Ok(Json(batches::close(&control, &batch.id, size).await?.into()))
}
