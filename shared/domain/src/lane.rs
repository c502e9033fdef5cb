//! Order among the deliveries to an endpoint: those with one key go one after the other, through all
//! their retries, and keys do not wait for each other.

use serde::{Deserialize, Serialize};

use crate::{endpoint::Endpoint, event::Event, id, json::JsonFields};

/// What of an event is its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrdering {
    /// Its job, or its batch.
    Job,
    /// The first of its channels.
    Channel,
    /// The value at this path of its payload, such as `data.customer.id`.
    Path(String),
}

/// Why text is no such thing. The caller may read this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is `job`, `channel`, a path such as `$.data.customer.id`, or `none`")]
pub struct InvalidOrdering;

/// A delivery's place in its lane. It is written with the delivery and goes with the delivery's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanePlace {
    /// The lane: the endpoint and what the key's hash is.
    pub lane: String,
    /// Its number there, from 1 on.
    pub number: u64,
}

/// Most endpoints of an application, an ordered one counted three times: an event, its deliveries and
/// their places are recorded in one transaction.
pub const PLACES: usize = 3;

impl DeliveryOrdering {
    /// Reads what an owner says; `none` is none.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidOrdering> {
        match text {
            "none" => Ok(None),
            "job" => Ok(Some(Self::Job)),
            "channel" => Ok(Some(Self::Channel)),
            _ => {
                let path = text.strip_prefix("$.").ok_or(InvalidOrdering)?;
                let plain = |name: &str| {
                    !name.is_empty()
                        && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it))
                };
                let fits = path.len() <= 128 && path.split('.').all(plain);
                fits.then(|| Some(Self::Path(path.to_owned()))).ok_or(InvalidOrdering)
            }
        }
    }

    /// As it is read.
    pub fn print(&self) -> String {
        match self {
            Self::Job => "job".to_owned(),
            Self::Channel => "channel".to_owned(),
            Self::Path(path) => format!("$.{path}"),
        }
    }

    /// The key of an event; without one it waits for nobody.
    fn key(&self, event: &Event, payload: &[u8]) -> Option<String> {
        match self {
            Self::Job => match &event.job {
                Some(job) => Some(job.to_string()),
                None => event.batch_id.clone(),
            },
            Self::Channel => event.channels.first().cloned(),
            Self::Path(path) => {
                let fields = JsonFields::read(payload, [path.as_str()]).ok()?;
                fields.raw(path).map(|value| value.get().to_owned())
            }
        }
    }
}

/// The lane of an event at an endpoint, if it goes in one.
pub fn lane(endpoint: &Endpoint, event: &Event, payload: &[u8]) -> Option<String> {
    let key = endpoint.ordering.as_ref()?.key(event, payload)?;
    Some(format!("{}#{}", endpoint.id, id::digest(&[&key])))
}

/// How many of an application's endpoints one counts for.
pub const fn weight(endpoint: &Endpoint) -> usize {
    if endpoint.ordering.is_some() { PLACES } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ApplicationId, EndpointId, EventId},
        time::Timestamp,
    };

    #[test]
    fn an_ordering_is_read_and_printed() {
        for text in ["job", "channel", "$.data.customer.id", "$.a", "$.a-b.c_d.0"] {
            assert_eq!(DeliveryOrdering::parse(text).expect("one").expect("some").print(), text);
        }
        assert_eq!(DeliveryOrdering::parse("none"), Ok(None));
        for bad in ["", "jobs", "$", "$.", "$.a..b", "$.a[0]", "a.b", "$.a b", "$.é"] {
            assert_eq!(DeliveryOrdering::parse(bad), Err(InvalidOrdering), "{bad}");
        }
        assert_eq!(
            DeliveryOrdering::parse(&format!("$.{}", "a".repeat(129))),
            Err(InvalidOrdering)
        );
    }

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
