//! Deliveries that are created in pages, because the application has more endpoints than one transaction
//! holds deliveries.
//!
//! The event is recorded together with its fan-out, which is due. Each message works on some pages: it reads
//! endpoints by id, judges their filters, creates deliveries as `accept` does, rings for them, writes how far
//! it came, and rings for the next message. A message that comes again, or two workers with the same page,
//! find the deliveries that are there.
//!
//! Endpoints that want order are judged when the event is recorded, and webhooks of its job, but for those of a
//! cancellation, are too. Places in lanes are given there, so that the order of a lane is that of the events,
//! whatever the pages do.

use adapters::{Unavailable, table::WriteOutcome};
use domain::{
    delivery::{Delivery, MAX_HOPS},
    endpoint::Endpoint,
    event::{Event, Origin},
    fan_out::{FanOut, PATIENCE},
    id::{ApplicationId, EventId},
};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{accept::is_untried, context::Context};

impl Context {
    /// Rings for the fan-out of an event that was recorded now, if it has one. A bell that is not heard is
    /// no failure: a fan-out is also due.
    pub async fn ring_fan_out(&self, event: &Event) {
        if event.in_pages {
            self.ring_for(&event.id, &event.application, 0).await;
        }
    }

    /// Rings for the fan-out of an event, unless it has ended.
    pub(crate) async fn wake_fan_out(&self, event: &Event) -> Result<(), Unavailable> {
        let fan = self.table.fan_out(&event.id).await?;
        if let Some(fan) = fan.filter(|fan| !fan.has_ended) {
            self.ring_for(&fan.event, &fan.application, 0).await;
        }
        Ok(())
    }

    async fn ring_for(&self, event: &EventId, application: &ApplicationId, hops: u8) {
        let Some(inbox) = &self.fan_outs else { return };
        if let Err(error) = inbox.fan_out(event, application, hops).await {
            warn!(%error, %event, "a fan-out was not rung for; the sweep will");
        }
    }

    /// Creates the deliveries of the next pages of an event's fan-out, and rings for the pages after
    /// them. The bell that asked for it was number `hops` of a chain.
    ///
    /// # Errors
    /// Fails if AWS does. What was created is kept, and the message must come again.
    pub async fn fan_out(&self, event: &EventId, hops: u8) -> Result<(), Unavailable> {
        let Some(mut fan) = self.table.fan_out(event).await? else { return Ok(()) };
        if fan.has_ended {
            return Ok(());
        }
        let read = fan.clone();
        let worked = self.work_on(&mut fan).await;
        if worked.is_err() && fan == read {
            return worked;
        }
        let now = self.clock.now();
        let due = fan.due(hops, now);
        if self.table.advance_fan_out(&fan, due, now).await? == WriteOutcome::Refused {
            info!(%event, "another worker fans this event out");
            return worked;
        }
        worked?;
        if !fan.has_ended && hops < MAX_HOPS {
            self.ring_for(event, &fan.application, hops + 1).await;
        }
        Ok(())
    }

    /// Works on pages, and moves the fan-out behind each that is done.
    async fn work_on(&self, fan: &mut FanOut) -> Result<(), Unavailable> {
        let until = Instant::now() + PATIENCE;
        let (event, application) = tokio::try_join!(
            self.table.event(&fan.event),
            self.table.application_record(&fan.application)
        )?;
        let is_there = application.is_none_or(|application| application.is_there());
        let event = event.filter(|event| is_there && !event.is_expunged(self.clock.now()));
        let Some(event) = event else {
            // There is nobody to send to, or nothing to send.
            fan.has_ended = true;
            return Ok(());
        };
        let payload = self.bucket.open(event.payload.clone()).await?;
        // The transaction of a cancellation has no room for the webhooks of its job.
        if fan.after.is_none()
            && event.origin == Origin::Relay
            && !event.is_operational()
            && let Some(job) = &event.job
            && let Some(job) = self.table.job(job).await?
        {
            let webhooks = self.table.webhooks_of(&job).await?;
            self.create_page(&event, &payload, fan, &webhooks).await?;
        }
        for _ in 0..self.fan_out_sizes.pages {
            let after = fan.after.as_ref();
            let size = self.fan_out_sizes.page;
            let page = self.table.endpoints_page(&fan.application, after, size).await?;
            self.create_page(&event, &payload, fan, &page.endpoints).await?;
            let Some(last) = page.next else {
                fan.has_ended = true;
                return Ok(());
            };
            fan.after = Some(last);
            if until <= Instant::now() {
                break;
            }
        }
        Ok(())
    }

    /// Creates the deliveries to those of these endpoints that accept the event and were not judged with it,
    /// and rings for them.
    async fn create_page(
        &self,
        event: &Event,
        payload: &[u8],
        fan: &FanOut,
        endpoints: &[Endpoint],
    ) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let unjudged = endpoints.iter().filter(|endpoint| !fan.judged.contains(&endpoint.id));
        let mut deliveries = Delivery::fan_out(event, payload, unjudged, now);
        let there = self.begin(&deliveries, endpoints).await?;
        if !there.is_empty() {
            // An earlier try may have created them and not rung.
            deliveries.retain(|delivery| !there.contains(&delivery.id));
            let known = self.table.deliveries_named(&event.id, &there).await?;
            deliveries.extend(known.into_iter().filter(is_untried));
        }
        self.outbox.ring(&deliveries, now).await
    }
}
