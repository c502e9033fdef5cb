//! Jobs whose completion is expected, and the platform that runs them.

use domain::{
    envelope::{Envelope, StoredBody, Trust},
    id::{ApplicationId, JobId, SourceId},
    job::Job,
    poll,
    secret::Secret,
    source::{Source, SourceOptions},
};
use serde_json::Value;

use super::{Cloud, WriteOutcome};

impl Cloud {
    /// Gives the source `modal` these options and a platform secret.
    pub async fn options(&self, options: Value) {
        self.source("modal", "modal-omtx", options).await;
    }

    /// A source of this name and profile, with a platform's secret.
    pub async fn source(&self, name: &str, profile: &str, options: Value) {
        let table = self.sound_table();
        let known = table.source(name).await.expect("read");
        let now = self.clock.now();
        let new = || {
            let id = SourceId::derive(&[name]);
            Source::new(id, name, profile, ApplicationId::named("acme"), now)
        };
        let mut source = known.clone().unwrap_or_else(new);
        source.version += u64::from(known.is_some());
        source.options = serde_json::from_value::<SourceOptions>(options).expect("options");
        poll::validate(&source.options, false).expect("valid");
        let secret = Secret::new(*b"platform-key");
        let owner = poll::PollPlatform::owner(&source.id);
        source.platform_secret = Some(self.vault().seal(&owner, &secret));
        let kept = table.put_source(&source, known.as_ref(), now).await.expect("kept");
        assert_eq!(kept, WriteOutcome::Done);
    }

    /// Registers a job that runs as this call.
    pub async fn expect(&self, source: &str, external: &str, call: &str) -> JobId {
        let table = self.sound_table();
        let known = table.source(source).await.expect("read").expect("there");
        let (tenure, options) = (known.tenure(), known.options);
        let now = self.clock.now();
        let mut job = Job::unknown(tenure, source, external, now);
        job.call_id = Some(call.to_owned());
        job.registered_at = Some(now);
        (job.edits, job.version) = (1, 1);
        poll::expect(&mut job, &options, now);
        assert_eq!(table.keep_job(&job).await.expect("kept"), WriteOutcome::Done);
        job.id
    }

    /// Puts the message of a sender that cannot sign on the inbox, as `ingest` does.
    pub async fn hint(&self, source: &str, body: &str) {
        let known = self.sound_table().source(source).await.expect("read").expect("there");
        let key = format!("hint:{}", domain::profile::fingerprint(body.as_bytes()));
        let event = Source::event_id(&known.tenure(), &key);
        let envelope = Envelope {
            source_id: known.id,
            source: source.to_owned(),
            profile: known.profile,
            options: known.options,
            application: known.application,
            proof: None,
            event,
            key,
            arrival: adapters::random::token(),
            received_at: self.clock.now(),
            event_type: None,
            form: false,
            trust: Trust::Token,
            request: None,
            encoded: None,
            body: StoredBody::inline(body.as_bytes()),
        };
        self.inject(&self.aws.names().inbox.clone(), &envelope.print()).await;
    }

    /// The job of this id.
    pub async fn job(&self, id: &JobId) -> Job {
        self.sound_table().job(id).await.expect("read").expect("there")
    }

    /// Lets minutes pass, each with a round of the sweep and the work that follows from it.
    pub async fn minutes(&self, minutes: usize) {
        for _ in 0..minutes {
            self.pass(std::time::Duration::from_secs(60));
            self.sweep().await;
            self.work().await;
        }
    }
}
