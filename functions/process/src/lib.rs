//! An accepted request becomes an event, its job's new state and its deliveries, in one step.
//!
//! Doing it again changes nothing: ids are derived, the step is conditional. A message that comes
//! again rings once more for what an earlier crash may have left undone.

use adapters::{Unavailable, bucket::Bucket, table::Recorded};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use dispatch::{
    announce::{Announcement, Announcer},
    batch,
};
use domain::{
    envelope::{Carried, Envelope, Malformed, Trust},
    event::{self, Event, Origin, Outcome},
    id::{ApplicationId, JobId},
    job::{Effect, Job, Status},
    poll,
    profile::{Profile, Said, fingerprint},
    source,
};

/// Everything a message needs.
#[derive(Clone, Debug)]
pub struct Process {
    /// What records and rings.
    pub announcer: Announcer,
    /// Where large bodies lie.
    pub bucket: Bucket,
    /// Where our own API is, for links to large results.
    pub public_url: String,
}

/// Why a message goes back to the inbox, and after enough rounds to its dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// It is not what the inbox carries.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It names a profile that this version does not have.
    #[error("profile {0:?} is unknown")]
    Profile(String),
    /// Too many others were at the same job.
    #[error("the job kept changing")]
    Contested,
    /// The outside world.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// How often a message looks again when others are at the same job.
const TRIES: usize = 8;

impl Process {
    /// Works through a batch; what could not be finished goes back alone.
    pub async fn handle(&self, batch: &SqsEvent) -> SqsBatchResponse {
        batch::each(batch, |message| self.message(message)).await
    }

    async fn message(&self, message: &SqsMessage) -> Result<(), Unfinished> {
        let envelope = Envelope::parse(message.body.as_deref().unwrap_or_default())?;
        let body = self.bucket.open(envelope.body.clone()).await?;
        let Some(profile) = source::effective(&envelope.profile, &envelope.options) else {
            return Err(Unfinished::Profile(envelope.profile));
        };
        let arrived = Arrived::new(&envelope, &profile, &body);
        for _ in 0..TRIES {
            if self.apply(&arrived).await? == Recorded::New {
                return Ok(());
            }
        }
        Err(Unfinished::Contested)
    }

    /// One look at the table and one step; `Contested` if the table changed in between.
    async fn apply(&self, arrived: &Arrived<'_>) -> Result<Recorded, Unfinished> {
        let table = &self.announcer.table;
        let job_id = arrived.job_id();
        let known = table.known(&arrived.envelope.event, job_id.as_ref()).await?;
        if let Some(event) = known.event {
            self.again(&event, arrived).await?;
            return Ok(Recorded::New);
        }
        let application = ApplicationId::named(&arrived.envelope.application);
        let mut endpoints = table.endpoints(&application).await?;
        endpoints.extend(known.webhooks);
        let (mut event, job) = arrived.become_event(application, known.job);
        let notice = arrived.notice(&event, job.as_ref(), &self.public_url);
        self.carry(&mut event, &notice, arrived).await?;
        let announcement = Announcement {
            event: &event,
            payload: &notice,
            job: job.as_ref(),
            endpoints: &endpoints,
        };
        Ok(self.announcer.announce(&announcement).await?)
    }

    /// The same key came before.
    async fn again(&self, event: &Event, arrived: &Arrived<'_>) -> Result<(), Unavailable> {
        let table = &self.announcer.table;
        if event.fingerprint != arrived.fingerprint && !arrived.is_the_same_as(event) {
            let key = format!("events/{}/conflict-{}", event.id.bare(), arrived.fingerprint);
            let body = self.bucket.carry(&key, arrived.body).await?;
            let at = arrived.envelope.received_at;
            return table.keep_conflict(&event.id, &arrived.fingerprint, &body, at).await;
        }
        let same_arrival = matches!(&event.origin, Origin::Source { arrival, .. }
            if *arrival == arrived.envelope.arrival);
        if !same_arrival {
            table.count_duplicate(&event.id).await?;
            if arrived.is_a_webhook_after_asking(event) {
                table.count_webhook(&event.id).await?;
            }
        }
        self.announcer.heal(event).await
    }

    /// Gives the event its bodies. They are kept before the event is, under keys that only it has.
    async fn carry(
        &self,
        event: &mut Event,
        notice: &[u8],
        arrived: &Arrived<'_>,
    ) -> Result<(), Unavailable> {
        let key = |what: &str| format!("events/{}/{what}", event.id.bare());
        let said = match &arrived.envelope.body {
            // A large body lies in the bucket already.
            claim @ Carried::Claim(_) => claim.clone(),
            _ => self.bucket.carry(&key("said"), arrived.body).await?,
        };
        event.payload = self.bucket.carry(&key("payload"), notice).await?;
        event.said = Some(said);
        Ok(())
    }
}

/// A message that was read.
struct Arrived<'a> {
    envelope: &'a Envelope,
    body: &'a [u8],
    said: Said<'a>,
    fingerprint: String,
}

impl<'a> Arrived<'a> {
    fn new(envelope: &'a Envelope, profile: &Profile, body: &'a [u8]) -> Self {
        let mut said = profile.read(body);
        if let Some(header) = profile.event_type(envelope.event_type.clone()) {
            said.event_type = Some(header);
        }
        Self { envelope, body, said, fingerprint: fingerprint(body) }
    }

    /// Whether this and what came before under its key say the same whatever their bytes: one is
    /// the platform's own answer when it was asked.
    fn is_the_same_as(&self, event: &Event) -> bool {
        let asked = |trust: &Trust| *trust == Trust::Polled;
        asked(&self.envelope.trust)
            || matches!(&event.origin, Origin::Source { trust, .. } if asked(trust))
    }

    /// Whether a webhook tells what asking the platform had told.
    fn is_a_webhook_after_asking(&self, event: &Event) -> bool {
        let asked = matches!(&event.origin, Origin::Source { trust: Trust::Polled, .. });
        asked && self.envelope.trust != Trust::Polled
    }

    /// What the report does to the job. Nobody vouches for what came with a token alone: an end is
    /// believed once its platform says so.
    fn effect(&self, job: &Job, status: Status, event: &Event) -> Effect {
        let now = self.envelope.received_at;
        if self.envelope.trust == Trust::Token && status.is_terminal() {
            return job.hinted(&self.said, now);
        }
        job.report(status, &self.said, &event.id, now)
    }

    /// The job this is about: it takes a job and a state to be about one.
    fn report(&self) -> Option<(&str, Status)> {
        Some((self.said.job.as_deref()?, self.said.status?))
    }

    fn job_id(&self) -> Option<JobId> {
        let (external, _) = self.report()?;
        Some(JobId::of(&self.envelope.source, external))
    }

    /// What this becomes, given the job as it is.
    fn become_event(&self, application: ApplicationId, known: Option<Job>) -> (Event, Option<Job>) {
        let envelope = self.envelope;
        let now = envelope.received_at;
        let mut event = Event {
            id: envelope.event.clone(),
            application,
            event_type: self.said.event_type.clone().unwrap_or_else(|| "event.received".to_owned()),
            origin: Origin::Source {
                name: envelope.source.clone(),
                key: envelope.key.clone(),
                arrival: envelope.arrival.clone(),
                trust: envelope.trust,
            },
            fingerprint: self.fingerprint.clone(),
            payload: Carried::Text(String::new()),
            said: None,
            job: None,
            batch_id: self.said.batch_id.clone(),
            outcome: Outcome::Announced,
            channels: Vec::new(),
            created_at: now,
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
        };
        let Some((external, status)) = self.report() else { return (event, None) };
        let job = known.unwrap_or_else(|| {
            Job::unknown(&envelope.source, &envelope.application, external, now)
        });
        event.job = Some(job.id.clone());
        event.event_type = status.event_type().unwrap_or("job.pending").to_owned();
        let (outcome, mut job) = match self.effect(&job, status, &event) {
            Effect::Applied(job, Some(_)) => (Outcome::Announced, Some(*job)),
            Effect::Applied(job, None) => (Outcome::Noted, Some(*job)),
            Effect::Conflict(job) => (Outcome::Conflict, Some(*job)),
            Effect::Stale => (Outcome::Stale, None),
        };
        if let Some(job) = &mut job {
            event.batch_id.clone_from(&job.batch_id);
            poll::heard(job, &envelope.options, envelope.trust, status, now);
        }
        event.outcome = outcome;
        (event, job)
    }

    /// What subscribers receive.
    fn notice(&self, event: &Event, job: Option<&Job>, public_url: &str) -> Vec<u8> {
        let (id, kind, at) = (&event.id, event.event_type.as_str(), event.created_at);
        match job {
            Some(job) => event::job_notice(id, kind, at, job, &self.said, public_url),
            None => event::passed_on(id, kind, at, self.body),
        }
    }
}

#[cfg(test)]
mod tests;
