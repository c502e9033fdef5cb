//! Registration of jobs, before or after their sources report on them.
//!
//! A registration and a report both write the job on the condition that it is as they read it, and
//! the job names its webhooks. So whichever comes first, the other sees it: a report finds the
//! webhook and announces to it, or the registration finds the events that were announced and has
//! them delivered. Either way each webhook gets each event once.

mod draft;
mod webhook;

use adapters::{
    contested::{self, TryOutcome},
    random,
    table::{JobRegistration, WriteOutcome},
};
use domain::{
    batch::BatchMarker,
    endpoint::Endpoint,
    id::JobId,
    job::{Job, Registration},
    log::LogClaim,
    poll,
    signature::token_hash,
    source::{JobToken, Source},
};

pub use self::draft::{MAX_DEADLINE, RegistrationDraft};
use self::webhook::Attachment;
use crate::{
    ControlPlane, Principal, Refusal, batches, registrar_fields, sources, webhooks::WebhookDraft,
};

/// Tries of a registration when other requests change the same job.
const TRIES: u32 = 8;

/// A job that was registered.
#[derive(Clone, Debug)]
pub struct RegisteredJob {
    /// The job as it is now.
    pub job: Job,
    /// Whether it was not registered before.
    pub created: bool,
    /// Endpoints of its own webhooks.
    pub webhooks: Vec<Endpoint>,
    /// URL that its sender reports the end to, if the sender cannot sign and the job has not ended.
    /// The relay keeps a hash of it only.
    pub callback_url: Option<String>,
    /// Token that appends to the log of this job, and does nothing else. The relay does not keep it.
    pub log_token: String,
}

/// Registers a job under the sender's id that the draft names, or one that is made.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a draft that cannot be used, [`Refusal::Conflict`] for more webhooks than
/// a job may have, [`Refusal::Busy`] if other requests change the job at every try.
pub async fn create(
    control: &ControlPlane,
    principal: &Principal,
    mut draft: RegistrationDraft,
) -> Result<RegisteredJob, Refusal> {
    let source = source(control, principal, draft.source.as_deref()).await?;
    let external = registrar_fields::external_id(draft.external_id.take())?;
    let id = JobId::of(&source.tenure(), &external);
    register(control, &source, id, &external, draft).await
}

/// Registers a job under this sender's id, or registers the job of this id of the relay's again.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the job belongs to another tenant or its source was removed or moved, otherwise as
/// [`create`].
pub async fn put(
    control: &ControlPlane,
    principal: &Principal,
    name: String,
    draft: RegistrationDraft,
) -> Result<RegisteredJob, Refusal> {
    if let Ok(id) = JobId::parse(&name)
        && let Some(job) = control.table().job(&id).await?
    {
        principal.must_see(&job.application)?;
        let source = control.table().source(&job.source).await?;
        let source = source.filter(|source| source.tenure() == job.tenure());
        let source = source.ok_or(Refusal::NotFound)?;
        return register(control, &source, id, &job.external_id, draft).await;
    }
    let external = registrar_fields::id("id", name)?;
    let source = source(control, principal, draft.source.as_deref()).await?;
    let id = JobId::of(&source.tenure(), &external);
    register(control, &source, id, &external, draft).await
}

/// The source of a registration: the one that is named, or else the only one that the caller sees.
pub(crate) async fn source(
    control: &ControlPlane,
    principal: &Principal,
    name: Option<&str>,
) -> Result<Source, Refusal> {
    if let Some(name) = name {
        return sources::named(control, principal, name).await;
    }
    let mut sources = sources::list(control, principal).await?;
    match sources.len() {
        1 => Ok(sources.remove(0)),
        count => {
            let why = format!("must be named, for there are {count} of them");
            Err(Refusal::field("source", why))
        }
    }
}

async fn register(
    control: &ControlPlane,
    source: &Source,
    id: JobId,
    external: &str,
    mut draft: RegistrationDraft,
) -> Result<RegisteredJob, Refusal> {
    if let Some(webhook) = &mut draft.webhook {
        webhook.speak_as(&source.profile);
    }
    // Where the source switches webhooks off, a webhook is accepted and not attached (R4.6).
    let webhook = draft.webhook.take().filter(|_| source.options.job_webhooks != Some(false));
    sources::must_belong(control, source, draft.application.as_deref()).await?;
    let mut registration = draft.registration(webhook.as_ref(), &id)?;
    if let Some(batch) = registration.batch_id.take() {
        let name = control.table().batch_name(&source.application, batch).await?;
        registration.batch_id = Some(name);
    }
    let registering = Registering { source, id, external, registration, webhook };
    let mut registered = contested::write(TRIES, || registering.attempt(control)).await?;
    if sources::is_token(&source.profile) && registered.job.finished_at.is_none() {
        registered.callback_url = Some(callback_url(control, source, external).await?);
    }
    Ok(registered)
}

/// A checked registration on its way into the table.
struct Registering<'a> {
    source: &'a Source,
    id: JobId,
    external: &'a str,
    registration: Registration,
    webhook: Option<WebhookDraft>,
}

impl Registering<'_> {
    /// Reads the job and writes it, on the condition that it has not changed in between.
    async fn attempt(&self, control: &ControlPlane) -> Result<TryOutcome<RegisteredJob>, Refusal> {
        let now = control.now();
        let known = control.table().job(&self.id).await?;
        let (tenure, name) = (self.source.tenure(), &self.source.name);
        let job = known.unwrap_or_else(|| Job::unknown(tenure, name, self.external, now));
        if job.application != self.source.application {
            return Err(Refusal::NotFound);
        }
        let mut next = job.registered(&self.registration, now);
        if job.registered_at.is_none() || job.deadline_at != next.deadline_at {
            poll::expect(&mut next, &self.source.options, now);
        }
        let mut webhooks = control.table().webhooks_of(&job).await?;
        let attachment = self.attachment(control, &job, &next, &mut webhooks, now).await?;
        let unchanged = next.registered_at == job.registered_at && is_same(&job, &next);
        if unchanged && attachment.is_none() {
            let created = job.registered_at.is_none();
            return Ok(TryOutcome::Settled(registered(control, job, created, webhooks)));
        }
        let (endpoint, missed) = match attachment {
            Some(Attachment { endpoint, missed: Some(missed) }) => (Some(endpoint), missed),
            Some(Attachment { missed: None, .. }) => return Ok(TryOutcome::Refused),
            None => (None, Vec::new()),
        };
        let marker = BatchMarker::between(&job, &next);
        let writing = JobRegistration {
            job: &next,
            marker: marker.as_ref(),
            endpoint: endpoint.as_ref(),
            deliveries: &missed,
        };
        if control.table().register(&writing).await? == WriteOutcome::Refused {
            return Ok(TryOutcome::Refused);
        }
        control.context().ring(&missed).await;
        if let Some(marker) = marker {
            batches::ring(control, &marker.batch).await;
        }
        webhooks.extend(endpoint);
        let created = job.registered_at.is_none();
        Ok(TryOutcome::Settled(registered(control, next, created, webhooks)))
    }
}

/// A job that is registered, with a new log token.
fn registered(
    control: &ControlPlane,
    job: Job,
    created: bool,
    webhooks: Vec<Endpoint>,
) -> RegisteredJob {
    let token = control.vault().log_token(LogClaim::of(&job, control.now()));
    RegisteredJob { job, created, webhooks, callback_url: None, log_token: token.to_string() }
}

/// Whether a registration changes only the job's version, count of edits and time of change.
fn is_same(job: &Job, next: &Job) -> bool {
    let mut next = next.clone();
    next.version = job.version;
    next.edits = job.edits;
    next.updated_at = job.updated_at;
    *job == next
}

/// A URL that only the sender of one job calls. The table holds a hash of its token.
async fn callback_url(
    control: &ControlPlane,
    source: &Source,
    external: &str,
) -> Result<String, Refusal> {
    let kept =
        JobToken { tenure: source.tenure(), external_id: external.to_owned(), used_for: None };
    let token = contested::write(TRIES, || async {
        let token = format!("{}{}", random::token(), random::token());
        let written = control.table().put_token(&token_hash(&token), &kept, control.now()).await?;
        Ok::<_, Refusal>(written.settles(token))
    })
    .await?;
    Ok(format!("{}/in/{}/{token}", control.public_url(), source.name))
}
