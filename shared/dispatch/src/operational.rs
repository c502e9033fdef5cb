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
    /// The deliveries to whoever asked for it. If the event says so, others follow in pages.
    pub deliveries: Vec<Delivery>,
    endpoints: Vec<Endpoint>,
}

impl Telling {
    /// The number of items that recording takes.
    pub fn items(&self) -> usize {
        self.deliveries.len() + if self.news.event.in_pages { 2 } else { 1 }
    }

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
    /// endpoint does. Of an application whose deliveries are created in pages, `None` if no endpoint names
    /// any operational event.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn telling(
        &self,
        news: OperationalEvent,
        now: Timestamp,
    ) -> Result<Option<Telling>, Unavailable> {
        let application = news.event.application.clone();
        let all = self.hearers(&application).await?;
        if all.in_pages {
            if self.table.endpoint_counts(&application).await?.hearing == 0 {
                return Ok(None);
            }
            let mut news = news;
            news.event.in_pages = true;
            // All that the pages need not look at, and the endpoint that it is about, which never hears of it.
            let mut judged = all.endpoints.clone();
            let hearers: Vec<_> = news.hearers(&judged).into_iter().cloned().collect();
            let deliveries = Delivery::fan_out(&news.event, &news.payload, &hearers, now);
            judged.retain(|endpoint| endpoint.id != news.about);
            judged.push(Endpoint::new(news.about.clone(), application, "", now));
            return Ok(Some(Telling { news, deliveries, endpoints: judged }));
        }
        let hearers: Vec<Endpoint> = news.hearers(&all.endpoints).into_iter().cloned().collect();
        let deliveries = Delivery::fan_out(&news.event, &news.payload, &hearers, now);
        let some = !deliveries.is_empty();
        Ok(some.then_some(Telling { news, deliveries, endpoints: hearers }))
    }

    /// Rings for what an operational event was recorded with.
    pub async fn ring_telling(&self, telling: &Telling) {
        self.ring(&telling.deliveries).await;
        self.ring_fan_out(&telling.news.event).await;
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
