//! Recording the event of a message of the inbox. The message stands for all that is still to be written
//! until it is deleted, so that no transaction is needed: each step is one conditional write, and a message
//! that comes again finds what was done.
//!
//! The order is job, event, deliveries, bells.
//!
//! - The job remembers the report until the event is recorded. A worker that goes on after a crash finds
//!   there what the report did, and does not apply it again.
//! - An event that is recorded has changed its job. Nobody but the message it came with adds its
//!   deliveries.
//! - A delivery whose bell SQS has accepted is not on the index of what is due. SQS keeps the bell until
//!   `deliver` deletes it, which it does only of a delivery that has ended or is due.
//!
//! If the application has more endpoints than one transaction holds deliveries, the event is recorded with a
//! fan-out, whose pages create the deliveries (`fan_out`).
//!
//! Two cases keep a transaction. A report that its batch counts: job, marker and event, for a marker must
//! be left once, and whoever hears that the batch has ended reads the results of all its jobs. An event that
//! is ordered at an endpoint: everything, so that the order of a lane is that of the reports.

use adapters::{
    Unavailable,
    table::{EventRecording, RecordOutcome, WriteOutcome},
};
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    event::{Event, EventOutcome},
    id::DeliveryId,
    lane,
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    announce::{Announcement, JobStep},
    context::Context,
};

/// Deliveries that are created at the same time.
const AT_ONCE: usize = 16;

impl Context {
    /// Records the event of a message that is deleted only after this has returned. The outcome is
    /// [`RecordOutcome::Contested`] if the event is recorded already, or its job changed since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or SQS refuses a bell. The message must then come again.
    pub async fn accept(
        &self,
        announcement: &Announcement<'_>,
        step: JobStep,
    ) -> Result<RecordOutcome, Unavailable> {
        let Announcement { event, payload, job, endpoints, .. } = *announcement;
        let deliveries = announcement.deliveries(self.clock.now());
        if is_ordered(event, payload, endpoints, &deliveries) {
            let recorded = self.announce_after(announcement, step).await?;
            if recorded == RecordOutcome::New {
                self.count_event(event);
            }
            return Ok(recorded);
        }
        if self.record_report(announcement, step).await? == RecordOutcome::Contested {
            return Ok(RecordOutcome::Contested);
        }
        self.count_event(event);
        self.note_event(event, job);
        self.begin(&deliveries, endpoints).await?;
        self.outbox.ring(&deliveries, self.clock.now()).await?;
        self.ring_fan_out(event).await;
        Ok(RecordOutcome::New)
    }

    /// Writes job and event.
    async fn record_report(
        &self,
        announcement: &Announcement<'_>,
        step: JobStep,
    ) -> Result<RecordOutcome, Unavailable> {
        let Announcement { event, job, marker, request, endpoints, .. } = *announcement;
        if let Some(job) = job.filter(|_| step == JobStep::ToDo) {
            if marker.is_some() {
                let (job, deliveries, callee) = (Some(job), &[][..], None);
                let recording =
                    EventRecording { event, job, marker, request, deliveries, endpoints, callee };
                return self.table.record(&recording).await;
            }
            let kept = self.table.keep_report(&job.until_recorded(event, self.clock.now())).await?;
            if kept == WriteOutcome::Refused {
                return Ok(RecordOutcome::Contested);
            }
        }
        if event.in_pages {
            let (job, marker, deliveries, callee) = (None, None, &[][..], None);
            let recording =
                EventRecording { event, job, marker, request, deliveries, endpoints, callee };
            return self.table.record(&recording).await;
        }
        Ok(match self.table.record_event(event, request).await? {
            WriteOutcome::Done => RecordOutcome::New,
            WriteOutcome::Refused => RecordOutcome::Contested,
        })
    }

    /// Does what is left to do for a recorded event whose message came again: creates the deliveries to
    /// `endpoints` that are not there, and rings for those that were never attempted. An endpoint that was
    /// created since receives the event too. Of an event in pages, `endpoints` are those that were judged with
    /// it, and the fan-out goes on.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn finish(&self, event: &Event, endpoints: &[Endpoint]) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let mut wanted = Vec::new();
        if event.outcome == EventOutcome::Announced && !event.is_expunged(now) {
            let payload = self.bucket.open(event.payload.clone()).await?;
            wanted = Delivery::fan_out(event, &payload, endpoints, now);
        }
        let known = match event.in_pages {
            true => {
                let ids = wanted.iter().map(|delivery| &delivery.id);
                self.table.deliveries_named(&event.id, ids).await?
            }
            false => self.table.deliveries_of(&event.id).await?,
        };
        let mut missing = wanted;
        missing.retain(|delivery| known.iter().all(|known| known.id != delivery.id));
        self.begin(&missing, endpoints).await?;
        self.outbox.ring(known.iter().filter(|it| is_untried(it)).chain(&missing), now).await?;
        if event.in_pages { self.wake_fan_out(event).await } else { Ok(()) }
    }

    /// Creates deliveries. One that somebody else created is left as it is; their ids are returned.
    pub(crate) async fn begin(
        &self,
        deliveries: &[Delivery],
        endpoints: &[Endpoint],
    ) -> Result<Vec<DeliveryId>, Unavailable> {
        let now = self.clock.now();
        let begin = |delivery: Delivery| async move {
            let endpoint = endpoints.iter().find(|it| it.id == delivery.endpoint);
            let policy = endpoint.map(|it| it.policy.clone()).unwrap_or_default();
            // A delivery to a listener is handed on, and its bell deleted, before it has ended.
            let stands =
                delivery.next_at <= now && endpoint.is_some_and(|it| it.listener().is_none());
            let due = (!stands).then(|| Delivery::due(now, delivery.next_at));
            let begun = self.table.begin_delivery(&delivery, &policy, due).await?;
            Ok::<_, Unavailable>((begun == WriteOutcome::Refused).then_some(delivery.id))
        };
        let begun: Vec<_> = deliveries.iter().cloned().map(begin).collect();
        let there: Vec<Option<DeliveryId>> =
            stream::iter(begun).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(there.into_iter().flatten().collect())
    }
}

/// Whether a delivery is to be attempted for the first time.
pub(crate) fn is_untried(delivery: &Delivery) -> bool {
    delivery.made == 0 && delivery.state == DeliveryState::Pending
}

/// Whether one of these deliveries has a place in a lane.
fn is_ordered(
    event: &Event,
    payload: &[u8],
    endpoints: &[Endpoint],
    deliveries: &[Delivery],
) -> bool {
    deliveries.iter().any(|delivery| {
        let endpoint = endpoints.iter().find(|it| it.id == delivery.endpoint);
        endpoint.is_some_and(|endpoint| lane::lane(endpoint, event, payload).is_some())
    })
}
