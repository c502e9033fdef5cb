//! Parking: a letter for whatever died. Each step may be done again: the letter's id is derived
//! from what died, and the delivery stays `due` until the last step is done.

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    table::WriteOutcome,
};
use dispatch::context::Context;
use domain::{
    delivery::{Attempt, Delivery, DeliveryState},
    endpoint::EndpointScope,
    event::Event,
    id::{AttemptId, DeliveryId, EventId, LetterId, TaskId},
    letter::{Letter, LetterState, LetterSubject},
    operational::{self, DeliveryTrouble},
    retry::ErrorClass,
    task::{self, Task},
    time::Timestamp,
};
use tracing::{info, warn};

use crate::Redeliver;

/// Tries to park a letter, or to touch or create the recovery of an endpoint, while other workers do.
const TRIES: u32 = 5;

impl Redeliver {
    /// A delivery's bell came by way of the dead-letter queue.
    pub(crate) async fn died(&self, event: &EventId, id: &DeliveryId) -> Result<(), Unavailable> {
        let Some(delivery) = self.context.table.delivery(event, id).await? else { return Ok(()) };
        match delivery.state {
            DeliveryState::Delivered | DeliveryState::Cancelled => Ok(()),
            DeliveryState::Dead => self.park_delivery(delivery).await,
            DeliveryState::Pending => self.give_up(delivery).await,
        }
    }

    /// The relay itself kept failing at a delivery: it ends, where somebody can see it. One that is
    /// held by a worker or not due yet is left alone; `due` looks after it.
    async fn give_up(&self, mut delivery: Delivery) -> Result<(), Unavailable> {
        let now = self.context.clock.now();
        let table = &self.context.table;
        if now < delivery.expected_at() {
            return table.leave_due(&delivery.event, &delivery.id).await;
        }
        let endpoint = table.endpoint(&delivery.application, &delivery.endpoint).await?;
        let url = endpoint.map(|endpoint| endpoint.url).unwrap_or_default();
        let mut given_up = delivery.clone();
        given_up.state = DeliveryState::Dead;
        given_up.note(Attempt {
            id: AttemptId::of(&delivery.id, delivery.made),
            at: now,
            duration_ms: 0,
            url,
            status: None,
            error: Some(ErrorClass::Relay),
            detail: "the relay could not finish this delivery".to_owned(),
            response: String::new(),
            manual: false,
        });
        if table.give_up(&given_up, now).await? == WriteOutcome::Refused {
            return table.leave_due(&delivery.event, &delivery.id).await;
        }
        warn!(delivery = %delivery.id, "the relay gave up a delivery");
        delivery = given_up;
        self.park_delivery(delivery).await
    }

    async fn park_delivery(&self, mut delivery: Delivery) -> Result<(), Unavailable> {
        let table = &self.context.table;
        let Some(event) = table.event(&delivery.event).await? else { return Ok(()) };
        let id = LetterId::of_delivery(&delivery.id);
        let (event, dead) = (&event, &delivery);
        let (letter, newly) = contested::write(TRIES, || async {
            let known = table.letter(&id).await?;
            // A bell that came twice finds the letter waiting.
            let was = known.as_ref().map(|known| known.state);
            let newly = was != Some(LetterState::Waiting);
            let letter = match known {
                Some(letter) => letter,
                None => {
                    let number = table.next_letter_number().await?;
                    let now = self.context.clock.now();
                    let expires_at = Some(table.letter_expiry(event.created_at, now));
                    let letter = new_letter(id.clone(), number, event, dead, now);
                    Letter { expires_at, ..letter }
                }
            };
            let letter = with_story(letter, dead);
            Ok::<_, Unavailable>(table.park(&letter, was).await?.settles((letter, newly)))
        })
        .await?;
        if newly {
            self.context.count_parked(dead);
        }
        self.context.note_letter(&letter);
        self.watch(&delivery).await?;
        self.tell_exhausted(event, &delivery).await?;
        delivery.letter = Some(id);
        // Refused: it was put back already, and its letter with it.
        table.mark_parked(&delivery, &letter).await?.either_way();
        info!(letter = %letter.id, number = letter.number, endpoint = %delivery.endpoint, "parked");
        Ok(())
    }

    /// Tells the application's owner that a delivery is spent, before it counts as parked: once,
    /// however often it dies.
    async fn tell_exhausted(&self, event: &Event, delivery: &Delivery) -> Result<(), Unavailable> {
        let Some(last) = operational::last_call(delivery) else { return Ok(()) };
        let Context { table, clock, .. } = &self.context;
        let endpoint =
            table.endpoint_of(&delivery.application, &delivery.scope, &delivery.endpoint).await?;
        let Some(endpoint) = endpoint else { return Ok(()) };
        let application = table.application(&delivery.application).await?;
        let now = clock.now();
        let (trouble, story) = (DeliveryTrouble::Exhausted, (event, delivery, last));
        match operational::of_trouble(trouble, &endpoint, story, application.as_ref(), now) {
            Some(news) => self.context.tell(news, now).await,
            None => Ok(()),
        }
    }

    /// Makes sure that a recovery waits for the endpoint to answer again.
    async fn watch(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        let (table, endpoint) = (&self.context.table, &delivery.endpoint);
        contested::write(TRIES, || async {
            let now = self.context.clock.now();
            if table.touch_task(&TaskId::recovery(endpoint), now).await? == WriteOutcome::Done {
                return Ok(TryOutcome::Settled(()));
            }
            let due = now.plus(task::probe_interval(0));
            let of = Some(delivery.application.clone());
            let task = Task { of, ..Task::recover(endpoint, now) };
            let created = table.create_task(&task, due).await?;
            if created == WriteOutcome::Done {
                self.context.note_task(&task);
            }
            Ok(created.settles(()))
        })
        .await
    }
}

fn new_letter(
    id: LetterId,
    number: u64,
    event: &Event,
    delivery: &Delivery,
    now: Timestamp,
) -> Letter {
    let last = delivery.attempts.last();
    Letter {
        id,
        number,
        what: LetterSubject::Delivery {
            event: event.id.clone(),
            delivery: delivery.id.clone(),
            endpoint: delivery.endpoint.clone(),
            application: delivery.application.clone(),
            scope: delivery.scope.clone(),
            event_type: event.event_type.clone(),
            url: last.map(|attempt| attempt.url.clone()).unwrap_or_default(),
            job: event.job.clone(),
            batch_id: batch_of(event, delivery),
        },
        error: String::new(),
        error_class: ErrorClass::Relay,
        attempts: 0,
        last_attempt_at: None,
        created_at: now,
        retried_at: None,
        retry_success: None,
        state: LetterState::Waiting,
        expires_at: None,
        version: 0,
    }
}

/// The batch's name as its webhook was told it: our id. Everybody else hears the senders'.
fn batch_of(event: &Event, delivery: &Delivery) -> Option<String> {
    match &delivery.scope {
        EndpointScope::Batch(id) => Some(id.to_string()),
        EndpointScope::Application | EndpointScope::Job(_) => event.batch_id.clone(),
    }
}

/// The letter with how its delivery went last.
fn with_story(mut letter: Letter, delivery: &Delivery) -> Letter {
    if let Some(last) = delivery.attempts.last() {
        letter.error.clone_from(&last.detail);
        letter.error_class = last.error.unwrap_or(ErrorClass::Status);
        letter.last_attempt_at = Some(last.at);
    }
    letter.attempts = delivery.made;
    letter.state = LetterState::Waiting;
    letter.retry_success = letter.retried_at.map(|_| false);
    letter
}
