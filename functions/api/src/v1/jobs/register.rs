//! Telling us of a job before or after it speaks for itself.
//!
//! A registration and a report both write the job on the condition that it is as they read it, and
//! the job names its webhooks. So whichever comes first, the other sees it: a report finds the
//! webhook and tells it, or the registration finds what was announced and has it delivered. Either
//! way each webhook gets each event once.

use std::{sync::Arc, time::Duration};

use adapters::table::{JobRegistration, WriteOutcome};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    batch::BatchMarker,
    delivery::Delivery,
    endpoint::{Endpoint, EndpointScope},
    event::Event,
    id::{ApplicationId, EndpointId, JobId},
    job::{Job, MAX_WEBHOOKS, Registration},
    outgoing::STATUS_REDIS,
    poll,
    signature::token_hash,
    source::{JobToken, Source},
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{JobOut, WebhookOut};
use crate::{
    v1::webhook::{self, WebhookIn},
    web::{error::Error, gate::Authenticated, input::Body},
};
use manage::{
    ControlPlane, Principal, applications, batches,
    sources::is_token,
    webhooks::{self, WebhookDraft},
};

/// Longest id that a caller may choose for a job, a batch or a run.
pub(crate) const MAX_ID: usize = 256;
/// Largest metadata, in bytes.
pub(crate) const MAX_METADATA: usize = 16 * 1024;
/// Longest time that an answer may take, in seconds: 90 days.
const MAX_DEADLINE: u64 = 90 * 86_400;
/// How often a registration looks again when others are at the same job.
const TRIES: usize = 8;

/// A job as it is told to us.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct JobIn {
    /// The source that will report on it; may be left out where there is only one.
    source: Option<String>,
    /// The id by which its sender will report on it; one is made if there is none.
    #[schema(max_length = 256)]
    external_id: Option<String>,
    /// The same.
    #[schema(max_length = 256)]
    id: Option<String>,
    /// The platform's id of the call that runs it.
    call_id: Option<String>,
    /// Its batch, by the senders' id or by ours.
    batch_id: Option<String>,
    run_id: Option<String>,
    project_id: Option<String>,
    /// The application that hears of it; it is its source's.
    application: Option<String>,
    /// How long from now its answer may take.
    #[schema(minimum = 1, maximum = 7776000)]
    deadline_seconds: Option<u64>,
    /// The caller's own data.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Who hears of this job, besides its application's endpoints.
    webhook: Option<WebhookIn>,
    /// The same as `webhook.url`.
    webhook_url: Option<String>,
    /// The same as `webhook.secret`.
    webhook_secret: Option<String>,
    /// The same as `webhook.headers`.
    #[schema(value_type = Option<Object>)]
    webhook_headers: Option<Value>,
}

/// A job that was registered.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    #[serde(flatten)]
    job: JobOut,
    /// The same as `id`.
    job_id: String,
    webhooks: Vec<WebhookOut>,
    /// Where its sender reports its end, if that cannot sign: shown once, good for one job. A
    /// registration that is repeated has a new one, beside the old.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
}

/// Tells us of a job, under an id that is given or made.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", operation_id = "create_job", request_body = JobIn,
    responses((status = 200, body = Registered, description = "It was registered before."), (status = 201, body = Registered), (status = 401), (status = 403), (status = 409), (status = 422)))]
pub(crate) async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<JobIn>,
) -> Result<(StatusCode, Json<Registered>), Error> {
    let source = source(&control, &principal, given.source.as_deref()).await?;
    let external = given.external_id.clone().or_else(|| given.id.clone());
    let external = match external {
        Some(external) => named("external_id", external)?,
        None => hex(adapters::random::bytes()),
    };
    let id = JobId::of(&source.name, &external);
    register(&control, &source, id, &external, given).await
}

/// Tells us of a job under its sender's id; as often as you like.
#[utoipa::path(put, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "put_job", request_body = JobIn,
    params(("id" = String, Path, description = "The sender's id, or our own of a job that is known.")),
    responses((status = 200, body = Registered), (status = 201, body = Registered), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(crate) async fn put(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<JobIn>,
) -> Result<(StatusCode, Json<Registered>), Error> {
    if let Ok(ours) = JobId::parse(&id)
        && let Some(job) = control.table().job(&ours).await?
    {
        principal.must_see(&ApplicationId::named(&job.application))?;
        let source = control.table().source(&job.source).await?.ok_or(Error::NotFound)?;
        return register(&control, &source, ours, &job.external_id, given).await;
    }
    let external = named("id", id)?;
    let source = source(&control, &principal, given.source.as_deref()).await?;
    let id = JobId::of(&source.name, &external);
    register(&control, &source, id, &external, given).await
}

/// The source that a registration means.
async fn source(
    control: &ControlPlane,
    principal: &Principal,
    name: Option<&str>,
) -> Result<Source, Error> {
    let sees = |source: &Source| principal.sees(&ApplicationId::named(&source.application));
    if let Some(name) = name {
        let known = if name.len() <= 64 { control.table().source(name).await? } else { None };
        return known.filter(sees).ok_or_else(|| Error::field("source", "there is no such source"));
    }
    let mut sources = control.table().sources().await?;
    sources.retain(sees);
    match sources.len() {
        1 => Ok(sources.remove(0)),
        count => {
            Err(Error::field("source", format!("must be named, for there are {count} of them")))
        }
    }
}

/// An id that a caller chose.
pub(crate) fn named(field: &str, id: String) -> Result<String, Error> {
    let fits = (1..=MAX_ID).contains(&id.len()) && !id.chars().any(char::is_control);
    match fits {
        true => Ok(id),
        false => Err(Error::field(field, "is 1 to 256 bytes without control characters")),
    }
}

pub(crate) fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Metadata that is not too large.
pub(crate) fn metadata(
    given: Option<Map<String, Value>>,
) -> Result<Option<Map<String, Value>>, Error> {
    let Some(mut metadata) = given else { return Ok(None) };
    // Where it goes is not what it is about.
    metadata.remove("webhook_url");
    match serde_json::to_string(&metadata).is_ok_and(|text| text.len() <= MAX_METADATA) {
        true => Ok(Some(metadata)),
        false => Err(Error::field("metadata", "is larger than 16384 bytes")),
    }
}

async fn register(
    control: &ControlPlane,
    source: &Source,
    id: JobId,
    external: &str,
    mut given: JobIn,
) -> Result<(StatusCode, Json<Registered>), Error> {
    let webhook = WebhookIn::of(
        given.webhook.take(),
        given.webhook_url.take(),
        given.webhook_secret.take(),
        given.webhook_headers.take(),
        given.metadata.as_ref(),
    )?;
    let mut webhook = webhook.map(WebhookIn::draft).transpose()?;
    if let Some(webhook) = &mut webhook {
        webhook.speak_as(&source.profile);
    }
    // Switched off, a webhook is taken as ever and not attached: nothing else changes (R4.6).
    let webhook = webhook.filter(|_| source.options.job_webhooks != Some(false));
    if let Some(application) = given.application.take()
        && applications::id_of(control, &application).await?
            != ApplicationId::named(&source.application)
    {
        return Err(Error::field("application", "is not the one of this source"));
    }
    let mut registration = registration(given, webhook.as_ref(), &id)?;
    if let Some(batch) = registration.batch_id.take() {
        let application = ApplicationId::named(&source.application);
        registration.batch_id = Some(control.table().batch_name(&application, batch).await?);
    }
    for _ in 0..TRIES {
        if let Some((status, mut done)) =
            step(control, source, &id, external, &registration, webhook.as_ref()).await?
        {
            if is_token(&source.profile) && !done.job.has_ended() {
                done.callback_url = Some(callback(control, source, external).await?);
            }
            return Ok((status, Json(done)));
        }
    }
    Err(Error::Conflict("others were at the same job all the time; please try again".to_owned()))
}

fn registration(
    given: JobIn,
    webhook: Option<&WebhookDraft>,
    id: &JobId,
) -> Result<Registration, Error> {
    let one = |field: &str, id: Option<String>| id.map(|id| named(field, id)).transpose();
    let deadline = match given.deadline_seconds {
        Some(seconds) if !(1..=MAX_DEADLINE).contains(&seconds) => {
            return Err(Error::field("deadline_seconds", "is 1 to 7776000"));
        }
        seconds => seconds.map(Duration::from_secs),
    };
    Ok(Registration {
        call_id: one("call_id", given.call_id)?,
        batch_id: one("batch_id", given.batch_id)?,
        run_id: one("run_id", given.run_id)?,
        project_id: one("project_id", given.project_id)?,
        metadata: metadata(given.metadata)?,
        deadline,
        webhook: webhook.map(|webhook| EndpointId::of_job(id, webhook.url())),
    })
}

/// One look at the table and one step; nothing if the job changed in between.
async fn step(
    control: &ControlPlane,
    source: &Source,
    id: &JobId,
    external: &str,
    registration: &Registration,
    webhook: Option<&WebhookDraft>,
) -> Result<Option<(StatusCode, Registered)>, Error> {
    let now = control.now();
    let known = control.table().job(id).await?;
    let new = || Job::unknown(&source.name, &source.application, external, now);
    let job = known.unwrap_or_else(new);
    let mut next = job.registered(registration, now);
    if job.registered_at.is_none() || job.deadline_at != next.deadline_at {
        poll::expect(&mut next, &source.options, now);
    }
    let mut webhooks = control.table().webhooks_of(&job).await?;
    let (mut endpoint, mut missed) = (None, Vec::new());
    if let (Some(given), Some(id)) = (webhook, &registration.webhook) {
        let known = webhooks.iter().position(|known| known.id == *id);
        let known = known.map(|at| webhooks.remove(at));
        if MAX_WEBHOOKS < next.webhooks.len() {
            let why = format!("a job has at most {MAX_WEBHOOKS} webhooks");
            return Err(Error::Conflict(why));
        }
        let application = ApplicationId::named(&job.application);
        let scope = EndpointScope::Job(job.id.clone());
        let mut given = given.clone();
        if known.as_ref().is_none_or(|known| known.secrets.is_empty()) {
            webhooks::inherit_secret(control, &mut given, &application).await?;
        }
        let made = webhooks::prepare(control, given, known, id.clone(), application, scope, now);
        let mut made = made.map_err(|refusal| webhook::spelt(refusal.within("webhook")))?;
        if let Some(server) = &source.options.status_redis {
            made.metadata.insert(STATUS_REDIS.to_owned(), server.clone());
        }
        // What was announced before is delivered to it as well, and once: a webhook that is
        // registered again was told already.
        if !job.webhooks.contains(id) {
            missed = self::missed(control, &job, &made).await?;
        }
        endpoint = Some(made);
    }
    if next.registered_at == job.registered_at && endpoint.is_none() && same(&job, &next) {
        next = job.clone();
    } else {
        let marker = BatchMarker::between(&job, &next);
        let registering = JobRegistration {
            job: &next,
            marker: marker.as_ref(),
            endpoint: endpoint.as_ref(),
            deliveries: &missed,
        };
        if control.table().register(&registering).await? == WriteOutcome::Refused {
            return Ok(None);
        }
        control.context().ring(&missed).await;
        if let Some(marker) = marker {
            batches::ring(control, &marker.batch).await;
        }
    }
    let status = if job.registered_at.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    webhooks.extend(endpoint);
    let webhooks = webhooks.into_iter().map(WebhookOut::from).collect();
    let job_id = next.id.to_string();
    let registered = Registered { job: next.into(), job_id, webhooks, callback_url: None };
    Ok(Some((status, registered)))
}

/// Whether a registration changes nothing but the times and counts of changing.
fn same(job: &Job, next: &Job) -> bool {
    let mut next = next.clone();
    next.version = job.version;
    next.edits = job.edits;
    next.updated_at = job.updated_at;
    *job == next
}

/// The deliveries of what was announced before the webhook was there.
async fn missed(
    control: &ControlPlane,
    job: &Job,
    endpoint: &Endpoint,
) -> Result<Vec<Delivery>, Error> {
    let now = control.now();
    let mut events = control.table().events_of(&job.announced).await?;
    events.retain(|event| endpoint.wants(event));
    // Without a filter nobody looks at the payload.
    let payload = |event: &Event| {
        let payload = event.payload.clone();
        async move {
            match endpoint.filter {
                Some(_) => control.bucket().open(payload).await,
                None => Ok(Vec::new()),
            }
        }
    };
    let payloads = try_join_all(events.iter().map(payload)).await?;
    let deliveries = events.iter().zip(&payloads);
    let to = |(event, payload): (_, &Vec<u8>)| Delivery::fan_out(event, payload, [endpoint], now);
    Ok(deliveries.flat_map(to).collect())
}

/// A path of one's own for the sender of one job. Only its hash is kept.
async fn callback(
    control: &ControlPlane,
    source: &Source,
    external: &str,
) -> Result<String, Error> {
    let token = hex(adapters::random::bytes()) + &hex(adapters::random::bytes());
    let kept =
        JobToken { source: source.name.clone(), external_id: external.to_owned(), used_for: None };
    control.table().put_token(&token_hash(&token), &kept, control.now()).await?;
    let base = control.public_url().trim_end_matches('/');
    Ok(format!("{base}/in/{}/{token}", source.name))
}
