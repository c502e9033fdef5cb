//! The report of a sender, and the event and the job that follow from it.

use domain::{
    endpoint::Endpoint,
    envelope::{Envelope, StoredBody, Trust},
    event::{Event, EventOutcome, Origin, PublishOptions},
    id::JobId,
    job::{Job, JobStatus, ReportEffect, UnrecordedReport},
    notice, poll,
    profile::{Profile, SenderReport, Unreadable, ended, fingerprint},
    request::RequestRecord,
};

/// A message of the inbox, read by the profile of its source.
pub(crate) struct IncomingReport<'a> {
    pub(crate) envelope: &'a Envelope,
    profile: &'a Profile,
    pub(crate) body: &'a [u8],
    said: SenderReport<'a>,
    pub(crate) fingerprint: String,
}

impl<'a> IncomingReport<'a> {
    /// Reads a message. `readable` is the body as [`Profile::readable`] has it.
    pub(crate) fn new(
        envelope: &'a Envelope,
        profile: &'a Profile,
        body: &'a [u8],
        readable: &'a [u8],
    ) -> Self {
        let mut said = profile.read(readable);
        if let Some(header) = profile.event_type(envelope.event_type.clone()) {
            said.event_type = Some(header.name);
            said.original_type = header.original;
        }
        Self { envelope, profile, body, said, fingerprint: fingerprint(body) }
    }

    /// Whether everything that the message says can be recorded.
    pub(crate) fn recordable(&self) -> Result<(), Unreadable> {
        self.said.recordable()
    }

    /// The sender's own name of the batch.
    pub(crate) const fn batch(&mut self) -> Option<&mut String> {
        self.said.batch_id.as_mut()
    }

    /// Whether this and what came before under its key say the same whatever their bytes: one is
    /// the platform's own answer when it was asked.
    pub(crate) fn is_the_same_as(&self, event: &Event) -> bool {
        let asked = |trust: &Trust| *trust == Trust::Polled;
        asked(&self.envelope.trust)
            || matches!(&event.origin, Origin::Source { trust, .. } if asked(trust))
    }

    /// Whether a webhook tells what asking the platform had told.
    pub(crate) fn is_a_webhook_after_asking(&self, event: &Event) -> bool {
        let asked = matches!(&event.origin, Origin::Source { trust: Trust::Polled, .. });
        asked && self.envelope.trust != Trust::Polled
    }

    /// The effect of the report on the job. Nobody vouches for a report that came with a token alone: the end
    /// that it reports is believed once the job's platform says so.
    fn effect(&self, job: &Job, status: JobStatus, event: &Event) -> ReportEffect {
        let now = self.envelope.received_at;
        if self.envelope.trust == Trust::Token && status.is_terminal() {
            return job.hinted(&self.said, now);
        }
        job.report(status, &self.said, &event.id, now)
    }

    /// The job this is about: it takes a job and a state to be about one.
    fn report(&self) -> Option<(&str, JobStatus)> {
        Some((self.said.job.as_deref()?, self.said.status?))
    }

    pub(crate) fn job_id(&self) -> Option<JobId> {
        let (external, _) = self.report()?;
        Some(JobId::of(&self.envelope.tenure(), external))
    }

    /// The job this is about, if nobody told us of it before.
    pub(crate) fn unknown_job(&self) -> Option<Job> {
        let (external, _) = self.report()?;
        let Envelope { source, received_at, .. } = self.envelope;
        Some(Job::unknown(self.envelope.tenure(), source, external, *received_at))
    }

    /// The event of a report that has changed its job already, and the job as that report left it.
    pub(crate) fn resume_event(&self, job: &Job, begun: &UnrecordedReport) -> (Event, Job) {
        let job = job.as_of(begun);
        let mut event = self.event();
        self.name_job(&mut event, &job);
        event.batch_id.clone_from(&job.batch_id);
        event.outcome = begun.outcome;
        (event, job)
    }

    /// The event before it is known what it does to its job.
    fn event(&self) -> Event {
        let envelope = self.envelope;
        Event {
            id: envelope.event.clone(),
            application: envelope.application.clone(),
            event_type: self.said.event_type.clone().unwrap_or_else(|| "event.received".to_owned()),
            origin: Origin::Source {
                id: envelope.source_id.clone(),
                name: envelope.source.clone(),
                key: envelope.key.clone(),
                arrival: envelope.arrival.clone(),
                trust: envelope.trust,
            },
            fingerprint: self.fingerprint.clone(),
            payload: StoredBody::Text(String::new()),
            said: None,
            encoded: None,
            has_request: envelope.request.is_some(),
            job: None,
            batch_id: self.said.batch_id.clone(),
            outcome: EventOutcome::Announced,
            channels: Vec::new(),
            created_at: envelope.received_at,
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
            asked: PublishOptions::default(),
            in_pages: false,
            expunged_at: None,
        }
    }

    /// Makes the event one about a job, of the type that the report's state has.
    fn name_job(&self, event: &mut Event, job: &Job) {
        let Some((_, status)) = self.report() else { return };
        event.job = Some(job.id.clone());
        event.event_type = status.event_type().unwrap_or("job.pending").to_owned();
    }

    /// The event that the report becomes, and the job after it, given the job as it is.
    pub(crate) fn become_event(&self, job: Option<&Job>) -> (Event, Option<Job>) {
        let envelope = self.envelope;
        let now = envelope.received_at;
        let mut event = self.event();
        let (Some((_, status)), Some(job)) = (self.report(), job) else { return (event, None) };
        self.name_job(&mut event, job);
        let (outcome, mut job) = match self.effect(job, status, &event) {
            ReportEffect::Applied(job, Some(_)) => (EventOutcome::Announced, Some(*job)),
            ReportEffect::Applied(job, None) => (EventOutcome::Noted, Some(*job)),
            ReportEffect::Conflict(job) => (EventOutcome::Conflict, Some(*job)),
            ReportEffect::Stale => (EventOutcome::Stale, None),
        };
        if let Some(job) = &mut job {
            event.batch_id.clone_from(&job.batch_id);
            // The job is found by its call through an event whose key names the call.
            let call = job.call_id.as_deref();
            job.learned_call &= call.is_none_or(|call| envelope.key != ended(call, status));
            poll::heard(job, &envelope.options, envelope.trust, status, now);
        }
        event.outcome = outcome;
        (event, job)
    }

    /// The request that is recorded with the event. Of headers that are shown masked, those stay sealed
    /// that an endpoint asks for, and all of them if further endpoints are judged later.
    pub(crate) fn request(&self, endpoints: &[Endpoint], in_pages: bool) -> Option<RequestRecord> {
        let mut request = self.envelope.request.as_deref()?.clone();
        if in_pages {
            return Some(request);
        }
        let asked = endpoints.iter().flat_map(|endpoint| &endpoint.pass_through.headers);
        request.keep_sealed(&asked.map(String::as_str).collect());
        Some(request)
    }

    /// The payload that subscribers receive of an event.
    pub(crate) fn notice(&self, event: &Event, job: Option<&Job>, public_url: &str) -> Vec<u8> {
        let (id, kind, at) = (&event.id, event.event_type.as_str(), event.created_at);
        match job {
            Some(job) => notice::job_notice(id, kind, at, job, &self.said, public_url),
            None => {
                let body = self.profile.shown(self.body, self.envelope.form);
                let original = self.said.original_type.as_deref();
                notice::passed_on(id, kind, original, at, &body)
            }
        }
    }
}
