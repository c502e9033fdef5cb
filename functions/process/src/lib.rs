//! An accepted request becomes its job's new state, an event and its deliveries, step by step
//! (`dispatch::accept`); if there are many, in pages (`dispatch::fan_out`).
//!
//! Doing it again changes nothing: ids are derived, each step is conditional. A message that comes again
//! goes on where an earlier crash left off.

mod incoming;

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use adapters::{
    Unavailable,
    contested::{self, Contested, TryOutcome},
    inbox::Inbox,
    table::{ReadMode, RecordOutcome, StoredConflict},
};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use dispatch::{
    announce::{Announcement, JobStep},
    batch,
    context::Context,
    memory::Hearers,
};
use domain::{
    batch::BatchMarker,
    endpoint::Endpoint,
    envelope::{Envelope, InboxMessage, MalformedMessage, StoredBody},
    event::{Event, EventOutcome, Origin},
    id::{BatchId, Tenure},
    job::{Job, MAX_UNRECORDED},
    letter::LetterQueue,
    profile::Unreadable,
    request::RequestRecord,
    retry::{self, UNREADABLE_RECEIVES},
    source::FormerTenure,
};
use tracing::warn;

use self::incoming::IncomingReport;

/// The parts with which messages of the inbox are processed.
#[derive(Clone, Debug)]
pub struct Process {
    /// Storage, the outbox and the clock.
    pub context: Context,
    /// The inbox, on which batches are rung for.
    pub inbox: Inbox,
    /// The base URL of the API, for links to large results.
    pub public_url: String,
}

/// The reason why a message goes back to the inbox. A message that cannot be read becomes a dead letter after
/// [`UNREADABLE_RECEIVES`] rounds. Any other message is tried for three days before SQS moves it to the
/// dead-letter queue, from which it comes back by itself.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The message is not what the inbox carries.
    #[error(transparent)]
    Malformed(#[from] MalformedMessage),
    /// The message names a profile that this version does not have.
    #[error("profile {0:?} is unknown")]
    Profile(String),
    /// The message names an id that cannot be recorded. `ingest` refuses such a request; the answer
    /// of a platform is read here first.
    #[error("it can never be recorded: {0}")]
    Unrecordable(#[from] Unreadable),
    /// Other workers changed the same job during every try.
    #[error(transparent)]
    Contested(#[from] Contested),
    /// AWS did not do what it was asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Unfinished {
    /// Whether the message itself is at fault, or a version that cannot read it: waiting mends neither.
    const fn is_unreadable(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::Profile(_) | Self::Unrecordable(_) => true,
            Self::Contested(_) | Self::Unavailable(_) => false,
        }
    }
}

/// The result of one try to record a report.
enum Applied {
    /// The request is recorded, or was before.
    Recorded,
    /// The request belongs to another tenure.
    Elsewhere(Tenure),
}

/// Tries of a message while other workers change the same job.
const TRIES: u32 = 8;
/// Tenures that one message may be handed on to: each of them ended after the message was accepted.
const MAX_TENURES: u32 = 8;

/// Other bytes under one key that are kept; further ones are only counted. Whoever captured a form can
/// spell it in as many ways as it has letters, and each has the signature of the first.
const MAX_CONFLICTS: u64 = 16;

impl Process {
    /// Works through a batch; what could not be finished goes back alone. Then it rings once for
    /// each batch whose jobs ended.
    pub async fn handle(&self, batch: &SqsEvent) -> SqsBatchResponse {
        let (to_ring, counted) = (Batches::default(), Batches::default());
        let work = async |message| match self.message(message, &to_ring, &counted).await {
            Ok(()) => Ok(()),
            Err(error) => self.put_off(message, error).await,
        };
        let response = batch::each(&self.context.clock, batch, work).await;
        for batch in to_ring.take() {
            // What is to be counted is due as well.
            if let Err(error) = self.inbox.batch(&batch).await {
                warn!(%error, %batch, "a batch was not rung for; the sweep will");
            }
        }
        self.context.end_invocation().await;
        response
    }

    /// Settles a message that was not processed. A message that could not be read for long enough is parked.
    /// Any other is hidden for longer and longer, so that no fault of AWS turns accepted requests into dead
    /// letters.
    async fn put_off(&self, message: &SqsMessage, error: Unfinished) -> Result<(), Unfinished> {
        let receives = batch::receives(message);
        if error.is_unreadable() {
            if UNREADABLE_RECEIVES <= receives {
                self.context.park_message(LetterQueue::Inbox, message).await?;
                return Ok(());
            }
            return Err(error);
        }
        if let Some(receipt) = &message.receipt_handle
            && let Err(hiding) = self.inbox.0.hide(receipt, retry::hidden_after(receives)).await
        {
            warn!(error = %hiding, "a message stays hidden for the queue's own time");
        }
        Err(error)
    }

    async fn message(
        &self,
        message: &SqsMessage,
        to_ring: &Batches,
        counted: &Batches,
    ) -> Result<(), Unfinished> {
        let text = message.body.as_deref().unwrap_or_default();
        let mut envelope = match InboxMessage::parse(text)? {
            InboxMessage::Request(envelope) => envelope,
            InboxMessage::Batch(batch) => {
                // Several bells for one batch are one reason to count.
                if counted.insert(batch.clone()) {
                    self.context.count_batch(&batch).await?;
                }
                return Ok(());
            }
            InboxMessage::FanOut { event, hops } => {
                return Ok(self.context.fan_out(&event, hops).await?);
            }
        };
        let body = self.context.bucket.open(envelope.body.clone()).await?;
        for _ in 0..MAX_TENURES {
            match self.record(&envelope, &body, to_ring).await? {
                Applied::Recorded => return Ok(()),
                Applied::Elsewhere(tenure) => *envelope = envelope.within(tenure),
            }
        }
        Err(Contested { tries: MAX_TENURES }.into())
    }

    /// Records an accepted request, or says in which tenure it is to be recorded.
    async fn record(
        &self,
        envelope: &Envelope,
        body: &[u8],
        to_ring: &Batches,
    ) -> Result<Applied, Unfinished> {
        let Some(profile) = envelope.options.profile(&envelope.profile) else {
            return Err(Unfinished::Profile(envelope.profile.clone()));
        };
        let readable = profile.readable(body, envelope.form);
        let mut report = IncomingReport::new(envelope, &profile, body, &readable);
        report.recordable()?;
        if let Some(batch) = report.batch() {
            let application = &envelope.application;
            *batch = self.context.table.batch_name(application, mem::take(batch)).await?;
        }
        // What may lag is read again as it is, once a write was refused.
        let mut mode = ReadMode::MayLag;
        contested::write(TRIES, || {
            let mode = mem::replace(&mut mode, ReadMode::Latest);
            self.apply(&report, mode, to_ring)
        })
        .await
    }

    /// The tenure that a request belongs to which was accepted after its own had ended: `ingest`
    /// remembers a source for a minute, and may not have heard. `None` if the request stays where it
    /// is: a token of one job vouches for it, or nobody with the same secrets has taken the place.
    async fn successor(
        &self,
        former: &FormerTenure,
        envelope: &Envelope,
    ) -> Result<Option<Tenure>, Unavailable> {
        if envelope.received_at < former.ended_at || envelope.proof.is_none() {
            return Ok(None);
        }
        let bearer = self.context.table.source(&envelope.source).await?;
        let heir = bearer.filter(|bearer| {
            let moved = bearer.id == envelope.source_id;
            (moved || bearer.proof == envelope.proof) && bearer.tenure() != envelope.tenure()
        });
        Ok(heir.map(|heir| heir.tenure()))
    }

    /// Reads the table and records what follows, on the condition that the table has not changed in
    /// between.
    async fn apply(
        &self,
        report: &IncomingReport<'_>,
        mode: ReadMode,
        to_ring: &Batches,
    ) -> Result<TryOutcome<Applied>, Unfinished> {
        let (table, envelope) = (&self.context.table, report.envelope);
        let job_id = report.job_id();
        let known = table.known(&envelope.event, job_id.as_ref(), &envelope.tenure(), mode).await?;
        let reported = |job: &Job| job.unrecorded_report(&envelope.event).cloned();
        let begun = known.job.as_ref().and_then(reported);
        if let Some(former) = known.former.as_ref().filter(|_| begun.is_none())
            && let Some(tenure) = self.successor(former, envelope).await?
        {
            return Ok(TryOutcome::Settled(Applied::Elsewhere(tenure)));
        }
        if let Some(event) = known.event {
            self.again(&event, report, known.webhooks).await?;
            return Ok(TryOutcome::Settled(Applied::Recorded));
        }
        let Hearers { mut endpoints, in_pages } =
            Arc::unwrap_or_clone(self.context.hearers(&envelope.application).await?);
        endpoints.extend(known.webhooks);
        let mut job = known.job.or_else(|| report.unknown_job());
        if let Some(job) = &mut job {
            job.forget_recorded(&known.recorded);
        }
        let (mut event, job, marker, step) = match job.as_ref().zip(begun) {
            // The report changed the job before a crash, and is not applied again.
            Some((job, begun)) => {
                let (event, job) = report.resume_event(job, &begun);
                if !begun.is_of(&event) {
                    // Other bytes under this key came first. They are recorded when their message has come
                    // again, and these are a conflict then.
                    return Ok(TryOutcome::Refused);
                }
                (event, Some(job), None, JobStep::Done)
            }
            None => {
                let (event, next) = report.become_event(job.as_ref());
                if next.as_ref().is_some_and(|next| MAX_UNRECORDED <= next.unrecorded.len()) {
                    return Ok(TryOutcome::Refused);
                }
                let between = |(job, next): (Job, &Job)| BatchMarker::between(&job, next);
                let marker = job.zip(next.as_ref()).and_then(between);
                (event, next, marker, JobStep::ToDo)
            }
        };
        event.in_pages = in_pages && event.outcome == EventOutcome::Announced;
        let notice = report.notice(&event, job.as_ref(), &self.public_url);
        self.carry(&mut event, &notice, report).await?;
        let request = report.request(&endpoints, event.in_pages);
        let announcement = Announcement {
            event: &event,
            payload: &notice,
            job: job.as_ref(),
            marker: marker.as_ref(),
            request: request.as_ref(),
            endpoints: &endpoints,
        };
        let recorded = self.context.accept(&announcement, step).await?;
        if let Some(marker) = marker.filter(|_| recorded == RecordOutcome::New) {
            to_ring.insert(marker.batch);
        }
        Ok(recorded.settles(Applied::Recorded))
    }

    /// Handles a request whose idempotency key came before.
    async fn again(
        &self,
        event: &Event,
        report: &IncomingReport<'_>,
        webhooks: Vec<Endpoint>,
    ) -> Result<(), Unavailable> {
        let table = &self.context.table;
        let trust = report.envelope.trust;
        if event.fingerprint != report.fingerprint && !report.is_the_same_as(event) {
            self.keep_conflict(event, report).await?;
            self.context.count_again(event, trust, true);
            return Ok(());
        }
        let same_arrival = matches!(&event.origin, Origin::Source { arrival, .. }
            if *arrival == report.envelope.arrival);
        if same_arrival {
            let Hearers { mut endpoints, in_pages } =
                Arc::unwrap_or_clone(self.context.hearers(&event.application).await?);
            if in_pages && !event.in_pages {
                // The application has grown since; no fan-out goes on for this event.
                endpoints = table.endpoints(&event.application).await?;
            }
            endpoints.extend(webhooks);
            return self.context.finish(event, &endpoints).await;
        }
        table.count_duplicate(&event.id).await?;
        self.context.count_again(event, trust, false);
        if report.is_a_webhook_after_asking(event) {
            table.count_webhook(&event.id).await?;
        }
        self.context.heal(event).await
    }

    /// Keeps a body that came under the key of another one, or counts it if there are many.
    async fn keep_conflict(
        &self,
        event: &Event,
        report: &IncomingReport<'_>,
    ) -> Result<(), Unavailable> {
        let table = &self.context.table;
        if MAX_CONFLICTS <= event.conflicts {
            return table.count_conflict(&event.id).await;
        }
        let key = format!("events/{}/conflict-{}", event.id.bare(), report.fingerprint);
        let body = self.context.bucket.carry(&key, report.body).await?;
        let envelope = report.envelope;
        let content_type = envelope.request.as_deref().and_then(RequestRecord::content_type);
        let content_type = content_type.map(str::to_owned);
        let conflict = StoredConflict { body, content_type, at: envelope.received_at };
        table.keep_conflict(&event.id, &report.fingerprint, &conflict).await
    }

    /// Gives the event its bodies. They are kept before the event is, under keys that only this arrival
    /// has: of two requests with one key and different bytes, one is recorded with its own.
    async fn carry(
        &self,
        event: &mut Event,
        notice: &[u8],
        report: &IncomingReport<'_>,
    ) -> Result<(), Unavailable> {
        let bucket = &self.context.bucket;
        let Envelope { body, encoded, arrival, .. } = report.envelope;
        let is_claim = |body: &&StoredBody| body.object().is_some();
        let unpacked = match encoded.as_ref().filter(|encoded| !is_claim(encoded)) {
            Some(inline) => Some(bucket.open(inline.clone()).await?),
            None => None,
        };
        let mut bodies = vec![notice];
        // A large body lies in the bucket already.
        bodies.extend((!is_claim(&body)).then_some(report.body));
        bodies.extend(unpacked.as_deref());
        let key = format!("events/{}/bodies-{arrival}", event.id.bare());
        let mut carried = bucket.carry_all(&key, &bodies).await?.into_iter();
        event.payload = carried.next().unwrap_or_else(|| StoredBody::inline(notice));
        event.said = if is_claim(&body) { Some(body.clone()) } else { carried.next() };
        event.encoded = carried.next().or_else(|| encoded.clone());
        Ok(())
    }
}

/// Batches that several messages found to be worth a look.
#[derive(Debug, Default)]
struct Batches(Mutex<BTreeSet<BatchId>>);

impl Batches {
    /// Whether it was not among them.
    fn insert(&self, batch: BatchId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(batch)
    }

    fn take(self) -> BTreeSet<BatchId> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
