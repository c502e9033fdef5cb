//! Reading endpoints, or remembering them: who hears an event, and what an attempt needs to know.

use std::sync::Arc;

use adapters::{Unavailable, table::AttemptContext};
use domain::{delivery::Delivery, endpoint::Endpoint, id::ApplicationId};

use crate::{context::Context, memory::Hearers};

impl Context {
    /// The endpoints of an application that are judged when an event is recorded, as they were at the most
    /// [`REMEMBERED`](crate::memory::REMEMBERED) ago.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn hearers(&self, application: &ApplicationId) -> Result<Arc<Hearers>, Unavailable> {
        let now = self.clock.now();
        if let Some(hearers) = self.memory.hearers(application, now) {
            return Ok(hearers);
        }
        let hearers = Arc::new(self.read_hearers(application).await?);
        self.memory.keep_hearers(application, &hearers, now);
        Ok(hearers)
    }

    /// Reads the endpoints that are judged when an event of this application is recorded.
    async fn read_hearers(&self, application: &ApplicationId) -> Result<Hearers, Unavailable> {
        let (mut endpoints, mut after) = (Vec::new(), None);
        let together = self.fan_out_sizes.together;
        loop {
            // One more than fit tells that there are too many.
            let left = together + 1 - endpoints.len();
            let page = self.table.endpoints_page(application, after.as_ref(), left).await?;
            endpoints.extend(page.endpoints);
            after = page.next;
            if together < endpoints.iter().map(Endpoint::weight).sum() {
                break;
            }
            if after.is_none() {
                return Ok(Hearers { endpoints, in_pages: false });
            }
        }
        let ordered = self.table.endpoint_counts(application).await?.ordered;
        let mut endpoints = self.table.endpoints_named(application, &ordered).await?;
        endpoints.retain(|endpoint| endpoint.ordering.is_some());
        Ok(Hearers { endpoints, in_pages: true })
    }

    /// What an attempt needs to know: of the endpoint as it was at the most
    /// [`REMEMBERED`](crate::memory::REMEMBERED) ago, of event and health as they may have been a moment ago.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub(crate) async fn attempt_context(
        &self,
        delivery: &Delivery,
    ) -> Result<AttemptContext, Unavailable> {
        let now = self.clock.now();
        if let Some((endpoint, rate)) = self.memory.endpoint(&delivery.endpoint, now) {
            let mut context = self.table.context_beside_endpoint(delivery).await?;
            (context.endpoint, context.application_rate) = (Some(endpoint), rate);
            return Ok(context);
        }
        let context = self.table.context(delivery).await?;
        if let Some(endpoint) = &context.endpoint
            && endpoint.disabled.is_none()
            && context.recovery.is_none()
        {
            self.memory.keep_endpoint(endpoint, context.application_rate, now);
        }
        Ok(context)
    }
}
