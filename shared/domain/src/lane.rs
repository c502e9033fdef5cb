//! Lanes: the deliveries of one key to one endpoint are made one after the other, through all their
//! retries. Deliveries of different keys do not wait for each other.

mod ordering;

use serde::{Deserialize, Serialize};

pub use self::ordering::{DeliveryOrdering, InvalidOrdering};
use crate::{endpoint::Endpoint, event::Event, id, json::JsonFields};

/// A delivery's place in its lane. The place is written with the delivery and removed when the
/// delivery ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanePlace {
    /// The lane: the endpoint's id and a hash of the key.
    pub lane: String,
    /// The number in the lane, from 1 on.
    pub number: u64,
}

/// The lane of an event at an endpoint; `None` if the endpoint wants no order or the event has no
/// key.
pub fn lane(endpoint: &Endpoint, event: &Event, payload: &[u8]) -> Option<String> {
    let key = key(endpoint.ordering.as_ref()?, event, payload)?;
    Some(format!("{}#{}", endpoint.id, id::digest(&[&key])))
}

/// The key by which an event is ordered. Deliveries of an event without a key wait for nothing.
fn key(ordering: &DeliveryOrdering, event: &Event, payload: &[u8]) -> Option<String> {
    match ordering {
        DeliveryOrdering::Job => match &event.job {
            Some(job) => Some(job.to_string()),
            None => event.batch_id.clone(),
        },
        DeliveryOrdering::Channel => event.channels.first().cloned(),
        DeliveryOrdering::Path(path) => {
            let fields = JsonFields::read(payload, [path.as_str()]).ok()?;
            fields.raw(path).map(|value| value.get().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ApplicationId, EndpointId, EventId},
        time::Timestamp,
    };

    #[test]
    fn one_key_is_one_lane_and_without_a_key_there_is_none() {
        let now = Timestamp::from_secs(1_700_000_000);
        let application = ApplicationId::named("acme");
        let id = EndpointId::derive(&["e"]);
        let mut endpoint = Endpoint::new(id, application.clone(), "https://a.example/", now);
        let mut event = Event::by_relay(EventId::derive(&["v"]), application, "a.b", b"{}", now);
        event.channels = vec!["one".to_owned(), "two".to_owned()];
        let mut at = |ordering, payload: &str| {
            endpoint.ordering = ordering;
            lane(&endpoint, &event, payload.as_bytes())
        };
        let path = Some(DeliveryOrdering::Path("a.b".to_owned()));
        assert_eq!(at(None, "{}"), None);
        assert_eq!(at(Some(DeliveryOrdering::Job), "{}"), None);
        assert!(at(Some(DeliveryOrdering::Channel), "{}").is_some());
        let one = at(path.clone(), r#"{"a":{"b":1}}"#);
        assert!(one.is_some());
        assert_eq!(one, at(path.clone(), r#"{ "x": 2, "a": { "b": 1 } }"#));
        assert_ne!(one, at(path.clone(), r#"{"a":{"b":2}}"#));
        assert_ne!(one, at(path.clone(), r#"{"a":{"b":"1"}}"#));
        for none in ["{}", r#"{"a":1}"#, "not json"] {
            assert_eq!(at(path.clone(), none), None, "{none}");
        }
    }
}
