//! Recording an event with its deliveries, then ringing for them.

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    table::{EventRecording, RecordOutcome},
};
use domain::{
    batch::BatchMarker,
    delivery::Delivery,
    endpoint::Endpoint,
    event::{Event, EventOutcome},
    job::Job,
    lane::{self, LanePlace},
    live::news::{EventNews, JobNews, News},
    request::RequestRecord,
    time::Timestamp,
};
use tracing::warn;

use crate::context::Context;

/// Tries to record an event while other workers take places in one of its lanes.
const TRIES: u32 = 9;

/// What is to be announced.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// The event.
    pub event: &'a Event,
    /// What subscribers receive, as it is before it may be carried elsewhere.
    pub payload: &'a [u8],
    /// The job as it becomes.
    pub job: Option<&'a Job>,
    /// What that means for its batch.
    pub marker: Option<&'a BatchMarker>,
    /// The request that the event came with.
    pub request: Option<&'a RequestRecord>,
    /// The endpoints that are judged now. If the event says that its deliveries are created in pages, all other
    /// endpoints of its application follow.
    pub endpoints: &'a [Endpoint],
}

/// Whether the job of an announcement is still to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStep {
    /// The job follows from the one that was read.
    ToDo,
    /// The job was written before a crash, with the report in it.
    Done,
}

impl Announcement<'_> {
    /// A delivery to every endpoint that wants the event.
    pub(crate) fn deliveries(&self, now: Timestamp) -> Vec<Delivery> {
        match self.event.outcome {
            EventOutcome::Announced => {
                Delivery::fan_out(self.event, self.payload, self.endpoints, now)
            }
            EventOutcome::Noted | EventOutcome::Stale | EventOutcome::Conflict => Vec::new(),
        }
    }
}

impl Context {
    /// Records an event, its job and a delivery to every endpoint that wants the event in one
    /// transaction, then rings. A crash in between leaves deliveries that are due, for which the sweep
    /// rings. The outcome is [`RecordOutcome::Contested`] if the event is known already, or its job
    /// changed since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn announce(
        &self,
        announcement: &Announcement<'_>,
    ) -> Result<RecordOutcome, Unavailable> {
        self.announce_after(announcement, JobStep::ToDo).await
    }

    /// The same, of which the job and its marker may have been written before.
    pub(crate) async fn announce_after(
        &self,
        announcement: &Announcement<'_>,
        step: JobStep,
    ) -> Result<RecordOutcome, Unavailable> {
        let Announcement { event, payload, job: news, request, endpoints, .. } = *announcement;
        let (job, marker) = match step {
            JobStep::ToDo => (news, announcement.marker),
            JobStep::Done => (None, None),
        };
        let deliveries = announcement.deliveries(self.clock.now());
        contested::write_or(TRIES, RecordOutcome::Contested, || async {
            let mut deliveries = deliveries.clone();
            let places = self.line_up(event, payload, endpoints, &mut deliveries).await?;
            let (deliveries, callee) = (&deliveries, None);
            let recording =
                EventRecording { event, job, marker, request, deliveries, endpoints, callee };
            let recorded = self.table.record(&recording).await?;
            if recorded == RecordOutcome::New {
                self.ring(deliveries).await;
                self.ring_fan_out(event).await;
                self.note_event(event, news);
                return Ok(TryOutcome::Settled(recorded));
            }
            // Another event may have taken the place that was next: then this one is not there. All
            // other changes are for the caller to look at.
            let lost_a_place = places != self.places(deliveries).await?
                && self.table.event(&event.id).await?.is_none();
            Ok(if lost_a_place { TryOutcome::Refused } else { TryOutcome::Settled(recorded) })
        })
        .await
    }

    /// Notes for watchers that an event was recorded, and what it announces of its job.
    pub fn note_event(&self, event: &Event, job: Option<&Job>) {
        let now = self.clock.now();
        self.teller.note(&event.application, now, || News::Event(EventNews::of(event)));
        if let Some(job) = job.and_then(|job| JobNews::announced(event, job)) {
            self.teller.note(&event.application, now, || News::Job(job));
        }
    }

    /// Gives the deliveries to endpoints that want order the next places of their lanes; the last
    /// number of each lane as it was read.
    async fn line_up(
        &self,
        event: &Event,
        payload: &[u8],
        endpoints: &[Endpoint],
        deliveries: &mut [Delivery],
    ) -> Result<Vec<u64>, Unavailable> {
        for delivery in &mut *deliveries {
            let endpoint = endpoints.iter().find(|it| it.id == delivery.endpoint);
            let lane = endpoint.and_then(|endpoint| lane::lane(endpoint, event, payload));
            let Some(lane) = lane else { continue };
            let number = self.table.last_place(&lane).await? + 1;
            delivery.lane = Some(LanePlace { lane, number });
        }
        let places = deliveries.iter().filter_map(|it| Some(it.lane.as_ref()?.number - 1));
        Ok(places.collect())
    }

    async fn places(&self, deliveries: &[Delivery]) -> Result<Vec<u64>, Unavailable> {
        let mut places = Vec::new();
        for place in deliveries.iter().filter_map(|delivery| delivery.lane.as_ref()) {
            places.push(self.table.last_place(&place.lane).await?);
        }
        Ok(places)
    }

    /// Rings for the deliveries of an event that were never attempted: a crash may have come before
    /// their doorbells. Of an event in pages, it rings for the fan-out if that has not ended.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn heal(&self, event: &Event) -> Result<(), Unavailable> {
        if event.in_pages {
            return self.wake_fan_out(event).await;
        }
        let mut deliveries = self.table.deliveries_of(&event.id).await?;
        deliveries.retain(|delivery| {
            delivery.made == 0 && delivery.state == domain::delivery::DeliveryState::Pending
        });
        self.ring(&deliveries).await;
        Ok(())
    }

    /// A bell that is not heard is no failure: everything rung for is also due.
    pub async fn ring(&self, deliveries: &[Delivery]) {
        if deliveries.is_empty() {
            return;
        }
        if let Err(error) = self.outbox.ring(deliveries, self.clock.now()).await {
            warn!(%error, "bells were not rung; the sweep will");
        }
    }
}
