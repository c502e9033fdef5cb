//! One event on its way to one endpoint: the unit of retry.

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

/// How long after its bell should have rung the sweep rings for a delivery itself.
pub const GRACE: Duration = Duration::from_secs(60);
/// Longest wait that a queue message can carry; beyond it only `due` and the sweep.
pub const MAX_QUEUE_DELAY: Duration = Duration::from_secs(900);
/// Longest chain of bells that follow from one another: Lambda stops one that comes back to the same
/// function 16 times.
pub const MAX_HOPS: u8 = 12;
/// How long a delivery is put off under an open circuit, counted from its beginning; retention is
/// longer, and what is put off must not go with it.
pub const MAX_PUT_OFF: Duration = Duration::from_secs(12 * 86_400);
/// Attempts whose records are kept on a delivery; of more, the oldest go.
pub const MAX_RECORDED: usize = 64;

/// A delivery, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id, derived from event, endpoint and generation.
    pub id: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The application of both.
    pub application: ApplicationId,
    /// What its endpoint hears of, which is where that lies.
    #[serde(default)]
    pub scope: EndpointScope,
    /// 0 for the first; a replay is the next generation.
    pub generation: u32,
    /// Every attempt so far, oldest first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Attempts ever made, recorded here or not.
    #[serde(default)]
    pub made: u32,
    /// What `made` was when this round began: a redrive begins a new round.
    #[serde(default)]
    pub round_from: u32,
    /// How many attempts this round may have.
    #[serde(default)]
    pub round: AttemptRound,
    /// Its dead letter, once it had one.
    #[serde(default)]
    pub letter: Option<LetterId>,
    /// Its place in the row of those who go to an endpoint with a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Timestamp>,
    /// Its place among those of its key, at an endpoint that wants them in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<lane::LanePlace>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Where it is.
    pub state: DeliveryState,
    /// When it may next be attempted.
    pub next_at: Timestamp,
    /// The headers of its last attempt, as they may be shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sent: BTreeMap<String, String>,
}

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be attempted.
    Pending,
    /// The endpoint has it.
    Delivered,
    /// Spent: in a dead letter, or on its way into one.
    Dead,
    /// The endpoint is no more.
    Cancelled,
}

/// How many attempts a round may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptRound {
    /// As many as the endpoint's policy says.
    #[default]
    Policy,
    /// One: somebody wants to know now.
    Once,
}

/// One HTTP call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id, derived from the delivery and its number.
    pub id: AttemptId,
    /// When the call began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// Where it went.
    pub url: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why it failed, if it did.
    pub error: Option<ErrorClass>,
    /// What happened, for people.
    #[serde(default)]
    pub detail: String,
    /// The first bytes of the answer, as text.
    #[serde(default)]
    pub response: String,
    /// Whether a person asked for it.
    #[serde(default)]
    pub manual: bool,
}

impl Delivery {
    /// A new delivery, due at once.
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
            sent: BTreeMap::new(),
            created_at: now,
            state: DeliveryState::Pending,
            next_at: event.asked.deliver_at.map_or(now, |at| at.max(now)),
        }
    }

    /// The deliveries of an event with this payload to those who want it.
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

    /// Writes an attempt down.
    pub fn record(&mut self, attempt: Attempt) {
        self.made += 1;
        self.keep(attempt);
    }

    /// Writes down why there was no attempt: nothing was called, so nothing is counted.
    pub fn note(&mut self, mut note: Attempt) {
        note.id = AttemptId::derive(&["note", self.id.as_str(), &note.at.0.to_string()]);
        self.keep(note);
    }

    fn keep(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let over = self.attempts.len().saturating_sub(MAX_RECORDED);
        self.attempts.drain(..over);
    }

    /// Attempts made in this round.
    pub const fn tried(&self) -> u32 {
        self.made.saturating_sub(self.round_from)
    }

    /// Begins a new round.
    pub const fn redrive(&mut self, round: AttemptRound, at: Timestamp) {
        self.round_from = self.made;
        self.round = round;
        self.state = DeliveryState::Pending;
        self.next_at = at;
    }

    /// How long a claim of a delivery under this policy lasts.
    pub fn lease(policy: &Policy) -> Duration {
        Duration::from_secs(policy.timeout_seconds.into()) + LEASE_MARGIN
    }

    /// When the sweep should ring for a delivery that may be attempted at `next_at`: soon after its
    /// own bell should have, or just then if no message can carry the wait.
    pub fn due(now: Timestamp, next_at: Timestamp) -> Timestamp {
        if MAX_QUEUE_DELAY < next_at.since(now) { next_at } else { next_at.plus(GRACE) }
    }

    /// The same for whoever heard the bell number `hops` of a chain: the sweep alone goes on with one
    /// that has become too long, and begins another.
    pub fn due_after(hops: u8, now: Timestamp, next_at: Timestamp) -> Timestamp {
        if hops < MAX_HOPS { Self::due(now, next_at) } else { next_at }
    }

    /// Whether it may be put off until then without spending an attempt.
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

    #[test]
    fn what_is_put_off_for_too_long_is_given_up_before_it_would_expire() {
        let now = Timestamp::from_secs(1_700_000_000);
        let application = ApplicationId::named("acme");
        let event =
            Event::by_relay(EventId::derive(&["e"]), application.clone(), "a.b", b"{}", now);
        let endpoint =
            Endpoint::new(EndpointId::derive(&["p"]), application, "https://a.example", now);
        let mut delivery = Delivery::new(&event, &endpoint, 0, now);
        assert!(delivery.may_wait(now.plus(MAX_PUT_OFF)));
        assert!(!delivery.may_wait(now.plus(MAX_PUT_OFF + Duration::from_millis(1))));
        // A dead letter keeps it.
        delivery.letter = Some(LetterId::of_delivery(&delivery.id));
        assert!(delivery.may_wait(now.plus(MAX_PUT_OFF * 2)));
    }
}
