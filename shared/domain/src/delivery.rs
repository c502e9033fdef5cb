//! A delivery: one event on its way to one endpoint. The unit of retry.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    endpoint::{Endpoint, EndpointScope},
    event::Event,
    filter::Payload,
    id::{ApplicationId, AttemptId, DeliveryId, EndpointId, EventId, LetterId},
    lane,
    retry::{ErrorClass, LEASE_MARGIN, Policy},
    time::Timestamp,
};

/// The time after which the sweep rings for a delivery whose own bell should have rung.
pub const GRACE: Duration = Duration::from_secs(60);
/// The time by which the sweep rings before the time of a delivery that waits for longer than a message can
/// be delayed: its rounds are a minute apart, and the bell has the rest of the delay.
pub const LATER_AHEAD: Duration = Duration::from_secs(60);
/// Longest delay of an SQS message: 15 minutes. A delivery that waits longer is rung for by the
/// sweep alone.
pub const MAX_QUEUE_DELAY: Duration = Duration::from_secs(900);
/// Longest chain of bells that workers ring for each other. Lambda's recursion detection stops a
/// message that comes back to the same function about 16 times.
pub const MAX_HOPS: u8 = 12;
/// Longest time after its creation for which a delivery is put off while a circuit is open. Events
/// are kept for 14 days at least, and a delivery must not expire while it is put off.
pub const MAX_PUT_OFF: Duration = Duration::from_secs(12 * 86_400);
/// Attempts that a delivery keeps a record of, the latest ones: an item of DynamoDB holds 400 KB.
pub const MAX_RECORDED: usize = 64;
/// Most bytes that the record of attempts takes in the item, as JSON with its escapes: a third of
/// what an item holds. A kilobyte of an answer may take six in JSON.
pub const MAX_STORED: usize = 128 * 1024;

/// A delivery, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The id, derived from event, endpoint and generation.
    pub id: DeliveryId,
    /// The event that is delivered.
    pub event: EventId,
    /// The endpoint that receives the event.
    pub endpoint: EndpointId,
    /// The application of event and endpoint.
    pub application: ApplicationId,
    /// The scope of the endpoint, which is a part of the endpoint's key in the table.
    #[serde(default)]
    pub scope: EndpointScope,
    /// 0 for the first delivery of an event to an endpoint; a replay begins the next generation.
    pub generation: u32,
    /// The latest attempts, oldest first; [`MAX_RECORDED`] at most, and in [`MAX_STORED`] bytes: the
    /// answers of the oldest are let go first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// The number of all attempts, recorded here or not.
    #[serde(default)]
    pub made: u32,
    /// The value of `made` when this round began. A redrive begins a new round.
    #[serde(default)]
    pub round_from: u32,
    /// The number of attempts that this round may have.
    #[serde(default)]
    pub round: AttemptRound,
    /// The delivery's dead letter, once there was one.
    #[serde(default)]
    pub letter: Option<LetterId>,
    /// The delivery's place in the row of an endpoint with a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Timestamp>,
    /// The delivery's place in its lane, at an endpoint that wants deliveries in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<lane::LanePlace>,
    /// Whether the delivery waits for somebody to listen. An item of its own says so too, which whoever
    /// begins to listen finds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// While the delivery waits at its endpoint's gate: the end of the circuit's opening, as it was known when
    /// the delivery was put there. An item of its own says so too, which the gate finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_gate: Option<Timestamp>,
    /// The time at which the delivery was created.
    pub created_at: Timestamp,
    /// Whether the delivery is pending or has ended, and how.
    pub state: DeliveryState,
    /// The earliest time of the next attempt.
    pub next_at: Timestamp,
    /// The headers of the last attempt as they may be shown, without secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sent: BTreeMap<String, String>,
}

/// Whether a delivery is pending or has ended, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The delivery is to be attempted.
    Pending,
    /// The endpoint accepted the event.
    Delivered,
    /// All attempts are used up; the delivery has a dead letter, or will have one shortly.
    Dead,
    /// The endpoint or its application was removed before the delivery arrived.
    Cancelled,
}

impl DeliveryState {
    /// The state of this name; `None` for another text.
    pub fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Pending, Self::Delivered, Self::Dead, Self::Cancelled];
        all.into_iter().find(|state| state.word() == word)
    }

    /// The name of the state in the API and in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The number of attempts that a round may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptRound {
    /// As many as the endpoint's retry policy allows.
    #[default]
    Policy,
    /// One attempt, for a caller who waits for the result.
    Once,
}

/// One attempt of a delivery, or a note why none was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The id, derived from the delivery and the number of the attempt.
    pub id: AttemptId,
    /// The time at which the call began.
    pub at: Timestamp,
    /// The duration of the call in milliseconds.
    pub duration_ms: u64,
    /// The URL that was called.
    pub url: String,
    /// The HTTP status, if the endpoint answered.
    pub status: Option<u16>,
    /// The class of the error, if the attempt failed.
    pub error: Option<ErrorClass>,
    /// The error in words, for people.
    #[serde(default)]
    pub detail: String,
    /// The first bytes of the response body, as text.
    #[serde(default)]
    pub response: String,
    /// Whether a person started the attempt.
    #[serde(default)]
    pub manual: bool,
}

impl Attempt {
    /// The bytes that the attempt takes as JSON.
    fn stored(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }
}

impl Delivery {
    /// A new delivery, due now or at the event's `deliver_at`.
    pub fn new(event: &Event, endpoint: &Endpoint, generation: u32, now: Timestamp) -> Self {
        Self {
            id: DeliveryId::of(&event.id, &endpoint.id, generation),
            event: event.id.clone(),
            endpoint: endpoint.id.clone(),
            application: event.application.clone(),
            scope: endpoint.scope.clone(),
            generation,
            attempts: Vec::new(),
            made: 0,
            round_from: 0,
            round: AttemptRound::Policy,
            letter: None,
            place: None,
            lane: None,
            waits: false,
            at_gate: None,
            sent: BTreeMap::new(),
            created_at: now,
            state: DeliveryState::Pending,
            next_at: event.asked.deliver_at.map_or(now, |at| at.max(now)),
        }
    }

    /// The deliveries of an event with this payload: one for each endpoint that accepts the event.
    pub fn fan_out<'e>(
        event: &Event,
        payload: &[u8],
        endpoints: impl IntoIterator<Item = &'e Endpoint>,
        now: Timestamp,
    ) -> Vec<Self> {
        let payload = Payload::new(payload);
        let wanting = endpoints.into_iter().filter(|endpoint| endpoint.accepts(event, &payload));
        wanting.map(|endpoint| Self::new(event, endpoint, 0, now)).collect()
    }

    /// Counts an attempt as made and keeps its record.
    pub fn record(&mut self, attempt: Attempt) {
        self.made += 1;
        self.keep(attempt);
    }

    /// Records why no attempt was made. The number of attempts stays the same.
    pub fn note(&mut self, mut note: Attempt) {
        note.id = AttemptId::derive(&["note", self.id.as_str(), &note.at.0.to_string()]);
        self.keep(note);
    }

    fn keep(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let over = self.attempts.len().saturating_sub(MAX_RECORDED);
        self.attempts.drain(..over);
        self.fit();
    }

    /// Lets go of the oldest answers, and then of the oldest attempts, until they fit the item.
    fn fit(&mut self) {
        let mut stored: usize = self.attempts.iter().map(Attempt::stored).sum();
        let earlier = self.attempts.len().saturating_sub(1);
        for attempt in &mut self.attempts[..earlier] {
            if stored <= MAX_STORED {
                return;
            }
            stored -= attempt.stored();
            attempt.response.clear();
            stored += attempt.stored();
        }
        while MAX_STORED < stored && 1 < self.attempts.len() {
            stored -= self.attempts.remove(0).stored();
        }
    }

    /// The delivery without the answers to its attempts, for an item that they do not fit.
    #[must_use]
    pub fn without_answers(mut self) -> Self {
        self.attempts.iter_mut().for_each(|attempt| attempt.response.clear());
        self
    }

    /// Attempts made in this round.
    pub const fn tried(&self) -> u32 {
        self.made.saturating_sub(self.round_from)
    }

    /// Begins a new round at `at`.
    pub const fn redrive(&mut self, round: AttemptRound, at: Timestamp) {
        self.round_from = self.made;
        self.round = round;
        self.state = DeliveryState::Pending;
        self.next_at = at;
        self.at_gate = None;
    }

    /// The time from which the next attempt may be made, as far as it is known.
    pub fn expected_at(&self) -> Timestamp {
        self.at_gate.map_or(self.next_at, |until| until.max(self.next_at))
    }

    /// The time until which a delivery may wait at a gate: [`MAX_PUT_OFF`] after its creation, or after now
    /// if it has a dead letter. It is due then.
    pub fn waits_at_most_until(&self, now: Timestamp) -> Timestamp {
        self.letter.as_ref().map_or(self.created_at, |_| now).plus(MAX_PUT_OFF)
    }

    /// The duration of a claim under this policy: the timeout and [`LEASE_MARGIN`].
    pub fn lease(policy: &Policy) -> Duration {
        Duration::from_secs(policy.timeout_seconds.into()) + LEASE_MARGIN
    }

    /// The time at which the sweep rings for a delivery that may be attempted at `next_at`:
    /// [`GRACE`] after the delivery's own bell, or at `next_at` itself if no message can carry the
    /// wait.
    pub fn due(now: Timestamp, next_at: Timestamp) -> Timestamp {
        if MAX_QUEUE_DELAY < next_at.since(now) { next_at } else { next_at.plus(GRACE) }
    }

    /// As [`due`](Self::due), for a worker that received the bell number `hops` of a chain. Once a
    /// chain is [`MAX_HOPS`] long, the sweep alone rings, which begins a new chain.
    pub fn due_after(hops: u8, now: Timestamp, next_at: Timestamp) -> Timestamp {
        if hops < MAX_HOPS { Self::due(now, next_at) } else { next_at }
    }

    /// Whether the delivery may be put off until `until` without an attempt: always if it has a
    /// dead letter, else within [`MAX_PUT_OFF`] of its creation.
    pub fn may_wait(&self, until: Timestamp) -> bool {
        self.letter.is_some() || until.since(self.created_at) <= MAX_PUT_OFF
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_wait_is_rung_by_the_sweep_alone() {
        let now = Timestamp::from_secs(1_700_000_000);
        let short = now.plus(Duration::from_secs(900));
        assert_eq!(Delivery::due(now, short), short.plus(GRACE));
        let long = now.plus(Duration::from_secs(901));
        assert_eq!(Delivery::due(now, long), long);
        // So is whatever follows from too many bells.
        assert_eq!(Delivery::due_after(MAX_HOPS - 1, now, short), short.plus(GRACE));
        assert_eq!(Delivery::due_after(MAX_HOPS, now, short), short);
    }

    fn sample(now: Timestamp) -> Delivery {
        let application = ApplicationId::named("acme");
        let event =
            Event::by_relay(EventId::derive(&["e"]), application.clone(), "a.b", b"{}", now);
        let endpoint =
            Endpoint::new(EndpointId::derive(&["p"]), application, "https://a.example", now);
        Delivery::new(&event, &endpoint, 0, now)
    }

    #[test]
    fn attempts_fit_their_item_whatever_was_answered() {
        let now = Timestamp::from_secs(1_700_000_000);
        for (answer, url) in
            [("\u{0}", "https://a.example/"), ("\u{fffd}", "https://a.example/"), ("\u{1}", "x")]
        {
            let mut delivery = sample(now);
            for number in 0..200 {
                delivery.record(Attempt {
                    id: AttemptId::of(&delivery.id, number),
                    at: now,
                    duration_ms: 1,
                    url: url.repeat(2048 / url.len()),
                    status: Some(500),
                    error: Some(ErrorClass::Status),
                    detail: "d".repeat(300),
                    response: answer.repeat(1024),
                    manual: false,
                });
            }
            let stored = serde_json::to_string(&delivery).expect("JSON").len();
            assert!(stored < 140 * 1024, "{stored} bytes");
            assert_eq!(delivery.made, 200);
            assert!(20 < delivery.attempts.len(), "{} are kept", delivery.attempts.len());
            let last = delivery.attempts.last().expect("the latest");
            assert_eq!(last.response.chars().count(), 1024, "the latest answer is kept");
        }
    }

    #[test]
    fn what_is_put_off_for_too_long_is_given_up_before_it_would_expire() {
        let now = Timestamp::from_secs(1_700_000_000);
        let mut delivery = sample(now);
        assert!(delivery.may_wait(now.plus(MAX_PUT_OFF)));
        assert!(!delivery.may_wait(now.plus(MAX_PUT_OFF + Duration::from_millis(1))));
        assert_eq!(delivery.waits_at_most_until(now.plus(GRACE)), now.plus(MAX_PUT_OFF));
        // A dead letter keeps it.
        delivery.letter = Some(LetterId::of_delivery(&delivery.id));
        assert!(delivery.may_wait(now.plus(MAX_PUT_OFF * 2)));
        assert_eq!(delivery.waits_at_most_until(now.plus(GRACE)), now.plus(GRACE + MAX_PUT_OFF));
    }

    #[test]
    fn what_waits_at_a_gate_is_expected_when_the_circuit_may_be_probed() {
        let now = Timestamp::from_secs(1_700_000_000);
        let mut delivery = sample(now);
        assert_eq!(delivery.expected_at(), now);
        delivery.at_gate = Some(now.plus(GRACE));
        assert_eq!(delivery.expected_at(), now.plus(GRACE));
        delivery.redrive(AttemptRound::Policy, now);
        assert_eq!(delivery.expected_at(), now);
    }
}
