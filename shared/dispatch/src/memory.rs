//! Endpoints that an instance remembers for a moment, so that an event of a busy application does not read
//! all of its endpoints again.
//!
//! Nothing is remembered unless the context was asked to. `process` and `deliver` ask; `api` does not,
//! because whoever has created an endpoint may publish by another instance at once, and neither does
//! `relay dev`.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapters::{Unavailable, table::AttemptContext};
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    id::{ApplicationId, EndpointId},
    time::Timestamp,
};

use crate::{context::Context, fan_out::Hearers};

/// How long an instance goes on with what it has read. A new endpoint hears of events from at the most so
/// long after its creation, and a change or a removal is heeded as late.
pub const REMEMBERED: Duration = Duration::from_secs(2);
/// Most entries of each kind. Beyond it all are forgotten.
const MANY: usize = 1024;

/// What one instance remembers. Clones share it. The default remembers nothing.
#[derive(Clone, Debug, Default)]
pub struct EndpointMemory(Option<Arc<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    of_applications: Shelf<ApplicationId, Arc<Hearers>>,
    /// Endpoints that are enabled and have no recovery, with the rate of their application.
    of_deliveries: Shelf<EndpointId, (Endpoint, Option<u16>)>,
}

/// Values by key, with the times until which they are used.
#[derive(Debug)]
struct Shelf<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    fn find(&self, key: &K, now: Timestamp) -> Option<V> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, value) = shelf.get(key)?;
        (now < *until).then(|| value.clone())
    }

    fn keep(&self, key: K, value: V, now: Timestamp) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if MANY <= shelf.len() {
            shelf.clear();
        }
        shelf.insert(key, (now.plus(REMEMBERED), value));
    }

    fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl EndpointMemory {
    /// A memory that remembers.
    pub fn remembering() -> Self {
        Self(Some(Arc::default()))
    }

    /// Forgets an endpoint that this instance has changed.
    pub(crate) fn forget(&self, endpoint: &Endpoint) {
        let Some(remembered) = &self.0 else { return };
        remembered.of_deliveries.forget(&endpoint.id);
        remembered.of_applications.forget(&endpoint.application);
    }
}

impl Context {
    /// The endpoints of an application that are judged when an event is recorded, as they were at the most
    /// [`REMEMBERED`] ago.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn hearers(&self, application: &ApplicationId) -> Result<Arc<Hearers>, Unavailable> {
        let now = self.clock.now();
        let memory = self.memory.0.as_ref().map(|memory| &memory.of_applications);
        if let Some(hearers) = memory.and_then(|memory| memory.find(application, now)) {
            return Ok(hearers);
        }
        let hearers = Arc::new(self.read_hearers(application).await?);
        if let Some(memory) = memory {
            memory.keep(application.clone(), Arc::clone(&hearers), now);
        }
        Ok(hearers)
    }

    /// What an attempt needs to know: of the endpoint as it was at the most [`REMEMBERED`] ago, of event
    /// and health as they are.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub(crate) async fn attempt_context(
        &self,
        delivery: &Delivery,
    ) -> Result<AttemptContext, Unavailable> {
        let now = self.clock.now();
        let memory = self.memory.0.as_ref().map(|memory| &memory.of_deliveries);
        if let Some((endpoint, rate)) = memory.and_then(|it| it.find(&delivery.endpoint, now)) {
            let mut context = self.table.context_beside_endpoint(delivery).await?;
            (context.endpoint, context.application_rate) = (Some(endpoint), rate);
            return Ok(context);
        }
        let context = self.table.context(delivery).await?;
        if let (Some(memory), Some(endpoint)) = (memory, &context.endpoint)
            && endpoint.disabled.is_none()
            && context.recovery.is_none()
        {
            let known = (endpoint.clone(), context.application_rate);
            memory.keep(endpoint.id.clone(), known, now);
        }
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_forgotten_after_its_time_and_when_there_is_too_much() {
        let shelf = Shelf::default();
        let now = Timestamp::from_secs(1_700_000_000);
        shelf.keep(0, "a", now);
        assert_eq!(shelf.find(&0, Timestamp(now.0 + 1999)), Some("a"));
        assert_eq!(shelf.find(&0, now.plus(REMEMBERED)), None);
        shelf.forget(&0);
        assert_eq!(shelf.find(&0, now), None);
        for key in 0..=MANY {
            shelf.keep(key, "b", now);
        }
        assert_eq!((shelf.find(&0, now), shelf.find(&MANY, now)), (None, Some("b")));
    }
}
