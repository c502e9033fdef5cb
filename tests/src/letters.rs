//! Many dead letters at once, as parking leaves them, without the calls that led to them.

use std::time::Duration;

use adapters::table::{EventRecording, RecordOutcome, Table};
use domain::{
    delivery::{Attempt, Delivery, DeliveryState},
    endpoint::Endpoint,
    event::Event,
    id::{AttemptId, EventId, LetterId},
    letter::{Letter, LetterState, LetterSubject},
    retry::ErrorClass,
    time::Timestamp,
};
use futures::{StreamExt, stream};

use crate::cloud::Cloud;

/// Letters that are kept at the same time.
const AT_ONCE: usize = 8;

/// An event of the endpoint's application that was received at `at`.
pub fn event(endpoint: &Endpoint, name: &str, at: Timestamp) -> Event {
    let (id, application) = (EventId::derive(&[name]), endpoint.application.clone());
    Event::by_relay(id, application, "invoice.paid", br#"{"a":1}"#, at)
}

/// A delivery whose only attempt was answered with 500, and its letter.
pub fn dead(event: &Event, endpoint: &Endpoint, at: Timestamp) -> (Delivery, Letter) {
    let mut delivery = Delivery::new(event, endpoint, 0, at);
    let id = LetterId::of_delivery(&delivery.id);
    delivery.note(Attempt {
        id: AttemptId::of(&delivery.id, 0),
        at,
        duration_ms: 3,
        url: endpoint.url.clone(),
        status: Some(500),
        error: Some(ErrorClass::Status),
        detail: "the endpoint answered 500".to_owned(),
        response: String::new(),
        manual: false,
    });
    delivery.state = DeliveryState::Dead;
    delivery.letter = Some(id.clone());
    let letter = Letter {
        id,
        number: 0,
        what: LetterSubject::Delivery {
            event: event.id.clone(),
            delivery: delivery.id.clone(),
            endpoint: endpoint.id.clone(),
            application: endpoint.application.clone(),
            scope: endpoint.scope.clone(),
            event_type: event.event_type.clone(),
            url: endpoint.url.clone(),
            job: None,
            batch_id: None,
        },
        error: "the endpoint answered 500".to_owned(),
        error_class: ErrorClass::Status,
        attempts: 1,
        last_attempt_at: Some(at),
        created_at: at,
        retried_at: None,
        retry_success: None,
        state: LetterState::Waiting,
        expires_at: Some(at.plus(Duration::from_secs(30 * 86_400))),
        version: 0,
    };
    (delivery, letter)
}

impl Cloud {
    /// Parks so many letters of deliveries to an endpoint, a millisecond apart, up to now.
    pub async fn park(&self, endpoint: &Endpoint, count: u64) {
        self.park_more(endpoint, 0, count).await;
    }

    /// Parks the letters from number `known` on, so that there are `count`.
    pub async fn park_more(&self, endpoint: &Endpoint, known: u64, count: u64) {
        let (table, now) = (self.sound_table(), self.clock.now());
        let keep = |n: u64| {
            let table = table.clone();
            async move {
                let at = Timestamp(now.0 - count + n);
                let event = event(endpoint, &format!("{} {n}", endpoint.id), at);
                let (delivery, mut letter) = dead(&event, endpoint, at);
                letter.number = table.next_letter_number().await.expect("numbered");
                record(&table, &event, std::slice::from_ref(&delivery)).await;
                table.park(&letter, None).await.expect("parked").either_way();
                let marked = table.mark_parked(&delivery, &letter).await;
                marked.expect("marked").either_way();
            }
        };
        stream::iter(known..count).map(keep).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    /// Records so many events that nobody received, a millisecond apart, up to now.
    pub async fn record(&self, endpoint: &Endpoint, count: u64) {
        let (table, now) = (self.sound_table(), self.clock.now());
        let keep = |n: u64| {
            let table = table.clone();
            async move {
                let event = event(endpoint, &format!("event {n}"), Timestamp(now.0 - count + n));
                record(&table, &event, &[]).await;
            }
        };
        stream::iter(0..count).map(keep).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }
}

pub(crate) async fn record(table: &Table, event: &Event, deliveries: &[Delivery]) {
    let recording = EventRecording {
        event,
        job: None,
        marker: None,
        request: None,
        deliveries,
        endpoints: &[],
        callee: None,
    };
    assert_eq!(table.record(&recording).await.expect("recorded"), RecordOutcome::New);
}
