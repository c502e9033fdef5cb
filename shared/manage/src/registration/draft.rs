//! Jobs as their registrars describe them.

use std::time::Duration;

use domain::{
    id::{EndpointId, JobId},
    job::Registration,
};
use serde_json::{Map, Value};

use crate::{
    Refusal,
    registrar_fields::{metadata, optional_id},
    webhooks::WebhookDraft,
};

/// Longest time that a job's answer may take, in seconds: 90 days.
pub const MAX_DEADLINE: u64 = 90 * 86_400;

/// A job as its registrar describes it. A part that is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct RegistrationDraft {
    /// Name of the source that will report on the job; may be left out where the caller sees one
    /// source only.
    pub source: Option<String>,
    /// Id by which the sender will report on the job; one is made if there is none.
    pub external_id: Option<String>,
    /// The platform's id of the call that runs the job.
    pub call_id: Option<String>,
    /// Batch, by the senders' id or by the relay's.
    pub batch_id: Option<String>,
    /// Run that the job belongs to.
    pub run_id: Option<String>,
    /// Project that the job belongs to.
    pub project_id: Option<String>,
    /// Id or uid of the application; must be the one of the source.
    pub application: Option<String>,
    /// Seconds from now within which the job's answer is due, 1 to [`MAX_DEADLINE`].
    pub deadline_seconds: Option<u64>,
    /// Data of the registrar that the relay only keeps.
    pub metadata: Option<Map<String, Value>>,
    /// Webhook of this job alone.
    pub webhook: Option<WebhookDraft>,
}

impl RegistrationDraft {
    /// The checked registration of the job with this id.
    pub(super) fn registration(
        self,
        webhook: Option<&WebhookDraft>,
        id: &JobId,
    ) -> Result<Registration, Refusal> {
        if self.deadline_seconds.is_some_and(|seconds| !(1..=MAX_DEADLINE).contains(&seconds)) {
            return Err(Refusal::field("deadline_seconds", format!("is 1 to {MAX_DEADLINE}")));
        }
        Ok(Registration {
            call_id: optional_id("call_id", self.call_id)?,
            batch_id: optional_id("batch_id", self.batch_id)?,
            run_id: optional_id("run_id", self.run_id)?,
            project_id: optional_id("project_id", self.project_id)?,
            metadata: metadata(self.metadata)?,
            deadline: self.deadline_seconds.map(Duration::from_secs),
            webhook: webhook.map(|webhook| EndpointId::of_job(id, webhook.url())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_out_of_bounds_names_its_field() {
        let long = || Some("a".repeat(257));
        let drafts = [
            ("call_id", RegistrationDraft { call_id: long(), ..Default::default() }),
            ("batch_id", RegistrationDraft { batch_id: long(), ..Default::default() }),
            ("run_id", RegistrationDraft { run_id: long(), ..Default::default() }),
            ("project_id", RegistrationDraft { project_id: long(), ..Default::default() }),
            (
                "deadline_seconds",
                RegistrationDraft { deadline_seconds: Some(0), ..Default::default() },
            ),
            (
                "deadline_seconds",
                RegistrationDraft {
                    deadline_seconds: Some(MAX_DEADLINE + 1),
                    ..Default::default()
                },
            ),
        ];
        for (name, draft) in drafts {
            let refusal = draft.registration(None, &JobId::derive(&["source", "job"]));
            let named = matches!(&refusal, Err(Refusal::Invalid { field, .. }) if field == name);
            assert!(named, "{name}: {refusal:?}");
        }
    }
}
