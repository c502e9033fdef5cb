//! Declaration of batches, before or after their jobs are known.

use adapters::{
    contested::{self, TryOutcome},
    table::WriteOutcome,
};
use domain::{
    batch::{Batch, BatchDetails, Declaration, FailOn, Steps},
    endpoint::{Endpoint, EndpointScope},
    id::{ApplicationId, BatchId, EndpointId, is_identifier},
};
use serde_json::{Map, Value};

use super::{BatchWithWebhooks, MAX_SIZE, TRIES, checked_size, ring, with_webhooks};
use crate::{
    ControlPlane, Principal, Refusal, applications,
    registrar_fields::{self, metadata, optional_id},
    sources,
    webhooks::{self, WebhookDraft},
};

/// Per cent of a batch's jobs between two progress events, if a webhook names progress and the
/// declaration no steps (R3.6).
const DEFAULT_PERCENT: u8 = 10;
/// Highest and, negated, lowest priority.
pub const MAX_PRIORITY: i8 = 1;

/// A batch as its registrar describes it.
#[derive(Clone, Debug, Default)]
pub struct BatchDraft {
    /// Senders' id; one is made if there is none.
    pub external_id: Option<String>,
    /// Number of jobs, at most [`MAX_SIZE`]; `None` leaves the batch open until it is closed.
    pub size: Option<u64>,
    /// Id or uid of the application; must be the one of the source, if a source is named.
    pub application: Option<String>,
    /// Name of the source that the jobs come from.
    pub source: Option<String>,
    /// The batch server's id of the file with the requests.
    pub input_file_id: Option<String>,
    /// The platform's path that the requests go to.
    pub endpoint: Option<String>,
    /// The batch server's window for completion.
    pub completion_window: Option<String>,
    /// Priority, from -[`MAX_PRIORITY`] to [`MAX_PRIORITY`].
    pub priority: Option<i8>,
    /// Data of the registrar that the relay only keeps.
    pub metadata: Option<Map<String, Value>>,
    /// Ended jobs between two progress events, 1 to [`MAX_SIZE`].
    pub progress_every: Option<u64>,
    /// Per cent of the jobs between two progress events, 1 to 100; not beside `progress_every`.
    pub progress_percent: Option<u8>,
    /// The rule by which the batch counts as failed.
    pub fail_on: Option<FailOn>,
    /// Webhook of this batch alone.
    pub webhook: Option<WebhookDraft>,
}

/// A batch, and whether the request declared it.
#[derive(Clone, Debug)]
pub struct BatchCreation {
    /// The batch as it is now, with its webhooks.
    pub batch: BatchWithWebhooks,
    /// Whether it was not declared before.
    pub created: bool,
}

/// Declares a batch. The same declaration again is the same batch.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a draft that cannot be used, [`Refusal::Conflict`] if the batch was
/// declared differently before, [`Refusal::Busy`] if other requests change it at every try.
pub async fn declare(
    control: &ControlPlane,
    principal: &Principal,
    mut draft: BatchDraft,
) -> Result<BatchCreation, Refusal> {
    let application = draft.application(control, principal).await?;
    let external = registrar_fields::external_id(draft.external_id.take())?;
    let webhook = draft.webhook(control, &application).await?;
    let id = BatchId::of(&application, &external);
    let declaration = draft.declaration(webhook.as_ref(), &id)?;
    contested::write(TRIES, || async {
        let now = control.now();
        let known = control.table().batch(&id).await?;
        let batch = known.unwrap_or_else(|| Batch::unknown(application.clone(), &external, now));
        if batch.declared_at.is_some() {
            if !is_as_declared(&batch, &declaration) {
                return Err(Refusal::Conflict("it was declared differently before".to_owned()));
            }
            let batch = with_webhooks(control, batch).await?;
            return Ok(TryOutcome::Settled(BatchCreation { batch, created: false }));
        }
        let next = batch.declared(declaration.clone(), now);
        let endpoint = endpoint(control, &next, webhook.clone())?;
        if control.table().put_batch(&next, endpoint.as_ref()).await? == WriteOutcome::Refused {
            return Ok(TryOutcome::Refused);
        }
        control.context().note_batch(&next);
        if next.is_busy() {
            ring(control, &next.id).await;
        }
        let batch = with_webhooks(control, next).await?;
        Ok(TryOutcome::Settled(BatchCreation { batch, created: true }))
    })
    .await
}

impl BatchDraft {
    /// The application that hears of the batch: the source's, or the one that is named, or the
    /// caller's own, or `default`.
    async fn application(
        &mut self,
        control: &ControlPlane,
        principal: &Principal,
    ) -> Result<ApplicationId, Refusal> {
        let source = match &self.source {
            Some(name) => Some(sources::named(control, principal, name).await?),
            None => None,
        };
        if let Some(source) = &source {
            sources::must_belong(control, source, self.application.as_deref()).await?;
        }
        let own = principal.application.as_ref().map(ToString::to_string);
        let of_source = source.map(|source| source.application.to_string());
        let application = of_source.or(self.application.take()).or(own);
        let application = application.unwrap_or_else(|| applications::DEFAULT.to_owned());
        if !is_identifier(&application, applications::MAX_UID) {
            let why = format!("is 1 to {} of A-Z a-z 0-9 - _ .", applications::MAX_UID);
            return Err(Refusal::field("application", why));
        }
        applications::ensure_visible(control, principal, application).await
    }

    /// The webhook with the profile and the secret that it takes over. A declaration that names the
    /// file of its requests comes from a client of the batch server, and gets that server's
    /// notifications unless it names a profile (R3.1, R3.11).
    async fn webhook(
        &mut self,
        control: &ControlPlane,
        application: &ApplicationId,
    ) -> Result<Option<WebhookDraft>, Refusal> {
        let Some(mut webhook) = self.webhook.take() else { return Ok(None) };
        webhook.speak_as(if self.input_file_id.is_some() { "batch" } else { "standard" });
        webhooks::inherit_secret(control, &mut webhook, application).await?;
        Ok(Some(webhook))
    }

    /// The checked declaration of the batch with this id.
    fn declaration(
        self,
        webhook: Option<&WebhookDraft>,
        id: &BatchId,
    ) -> Result<Declaration, Refusal> {
        let steps = self.steps(webhook)?;
        if self.priority.is_some_and(|it| !(-MAX_PRIORITY..=MAX_PRIORITY).contains(&it)) {
            let why = format!("is -{MAX_PRIORITY} to {MAX_PRIORITY}");
            return Err(Refusal::field("priority", why));
        }
        Ok(Declaration {
            about: BatchDetails {
                source: self.source,
                input_file_id: optional_id("input_file_id", self.input_file_id)?,
                endpoint: optional_id("endpoint", self.endpoint)?,
                completion_window: optional_id("completion_window", self.completion_window)?,
                priority: self.priority,
                metadata: metadata(self.metadata)?.unwrap_or_default(),
            },
            size: checked_size(self.size)?,
            steps,
            fail_on: self.fail_on.unwrap_or_default(),
            webhook: webhook.map(|webhook| EndpointId::of_batch(id, webhook.url())),
        })
    }

    /// The steps at which progress events are announced; `None` for no such events.
    fn steps(&self, webhook: Option<&WebhookDraft>) -> Result<Option<Steps>, Refusal> {
        match (self.progress_every, self.progress_percent) {
            (Some(_), Some(_)) => {
                Err(Refusal::field("progress_percent", "cannot stand beside progress_every"))
            }
            (Some(jobs), None) if (1..=MAX_SIZE).contains(&jobs) => Ok(Some(Steps::Every(jobs))),
            (Some(_), None) => Err(Refusal::field("progress_every", format!("is 1 to {MAX_SIZE}"))),
            (None, Some(percent)) if (1..=100).contains(&percent) => {
                Ok(Some(Steps::Percent(percent)))
            }
            (None, Some(_)) => Err(Refusal::field("progress_percent", "is 1 to 100")),
            (None, None) => {
                let named = webhook.is_some_and(|webhook| webhook.names("progress"));
                Ok(named.then_some(Steps::Percent(DEFAULT_PERCENT)))
            }
        }
    }
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
) -> Result<Option<Endpoint>, Refusal> {
    let (Some(webhook), Some(id)) = (webhook, batch.webhooks.first()) else { return Ok(None) };
    let application = batch.application.clone();
    let scope = EndpointScope::Batch(batch.id.clone());
    let (id, now) = (id.clone(), batch.updated_at);
    let endpoint = webhooks::prepare(control, webhook, None, id, application, scope, now);
    endpoint.map(Some).map_err(|refusal| refusal.within("webhook"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_out_of_bounds_names_its_field() {
        let id = BatchId::of(&ApplicationId::named("acme"), "batch");
        let every = |jobs| BatchDraft { progress_every: Some(jobs), ..Default::default() };
        let percent =
            |percent| BatchDraft { progress_percent: Some(percent), ..Default::default() };
        let priority = |priority| BatchDraft { priority: Some(priority), ..Default::default() };
        let drafts = [
            ("progress_every", every(0)),
            ("progress_every", every(MAX_SIZE + 1)),
            ("progress_percent", percent(0)),
            ("progress_percent", percent(101)),
            ("progress_percent", BatchDraft { progress_every: Some(1), ..percent(1) }),
            ("priority", priority(2)),
            ("priority", priority(-2)),
            ("size", BatchDraft { size: Some(MAX_SIZE + 1), ..Default::default() }),
            ("endpoint", BatchDraft { endpoint: Some(String::new()), ..Default::default() }),
        ];
        for (name, draft) in drafts {
            let refusal = draft.declaration(None, &id);
            let named = matches!(&refusal, Err(Refusal::Invalid { field, .. }) if field == name);
            assert!(named, "{name}: {refusal:?}");
        }
    }
}
