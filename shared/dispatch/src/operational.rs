//! Telling an application's owner how its endpoints fare. Whatever is told has a derived id, so it may
//! be tried again until what it tells of has been written down; and where nobody asks for it, nothing
//! is recorded.

use adapters::{Unavailable, table::EventRecording};
use domain::{
    delivery::Delivery, endpoint::Endpoint, operational::OperationalEvent, time::Timestamp,
};

use crate::{announce::Announcement, context::Context};

/// News with whom it goes to.
#[derive(Clone, Debug)]
pub struct Telling {
    /// What.
    pub news: OperationalEvent,
    /// The deliveries to whoever asked for it.
    pub deliveries: Vec<Delivery>,
    endpoints: Vec<Endpoint>,
}

impl Telling {
    /// What is to be recorded, by itself or together with what it tells of.
    pub fn recording(&self) -> EventRecording<'_> {
        EventRecording {
            event: &self.news.event,
            job: None,
            marker: None,
            request: None,
            deliveries: &self.deliveries,
            endpoints: &self.endpoints,
            callee: None,
        }
    }
}

impl Context {
    /// An operational event with the deliveries to the endpoints that name it; `None` if no
    /// endpoint does.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn telling(
        &self,
        news: OperationalEvent,
        now: Timestamp,
    ) -> Result<Option<Telling>, Unavailable> {
        let all = self.table.endpoints(&news.event.application).await?;
        let hearers: Vec<Endpoint> = news.hearers(&all).into_iter().cloned().collect();
        let deliveries = Delivery::fan_out(&news.event, &news.payload, &hearers, now);
        let some = !deliveries.is_empty();
        Ok(some.then_some(Telling { news, deliveries, endpoints: hearers }))
    }

    /// Records an operational event, unless it was recorded before, and rings for its deliveries.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn tell(&self, news: OperationalEvent, now: Timestamp) -> Result<(), Unavailable> {
        let Some(telling) = self.telling(news, now).await? else { return Ok(()) };
        let announcement = Announcement {
            event: &telling.news.event,
            payload: &telling.news.payload,
            job: None,
            marker: None,
            request: None,
            endpoints: &telling.endpoints,
        };
        self.announce(&announcement).await.map(|_| ())
    }
}
