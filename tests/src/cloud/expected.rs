//! Jobs whose completion is expected, and the platform that runs them.

use domain::{
    envelope::{Envelope, StoredBody, Trust},
    id::JobId,
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
        let mut source = match known {
            Some(known) => Source { version: known.version + 1, ..known },
            None => Source::new(name, profile, "acme", self.clock.now()),
        };
        source.options = serde_json::from_value::<SourceOptions>(options).expect("options");
        poll::validate(&source.options, false).expect("valid");
        let secret = Secret::new(*b"platform-key");
        let owner = poll::PollPlatform::owner(name);
        source.platform_secret = Some(self.vault().seal(&owner, &secret));
        assert_eq!(table.put_source(&source).await.expect("kept"), WriteOutcome::Done);
    }

    /// Registers a job that runs as this call.
    pub async fn expect(&self, source: &str, external: &str, call: &str) -> JobId {
        let table = self.sound_table();
        let options = table.source(source).await.expect("read").expect("there").options;
        let now = self.clock.now();
        let mut job = Job::unknown(source, "acme", external, now);
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
        let envelope = Envelope {
            source: source.to_owned(),
            profile: known.profile,
            options: known.options,
            application: known.application,
            event: Source::event_id(source, &key),
            key,
            arrival: adapters::random::token(),
            received_at: self.clock.now(),
            event_type: None,
            trust: Trust::Token,
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
