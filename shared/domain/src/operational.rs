//! Operational events: what the relay tells the owner of an application about its endpoints, in the
//! shapes of the Svix contract. Only endpoints that list these types or their family receive them,
//! and never the endpoint that an event is about.

use serde::Serialize;
use serde_json::json;

use crate::{
    application::Application,
    delivery::{Attempt, Delivery},
    endpoint::Endpoint,
    event::{Event, Origin},
    id::{EndpointId, EventId},
    notice,
    retry::ErrorClass,
    subscription,
    time::Timestamp,
};

/// The types of all operational events of endpoints.
pub const TYPES: &[&str] = &[
    "endpoint.created",
    "endpoint.updated",
    "endpoint.deleted",
    "endpoint.disabled",
    "endpoint.enabled",
    "message.attempt.exhausted",
    "message.attempt.failing",
    "message.attempt.recovered",
];

/// A change of an endpoint that its owner is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointChange {
    /// The owner created the endpoint.
    Created,
    /// The owner changed the endpoint.
    Updated,
    /// The owner removed the endpoint.
    Deleted,
    /// The relay disabled the endpoint because it failed.
    Disabled {
        /// The time of the first failure in a row.
        failing_since: Timestamp,
    },
    /// The owner enabled the endpoint again.
    Enabled,
}

/// Trouble with deliveries to an endpoint that its owner is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryTrouble {
    /// All attempts of a delivery are used up.
    Exhausted,
    /// The endpoint has failed for half of the time after which it is disabled.
    Failing {
        /// The time of the first failure in a row.
        since: Timestamp,
    },
    /// The endpoint answers again, after its owner was warned.
    Recovered {
        /// The time of the first failure in a row.
        since: Timestamp,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_uid: Option<&'a str>,
    endpoint_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt: Option<serde_json::Value>,
}

/// An operational event, before it is recorded.
#[derive(Clone, Debug)]
pub struct OperationalEvent {
    /// The event that the relay records about itself.
    pub event: Event,
    /// The payload of the event.
    pub payload: Vec<u8>,
    /// The endpoint that the event is about.
    pub about: EndpointId,
}

impl Event {
    /// Whether the relay itself made the event to report on its own operation. An event that a
    /// publisher gives such a type is an ordinary one.
    pub fn is_operational(&self) -> bool {
        self.origin == Origin::Relay
            && (self.event_type.starts_with("completion.")
                || TYPES.contains(&self.event_type.as_str()))
    }
}

impl EndpointChange {
    const fn event_type(self) -> &'static str {
        match self {
            Self::Created => "endpoint.created",
            Self::Updated => "endpoint.updated",
            Self::Deleted => "endpoint.deleted",
            Self::Disabled { .. } => "endpoint.disabled",
            Self::Enabled => "endpoint.enabled",
        }
    }
}

impl DeliveryTrouble {
    const fn event_type(self) -> &'static str {
        match self {
            Self::Exhausted => "message.attempt.exhausted",
            Self::Failing { .. } => "message.attempt.failing",
            Self::Recovered { .. } => "message.attempt.recovered",
        }
    }
}

/// The event about a change of `endpoint`, given as it was before the change. The id is derived
/// from the endpoint's version, so that each change is told once, however often this is called.
pub fn of_change(
    change: EndpointChange,
    endpoint: &Endpoint,
    application: Option<&Application>,
    now: Timestamp,
) -> OperationalEvent {
    let version = endpoint.version.to_string();
    let mut data = data(endpoint, application);
    data.endpoint_uid = endpoint.uid.as_deref();
    if let EndpointChange::Disabled { failing_since } = change {
        data.fail_since = Some(failing_since.rfc3339());
    }
    news(change.event_type(), &version, endpoint, &data, now)
}

/// The event about trouble with a delivery, of which the last attempt is given. `None` if the
/// delivery is itself that of an operational event and is exhausted, so that such events do not
/// cause each other.
pub fn of_trouble(
    trouble: DeliveryTrouble,
    endpoint: &Endpoint,
    (told, delivery, last): (&Event, &Delivery, &Attempt),
    application: Option<&Application>,
    now: Timestamp,
) -> Option<OperationalEvent> {
    let episode = match trouble {
        DeliveryTrouble::Exhausted if told.is_operational() => return None,
        // However often it dies after having been put back.
        DeliveryTrouble::Exhausted => delivery.id.to_string(),
        DeliveryTrouble::Failing { since } | DeliveryTrouble::Recovered { since } => {
            since.0.to_string()
        }
    };
    let mut data = data(endpoint, application);
    data.msg_id = Some(told.id.message());
    if let Origin::Published { event_id } = &told.origin {
        data.msg_event_id = event_id.as_deref();
    }
    data.last_attempt = Some(json!({
        "id": last.id,
        "responseStatusCode": last.status.unwrap_or(0),
        "timestamp": last.at.rfc3339(),
    }));
    Some(news(trouble.event_type(), &episode, endpoint, &data, now))
}

/// The last attempt of a delivery, if a call ended the delivery and not a decision against a call.
pub fn last_call(delivery: &Delivery) -> Option<&Attempt> {
    use ErrorClass::{CircuitOpen, EndpointDisabled, NoListener, Relay};
    let last = delivery.attempts.last()?;
    let uncalled = matches!(last.error, Some(CircuitOpen | EndpointDisabled | NoListener | Relay));
    (!uncalled).then_some(last)
}

fn data<'a>(endpoint: &'a Endpoint, application: Option<&'a Application>) -> Data<'a> {
    Data {
        app_id: endpoint.application.as_str(),
        app_uid: application.and_then(|application| application.uid.as_deref()),
        endpoint_id: endpoint.id.as_str(),
        endpoint_uid: None,
        fail_since: None,
        msg_id: None,
        msg_event_id: None,
        last_attempt: None,
    }
}

fn news(
    kind: &str,
    episode: &str,
    endpoint: &Endpoint,
    data: &Data<'_>,
    now: Timestamp,
) -> OperationalEvent {
    let id = EventId::derive(&["operational", kind, endpoint.id.as_str(), episode]);
    let payload = notice::notice(&id, kind, now, data);
    let event = Event::by_relay(id, endpoint.application.clone(), kind, &payload, now);
    OperationalEvent { event, payload, about: endpoint.id.clone() }
}

impl Endpoint {
    /// Whether the endpoint names one of [`TYPES`], or a family of them.
    pub fn hears_of_operation(&self) -> bool {
        let covers = |kind: &String| TYPES.iter().any(|name| subscription::covers(kind, name));
        self.event_types.iter().any(|kind| kind != "*" && covers(kind))
    }
}

impl OperationalEvent {
    /// The endpoints that receive the event.
    pub fn hearers<'e>(&self, endpoints: &'e [Endpoint]) -> Vec<&'e Endpoint> {
        let hears = |endpoint: &&Endpoint| endpoint.id != self.about && endpoint.wants(&self.event);
        endpoints.iter().filter(hears).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ApplicationId;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn endpoint(name: &str, wants: &[&str]) -> Endpoint {
        let id = EndpointId::derive(&[name]);
        let mut endpoint =
            Endpoint::new(id, ApplicationId::named("acme"), "https://a.example", NOW);
        endpoint.event_types = wants.iter().map(|kind| (*kind).to_owned()).collect();
        endpoint
    }

    #[test]
    fn only_who_asks_by_name_or_family_hears_and_never_the_one_it_is_about() {
        let about = endpoint("about", &["endpoint.*"]);
        let news = of_change(EndpointChange::Disabled { failing_since: NOW }, &about, None, NOW);
        let others = [
            (&["endpoint.disabled"][..], true),
            (&["endpoint.*"], true),
            (&["endpoint.updated"], false),
            (&["*"], false),
            (&[], false),
            (&["*", "endpoint.disabled"], true),
        ];
        for (wants, hears) in others {
            let all = [about.clone(), endpoint("other", wants)];
            let may_hear = hears || wants.contains(&"endpoint.updated");
            assert_eq!(all[1].hears_of_operation(), may_hear, "{wants:?}");
            let hearers: Vec<_> = news.hearers(&all).iter().map(|e| e.id.clone()).collect();
            let expected: Vec<_> = hears.then(|| all[1].id.clone()).into_iter().collect();
            assert_eq!(hearers, expected, "{wants:?}");
        }
        // A publisher's own event of the same name is work like any other.
        let mut published = news.event;
        published.origin = Origin::Published { event_id: None };
        assert!(endpoint("other", &["*"]).wants(&published));
        assert!(endpoint("other", &[]).wants(&published));
    }

    #[test]
    fn the_same_change_is_the_same_event_and_the_next_is_another() {
        let mut one = endpoint("one", &[]);
        let id =
            |endpoint: &Endpoint| of_change(EndpointChange::Updated, endpoint, None, NOW).event.id;
        let first = id(&one);
        assert_eq!(id(&one), first);
        one.version += 1;
        assert_ne!(id(&one), first);
    }

    #[test]
    fn what_is_spent_of_such_news_makes_no_more_of_it() {
        let one = endpoint("one", &[]);
        let told = of_change(EndpointChange::Updated, &one, None, NOW).event;
        let delivery = Delivery::new(&told, &one, 0, NOW);
        let last = Attempt {
            id: crate::id::AttemptId::of(&delivery.id, 0),
            at: NOW,
            duration_ms: 1,
            url: String::new(),
            status: Some(503),
            error: Some(ErrorClass::Status),
            detail: String::new(),
            response: String::new(),
            manual: false,
        };
        let story = (&told, &delivery, &last);
        assert!(of_trouble(DeliveryTrouble::Exhausted, &one, story, None, NOW).is_none());
        let work = Event { origin: Origin::Published { event_id: Some("e1".to_owned()) }, ..told };
        let story = (&work, &delivery, &last);
        let news = of_trouble(DeliveryTrouble::Exhausted, &one, story, None, NOW).expect("told");
        let body: serde_json::Value = serde_json::from_slice(&news.payload).expect("JSON");
        assert_eq!(body["type"], "message.attempt.exhausted");
        for (field, value) in [
            ("msgId", json!(work.id.message())),
            ("msgEventId", json!("e1")),
            ("endpointId", json!(one.id)),
            ("appId", json!(one.application)),
        ] {
            assert_eq!(body["data"][field], value, "{field}");
        }
        assert_eq!(body["data"]["lastAttempt"]["responseStatusCode"], 503);
    }
}
