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

use domain::{
    endpoint::Endpoint,
    id::{ApplicationId, EndpointId},
    time::Timestamp,
};

/// How long an instance goes on with what it has read. A new endpoint hears of events from at the most so
/// long after its creation, and a change or a removal is heeded as late.
pub const REMEMBERED: Duration = Duration::from_secs(2);
/// Most entries of each kind. Beyond it all are forgotten.
const MANY: usize = 1024;

/// The endpoints of an application that are judged when an event is recorded.
#[derive(Clone, Debug, Default)]
pub struct Hearers {
    /// All of them, or, if the others follow in pages, those that want their deliveries in order.
    pub endpoints: Vec<Endpoint>,
    /// Whether the deliveries to the others are created in pages.
    pub in_pages: bool,
}

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

    /// The endpoints of an application, if they were kept lately.
    pub(crate) fn hearers(&self, id: &ApplicationId, now: Timestamp) -> Option<Arc<Hearers>> {
        self.0.as_ref()?.of_applications.find(id, now)
    }

    /// Keeps the endpoints of an application.
    pub(crate) fn keep_hearers(&self, id: &ApplicationId, hearers: &Arc<Hearers>, now: Timestamp) {
        if let Some(remembered) = &self.0 {
            remembered.of_applications.keep(id.clone(), Arc::clone(hearers), now);
        }
    }

    /// An endpoint and the rate of its application, if they were kept lately.
    pub(crate) fn endpoint(
        &self,
        id: &EndpointId,
        now: Timestamp,
    ) -> Option<(Endpoint, Option<u16>)> {
        self.0.as_ref()?.of_deliveries.find(id, now)
    }

    /// Keeps an endpoint that is enabled and has no recovery, and the rate of its application.
    pub(crate) fn keep_endpoint(&self, endpoint: &Endpoint, rate: Option<u16>, now: Timestamp) {
        if let Some(remembered) = &self.0 {
            remembered.of_deliveries.keep(endpoint.id.clone(), (endpoint.clone(), rate), now);
        }
    }

    /// Forgets an endpoint that this instance has changed.
    pub(crate) fn forget(&self, endpoint: &Endpoint) {
        let Some(remembered) = &self.0 else { return };
        remembered.of_deliveries.forget(&endpoint.id);
        remembered.of_applications.forget(&endpoint.application);
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
