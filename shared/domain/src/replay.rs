//! Replays: past messages of an application are sent to one of its endpoints, again or for the
//! first time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    event::{Event, EventOutcome},
    filter::Payload,
    id::{ApplicationId, EndpointId},
    subscription,
    time::Timestamp,
};

/// Time after which a delivery whose attempt may be made must have lost its bell. Its queue was purged then:
/// bells are heard within seconds, and those of a process that died within 36 minutes.
pub const UNHEARD: Duration = Duration::from_secs(3600);

/// A replay that a caller asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The application whose messages are sent.
    pub application: ApplicationId,
    /// The endpoint that receives the messages.
    pub endpoint: EndpointId,
    /// The messages to send, by their latest delivery to the endpoint.
    pub which: ReplaySelection,
    /// Messages from this time or later.
    pub since: Timestamp,
    /// Messages from before this time. Messages that arrive after the request for the replay are
    /// never sent.
    pub until: Option<Timestamp>,
    /// Messages of these types or families; all messages if empty.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// Only messages of this channel; `None` for all.
    #[serde(default)]
    pub channel: Option<String>,
    /// Only messages with this tag; `None` for all.
    #[serde(default)]
    pub tag: Option<String>,
    /// Whether messages are only counted and not sent.
    #[serde(default)]
    pub dry_run: bool,
}

/// The messages that a replay sends, by their latest delivery to the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum ReplaySelection {
    /// Messages whose delivery is dead.
    Failed,
    /// Messages without a delivery to the endpoint, which the endpoint would receive now; and those whose
    /// delivery could have been attempted for [`UNHEARD`] when the replay was asked for, and was not.
    Missing,
    /// Messages with a delivery to the endpoint.
    Tried {
        /// Only deliveries in this state.
        state: Option<DeliveryState>,
        /// Only deliveries whose last attempt was answered with a status of this hundred, such as
        /// 500.
        code_class: Option<u16>,
    },
}

/// The effect of a replay on one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayAction {
    /// No effect: the message is not selected, is pending, or was sent since the replay was asked
    /// for.
    Leave,
    /// The latest delivery is redriven, or rung for if it is pending.
    Again,
    /// The message gets its first delivery to the endpoint.
    First,
}

impl Replay {
    /// The effect of this replay on a message whose latest delivery to the endpoint is given.
    /// `asked` is the time at which the task began: deliveries attempted since then are left alone,
    /// so that a step which is repeated repeats no delivery.
    pub fn act(
        &self,
        asked: Timestamp,
        endpoint: &Endpoint,
        event: &Event,
        payload: &Payload<'_>,
        latest: Option<&Delivery>,
    ) -> ReplayAction {
        let of_type = self.event_types.is_empty()
            || self.event_types.iter().any(|it| subscription::covers(it, &event.event_type));
        let on_channel = self.channel.as_ref().is_none_or(|it| event.channels.contains(it));
        let tagged = self.tag.as_ref().is_none_or(|it| event.asked.tags.contains(it));
        if event.is_expunged(asked) {
            return ReplayAction::Leave;
        }
        if !of_type || !on_channel || !tagged || event.outcome != EventOutcome::Announced {
            return ReplayAction::Leave;
        }
        let Some(latest) = latest else {
            let wanted = self.which == ReplaySelection::Missing && endpoint.accepts(event, payload);
            return if wanted { ReplayAction::First } else { ReplayAction::Leave };
        };
        let last = latest.attempts.last();
        let since_asked = last.is_some_and(|attempt| asked <= attempt.at);
        if latest.state == DeliveryState::Pending {
            let unheard = latest.at_gate.is_none() && UNHEARD <= asked.since(latest.next_at);
            let meant = unheard && self.which == ReplaySelection::Missing;
            return if meant { ReplayAction::Again } else { ReplayAction::Leave };
        }
        if since_asked {
            return ReplayAction::Leave;
        }
        let meant = match &self.which {
            ReplaySelection::Missing => false,
            ReplaySelection::Failed => latest.state == DeliveryState::Dead,
            ReplaySelection::Tried { state, code_class } => {
                let class = last.and_then(|attempt| attempt.status).unwrap_or(0) / 100 * 100;
                state.is_none_or(|state| state == latest.state)
                    && code_class.is_none_or(|wanted| wanted == class)
            }
        };
        if meant { ReplayAction::Again } else { ReplayAction::Leave }
    }

    /// Whether the replay may concern a message of this time; `None` if neither this one nor any
    /// later one.
    pub fn covers(&self, at: Timestamp, asked: Timestamp) -> Option<bool> {
        let until = self.until.map_or(asked, |until| until.min(asked));
        if until <= at {
            return None;
        }
        Some(self.since <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::Attempt,
        id::{AttemptId, EventId},
        retry::ErrorClass,
    };

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn replay(which: ReplaySelection) -> Replay {
        let application = ApplicationId::named("acme");
        let endpoint = EndpointId::derive(&["e"]);
        let (until, event_types, channel, tag) = (None, Vec::new(), None, None);
        Replay {
            application,
            endpoint,
            which,
            since: NOW,
            until,
            event_types,
            channel,
            tag,
            dry_run: false,
        }
    }

    fn tried(status: u16, state: DeliveryState, at: Timestamp) -> Delivery {
        let endpoint = endpoint();
        let mut delivery = Delivery::new(&event(), &endpoint, 0, NOW);
        delivery.state = state;
        delivery.record(Attempt {
            id: AttemptId::derive(&["a"]),
            at,
            duration_ms: 1,
            url: endpoint.url,
            status: Some(status),
            error: (status != 200).then_some(ErrorClass::Status),
            detail: String::new(),
            response: String::new(),
            manual: false,
        });
        delivery
    }

    fn endpoint() -> Endpoint {
        let application = ApplicationId::named("acme");
        Endpoint::new(EndpointId::derive(&["e"]), application, "https://a.example/", NOW)
    }

    fn event() -> Event {
        let application = ApplicationId::named("acme");
        Event::by_relay(EventId::derive(&["v"]), application, "invoice.paid", b"{}", NOW)
    }

    #[test]
    fn what_is_meant_is_sent_and_nothing_twice() {
        let asked = NOW.plus(Duration::from_secs(60));
        let later = asked.plus(Duration::from_secs(1));
        let all = ReplaySelection::Tried { state: None, code_class: None };
        let only = |state, code_class| ReplaySelection::Tried { state, code_class };
        let dead = tried(500, DeliveryState::Dead, NOW);
        let delivered = tried(200, DeliveryState::Delivered, NOW);
        for (which, latest, act) in [
            (ReplaySelection::Failed, Some(&dead), ReplayAction::Again),
            (ReplaySelection::Failed, Some(&delivered), ReplayAction::Leave),
            (ReplaySelection::Failed, None, ReplayAction::Leave),
            (
                ReplaySelection::Failed,
                Some(&tried(500, DeliveryState::Dead, later)),
                ReplayAction::Leave,
            ),
            (
                ReplaySelection::Failed,
                Some(&tried(500, DeliveryState::Pending, NOW)),
                ReplayAction::Leave,
            ),
            (ReplaySelection::Missing, None, ReplayAction::First),
            (ReplaySelection::Missing, Some(&dead), ReplayAction::Leave),
            (all.clone(), Some(&delivered), ReplayAction::Again),
            (all.clone(), Some(&dead), ReplayAction::Again),
            (all, None, ReplayAction::Leave),
            (only(Some(DeliveryState::Delivered), None), Some(&dead), ReplayAction::Leave),
            (only(Some(DeliveryState::Dead), Some(500)), Some(&dead), ReplayAction::Again),
            (only(None, Some(400)), Some(&dead), ReplayAction::Leave),
        ] {
            let found = replay(which.clone()).act(
                asked,
                &endpoint(),
                &event(),
                &Payload::new(b"{}"),
                latest,
            );
            assert_eq!(found, act, "{which:?} {latest:?}");
        }
        let mut other = replay(ReplaySelection::Missing);
        other.event_types = vec!["job.*".to_owned()];
        let payload = Payload::new(b"{}");
        assert_eq!(other.act(asked, &endpoint(), &event(), &payload, None), ReplayAction::Leave);
        other.event_types = vec!["invoice.*".to_owned()];
        assert_eq!(other.act(asked, &endpoint(), &event(), &payload, None), ReplayAction::First);
        let unwilling = Endpoint { event_types: vec!["a.b".to_owned()], ..endpoint() };
        assert_eq!(
            replay(ReplaySelection::Missing).act(asked, &unwilling, &event(), &payload, None),
            ReplayAction::Leave
        );
    }

    #[test]
    fn what_is_pending_is_meant_if_its_bell_may_be_lost() {
        let delivery = Delivery::new(&event(), &endpoint(), 0, NOW);
        let attempted = tried(500, DeliveryState::Pending, NOW);
        let waits = Delivery { next_at: NOW.plus(UNHEARD), ..delivery.clone() };
        let gated = Delivery { at_gate: Some(NOW), ..delivery.clone() };
        let late = NOW.plus(UNHEARD);
        let missing = ReplaySelection::Missing;
        for (which, asked, latest, act) in [
            (missing.clone(), late, &delivery, ReplayAction::Again),
            (missing.clone(), Timestamp(late.0 - 1), &delivery, ReplayAction::Leave),
            (missing.clone(), late, &attempted, ReplayAction::Again),
            (missing.clone(), late, &gated, ReplayAction::Leave),
            (missing, late, &waits, ReplayAction::Leave),
            (ReplaySelection::Failed, late, &delivery, ReplayAction::Leave),
        ] {
            let (event, payload) = (event(), Payload::new(b"{}"));
            let found = replay(which).act(asked, &endpoint(), &event, &payload, Some(latest));
            assert_eq!(found, act, "{latest:?}");
        }
    }

    #[test]
    fn what_comes_after_it_was_asked_for_is_not_meant() {
        let asked = NOW.plus(Duration::from_secs(60));
        let mut some = replay(ReplaySelection::Failed);
        assert_eq!(some.covers(NOW, asked), Some(true));
        assert_eq!(some.covers(Timestamp(NOW.0 - 1), asked), Some(false));
        assert_eq!(some.covers(asked, asked), None);
        some.until = Some(NOW.plus(Duration::from_secs(9_999)));
        assert_eq!(some.covers(asked, asked), None);
    }
}
