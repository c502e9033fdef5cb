//! Handing a claimed delivery to a connection, and the answer that comes back.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    id::{DeliveryId, EventId},
    live::topic::Topic,
    retry::{ErrorClass, LEASE_MARGIN},
    time::Timestamp,
};

/// Largest body that is handed over with its delivery, in bytes. In base64 it fits the 100 KB of a frame
/// with 30 KB to spare for headers. A larger body is fetched over HTTP.
pub const MAX_INLINE: usize = 52 * 1024;
/// Most bytes of an answer's body: as many as are kept of any endpoint's answer.
pub const MAX_ANSWER: usize = 1024;
/// Least time that a listener is given for a call. With less, the delivery waits for the end of its claim.
const LEAST: Duration = Duration::from_secs(1);
/// Longest claim token that is read, in bytes.
const MAX_CLAIM: usize = 100;

/// A delivery on its way to the connection that listens. It is a message of the queue of live updates,
/// and its group is the topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The topic of the listener.
    pub topic: Topic,
    /// The event that is delivered.
    pub event: EventId,
    /// The delivery that is handed over.
    pub id: DeliveryId,
    /// The token of the claim.
    pub claim: String,
    /// The time at which the claim ends.
    pub until: Timestamp,
    /// The delivery as the client is sent it.
    pub delivery: HandedDelivery,
}

impl HandOver {
    /// The time that the client has for its call; `None` if the claim ends before a call could.
    pub fn time_left(&self, now: Timestamp) -> Option<Duration> {
        let left = self.until.since(now).saturating_sub(LEASE_MARGIN / 2);
        (LEAST <= left).then_some(left)
    }

    /// The answer that nobody took the delivery.
    pub fn unreached(&self) -> HandedAnswer {
        HandedAnswer {
            event: self.event.clone(),
            delivery: self.id.clone(),
            claim: self.claim.clone(),
            outcome: HandedOutcome::Unreached,
            ms: 0,
            body: String::new(),
        }
    }
}

/// Data of the message `delivery`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HandedDelivery {
    /// The listener, as the client named it.
    pub listener: String,
    /// The id of the delivery.
    pub delivery: String,
    /// The right to answer this attempt. It goes back in `concluded`.
    pub token: String,
    /// The number of the attempt, from 1 on.
    pub attempt: u32,
    /// The id of the event.
    pub event_id: String,
    /// The type of the event.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Milliseconds within which the answer is expected. A call that cannot end in that time is not to be
    /// begun: the delivery comes again.
    pub timeout_ms: u64,
    /// The request to be made.
    pub request: HandedRequest,
}

/// The request that a listener is to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HandedRequest {
    /// The method.
    pub method: String,
    /// The path, to be put behind that of the address that the listener forwards to.
    pub path: String,
    /// The headers, signed with the listener's secret, by name.
    pub headers: BTreeMap<String, String>,
    /// The body in base64; `null` if it is too large for a message. Then `body_path` says where it is.
    pub body_base64: Option<String>,
    /// The path on the relay at which the body is found with an API key; `null` if the body is here.
    pub body_path: Option<String>,
}

impl HandedRequest {
    /// A POST with these headers and this body. `elsewhere` is the path of a body that is too large.
    pub fn post(
        headers: BTreeMap<String, String>,
        body: &[u8],
        elsewhere: impl FnOnce() -> String,
    ) -> Self {
        let inline = body.len() <= MAX_INLINE;
        Self {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers,
            body_base64: inline.then(|| STANDARD.encode(body)),
            body_path: (!inline).then(elsewhere),
        }
    }
}

/// The right to answer one attempt: the event, which says where the delivery lies, and the token of the
/// claim, which nobody can guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedToken {
    /// The event of the delivery that was handed over.
    pub event: EventId,
    /// The token of the claim.
    pub claim: String,
}

/// A text that is not the token of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the token of a delivery")]
pub struct InvalidToken;

impl HandedToken {
    /// The token as clients have it.
    pub fn print(&self) -> String {
        format!("{}.{}", self.event, self.claim)
    }

    /// Reads a token that a client sent.
    ///
    /// # Errors
    /// If the text has not the form of one.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let (event, claim) = text.split_once('.').ok_or(InvalidToken)?;
        let event = EventId::parse(event).map_err(|_| InvalidToken)?;
        let plain = claim.bytes().all(|byte| byte.is_ascii_graphic());
        match plain && (1..=MAX_CLAIM).contains(&claim.len()) {
            true => Ok(Self { event, claim: claim.to_owned() }),
            false => Err(InvalidToken),
        }
    }
}

/// The answer of a listener. It is a message of the outbox: `deliver` concludes the attempt, if the claim
/// still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedAnswer {
    /// The event that is delivered.
    pub event: EventId,
    /// The delivery that was handed over.
    pub delivery: DeliveryId,
    /// The token of the claim.
    pub claim: String,
    /// The result of the listener's call.
    pub outcome: HandedOutcome,
    /// The time that the call took, in milliseconds.
    pub ms: u64,
    /// The first bytes of the answer's body, [`MAX_ANSWER`] at most; of a call that failed, the reason in
    /// words.
    pub body: String,
}

/// The result of a listener's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandedOutcome {
    /// The server answered with this status.
    Status(u16),
    /// There was no usable answer.
    Failed(ErrorClass),
    /// No connection took the delivery: nothing was attempted.
    Unreached,
}

impl HandedDelivery {
    /// Attempt number `attempt` of a delivery of an event, as the client is sent it. The time for the call is
    /// told when it is pushed.
    pub fn new(
        listener: &str,
        (event, delivery): (&EventId, &DeliveryId),
        attempt: u32,
        event_type: &str,
        claim: &str,
        request: HandedRequest,
    ) -> Self {
        let token = HandedToken { event: event.clone(), claim: claim.to_owned() };
        Self {
            listener: listener.to_owned(),
            delivery: delivery.to_string(),
            token: token.print(),
            attempt,
            event_id: event.event(),
            event_type: event_type.to_owned(),
            timeout_ms: 0,
            request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ApplicationId, EndpointId};

    #[test]
    fn a_token_prints_and_parses_and_other_text_does_not() {
        let event = EventId::derive(&["e"]);
        let token = HandedToken { event, claim: "0123-abc".to_owned() };
        assert_eq!(HandedToken::parse(&token.print()), Ok(token.clone()));
        let long = format!("{}.{}", token.event, "x".repeat(MAX_CLAIM + 1));
        for text in ["", ".", "evt_1", "evt_1.", "evt_a b.c", "evt_1.a b", ".claim", &long] {
            assert_eq!(HandedToken::parse(text), Err(InvalidToken), "{text}");
        }
    }

    #[test]
    fn a_body_travels_with_its_delivery_unless_it_is_large() {
        let request = |bytes: usize| {
            HandedRequest::post(BTreeMap::new(), &vec![b'x'; bytes], || "/there".to_owned())
        };
        let small = request(MAX_INLINE);
        assert!(small.body_base64.is_some_and(|text| text.len() < 72 * 1024));
        assert_eq!(small.body_path, None);
        let large = request(MAX_INLINE + 1);
        assert_eq!((large.body_base64, large.body_path.as_deref()), (None, Some("/there")));
    }

    #[test]
    fn a_call_ends_well_before_its_claim() {
        let now = Timestamp::from_secs(1_700_000_000);
        let request = HandedRequest::post(BTreeMap::new(), b"{}", String::new);
        let handed = HandOver {
            topic: Topic::listener(ApplicationId::named("a"), EndpointId::derive(&["p"])),
            event: EventId::derive(&["e"]),
            id: DeliveryId::derive(&["d"]),
            claim: "c".to_owned(),
            until: now.plus(Duration::from_secs(60)),
            delivery: HandedDelivery::new(
                "a",
                (&EventId::derive(&["e"]), &DeliveryId::derive(&["d"])),
                1,
                "a.b",
                "c",
                request,
            ),
        };
        for (passed, left) in [(0, Some(45)), (44, Some(1)), (45, None), (100, None)] {
            let at = now.plus(Duration::from_secs(passed));
            assert_eq!(handed.time_left(at), left.map(Duration::from_secs), "after {passed} s");
        }
        assert_eq!(handed.unreached().claim, "c");
    }
}
