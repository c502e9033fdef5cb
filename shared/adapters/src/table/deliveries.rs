//! Deliveries: what an attempt needs, and how it is concluded.

use std::time::Duration;

use domain::{
    application::Application,
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    event::Event,
    health::Health,
    id::{ApplicationId, DeliveryId, EndpointId, EventId, TaskId},
    letter::LetterState,
    retry::Policy,
    task::Task,
    time::Timestamp,
};

use super::{
    ClaimedDelivery, Page, ReadMode, Table, WriteOutcome, applications,
    delivery_item::{delivery_list, event_key, key, listed_at},
    endpoints, events, health, letters,
    row::{self, Condition, Row, Write, list_at, n, s},
    tasks,
};
use crate::Unavailable;

/// Tries to conclude a delivery whose letter other workers change.
const TRIES: u32 = 5;

/// How a claimed delivery is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ConcludeOutcome {
    /// As we said.
    Done,
    /// Somebody else had taken it meanwhile: what we found out changes nothing.
    Stale,
}

/// What an attempt needs to know besides the delivery.
#[derive(Debug, Default)]
pub struct AttemptContext {
    /// The event.
    pub event: Option<Event>,
    /// The endpoint, unless it or its application is gone.
    pub endpoint: Option<Endpoint>,
    /// The task that waits for the endpoint to answer again.
    pub recovery: Option<Task>,
    /// How the endpoint fares.
    pub health: Health,
    /// Calls per second to all endpoints of its application together.
    pub application_rate: Option<u16>,
}

impl Table {
    /// The event, the endpoint and all else that an attempt needs, read in one call.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn context(&self, delivery: &Delivery) -> Result<AttemptContext, Unavailable> {
        let task = TaskId::recovery(&delivery.endpoint);
        let keys = vec![
            event_key(&delivery.event),
            endpoints::key(&delivery.application, &delivery.scope, &delivery.endpoint),
            tasks::key(&task),
            health::key(&delivery.endpoint),
            applications::key(&delivery.application),
        ];
        let (mut context, mut deleted) = (AttemptContext::default(), false);
        for item in self.items(keys).await? {
            match row::text(&item, "sk") {
                Some("EVT") => context.event = Some(events::from_item(&item)?),
                Some(sk) if sk.starts_with("EP#") => context.endpoint = Some(row::document(&item)?),
                Some(sk) if sk.starts_with(ApplicationId::PREFIX) => {
                    let application: Application = row::document(&item)?;
                    deleted = !application.is_there();
                    context.application_rate = application.throttle_rate;
                }
                Some(health::HEALTH) => context.health = row::document(&item)?,
                _ => context.recovery = Some(tasks::from_item(&item)?),
            }
        }
        if deleted {
            // From the moment that its application is deleted nothing is sent, though the endpoints
            // go one by one, and those of its jobs stay.
            context.endpoint = None;
        }
        Ok(context)
    }

    /// The event, and how the endpoint fares: what an attempt needs beside an endpoint that is known. Both may
    /// be as they were a moment before, as the endpoint is; an event that was not there yet is read again.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn context_beside_endpoint(
        &self,
        delivery: &Delivery,
    ) -> Result<AttemptContext, Unavailable> {
        let mut context = AttemptContext::default();
        let keys = vec![event_key(&delivery.event), health::key(&delivery.endpoint)];
        for item in self.items_as(keys, &[], ReadMode::MayLag).await? {
            match row::text(&item, "sk") {
                Some("EVT") => context.event = Some(events::from_item(&item)?),
                _ => context.health = row::document(&item)?,
            }
        }
        if context.event.is_none() {
            context.event = self.event(&delivery.event).await?;
        }
        Ok(context)
    }

    /// Writes a claimed delivery as `claimed.delivery` is now and gives up the claim; `Stale` if
    /// another worker has claimed the delivery since. The letter of a delivery that arrived or was
    /// cancelled is resolved in the same transaction. If the item would be too large, it is written
    /// without the answers that the attempts got: otherwise the delivery could never end.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn conclude(
        &self,
        claimed: &ClaimedDelivery,
        policy: &Policy,
        due: Option<Timestamp>,
    ) -> Result<ConcludeOutcome, Unavailable> {
        let concluded = match self.conclude_whole(claimed, policy, due).await {
            Err(error) if error.is_too_large() => {
                let mut bare = claimed.clone();
                bare.delivery = bare.delivery.without_answers();
                self.conclude_whole(&bare, policy, due).await?
            }
            concluded => concluded?,
        };
        if concluded == ConcludeOutcome::Stale {
            // Our bell may be the one that stands for the delivery, and is deleted now.
            self.leave_due(&claimed.delivery.event, &claimed.delivery.id).await?;
        }
        Ok(concluded)
    }

    /// As [`conclude`](Self::conclude), for a pending delivery that was rung for just now, so that it need not be
    /// due. If another worker has deleted that bell by now, it has left the delivery due; it then is due at
    /// `due`.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn conclude_rung(
        &self,
        claimed: &ClaimedDelivery,
        policy: &Policy,
        due: Timestamp,
    ) -> Result<ConcludeOutcome, Unavailable> {
        if !claimed.is_due() {
            let row = self.delivery_row(&claimed.delivery, Delivery::lease(policy), None);
            let ours = claimed.ours_and_not_due();
            match self.put(row, Some(ours)).await {
                Ok(WriteOutcome::Done) => return Ok(ConcludeOutcome::Done),
                Ok(WriteOutcome::Refused) => (),
                Err(error) if error.is_too_large() => (),
                Err(error) => return Err(error),
            }
        }
        self.conclude(claimed, policy, Some(due)).await
    }

    async fn conclude_whole(
        &self,
        claimed: &ClaimedDelivery,
        policy: &Policy,
        due: Option<Timestamp>,
    ) -> Result<ConcludeOutcome, Unavailable> {
        let delivery = &claimed.delivery;
        let row = self.delivery_row(delivery, Delivery::lease(policy), due);
        let ours = claimed.ours();
        let ended = matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Cancelled);
        let id = delivery.letter.as_ref().filter(|_| ended);
        for _ in 0..TRIES {
            let letter = match id {
                Some(letter) => self.letter(letter).await?,
                None => None,
            };
            // Nobody has a letter of it, or somebody has deleted that.
            let Some(mut letter) = letter else {
                return Ok(match self.put_and_leave(row, ours, delivery).await? {
                    WriteOutcome::Done => ConcludeOutcome::Done,
                    WriteOutcome::Refused => ConcludeOutcome::Stale,
                });
            };
            let (was, version) = (letter.state, letter.version);
            letter.state = LetterState::Resolved;
            letter.retry_success = Some(delivery.state == DeliveryState::Delivered);
            letter.attempts = delivery.made;
            letter.last_attempt_at = delivery.attempts.last().map(|attempt| attempt.at);
            let row = self.delivery_row(delivery, Delivery::lease(policy), due);
            let mut writes = vec![Write::Put(row, ours.clone())];
            writes.extend(letters::resolution(&letter, was, self.expiry(delivery.next_at)));
            writes.extend(Self::leave(delivery));
            if self.transact(writes).await? == WriteOutcome::Done {
                return Ok(ConcludeOutcome::Done);
            }
            // Somebody may have changed or deleted the letter just now. If not, the claim is not ours.
            if self.letter(&letter.id).await?.is_some_and(|latest| latest.version == version) {
                return Ok(ConcludeOutcome::Stale);
            }
        }
        Err(Unavailable::new("concluding a delivery", "its letter changes at every try"))
    }

    /// Creates a delivery; `Refused` if there is one of its id. Without `due` the caller must have rung for
    /// it before what stands for that bell is gone.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn begin_delivery(
        &self,
        delivery: &Delivery,
        policy: &Policy,
        due: Option<Timestamp>,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = self.delivery_row(delivery, Delivery::lease(policy), due);
        self.put(row, Some(Condition::absent())).await
    }

    /// The delivery of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn delivery(
        &self,
        event: &EventId,
        id: &DeliveryId,
    ) -> Result<Option<Delivery>, Unavailable> {
        let (pk, sk) = key(event, id);
        self.entity(&pk, &sk).await
    }

    /// The deliveries to an endpoint, newest first unless `oldest_first`: by the time of creation, or of the
    /// end of one that took more than one attempt.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn deliveries_to(
        &self,
        endpoint: &EndpointId,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Delivery>, Unavailable> {
        self.page(&delivery_list(endpoint), cursor, limit, oldest_first).await
    }

    /// Makes a delivery that has ended pending again, or creates it; `Refused` if the delivery is
    /// pending or was attempted since it was read. The caller rings for it; otherwise the sweep
    /// does.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn reopen(
        &self,
        delivery: &Delivery,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let due = Delivery::due(now, delivery.next_at);
        let row = self.delivery_row(delivery, Delivery::lease(policy), Some(due));
        self.put(row, Some(ended(delivery))).await
    }

    /// Ends a pending delivery that the relay itself could not finish; `Refused` if a worker holds
    /// it or it was attempted since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn give_up(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = self.delivery_row(delivery, Duration::ZERO, Some(now));
        self.put_and_leave(row, idle(delivery, now), delivery).await
    }

    /// Has a pending delivery attempted at `at`, which is earlier than the time that it waits for; `Refused` if it
    /// changed since it was read, or a worker holds it. The caller rings for it; otherwise the sweep does.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn bring_forward(
        &self,
        delivery: &Delivery,
        policy: &Policy,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let sooner = Delivery { next_at: at, ..delivery.clone() };
        let row = self.delivery_row(&sooner, Delivery::lease(policy), Some(Delivery::due(now, at)));
        self.put(row, Some(idle(delivery, now))).await
    }

    /// Puts a delivery, and takes it out of its lane if it has ended.
    async fn put_and_leave(
        &self,
        row: Row,
        condition: Condition,
        delivery: &Delivery,
    ) -> Result<WriteOutcome, Unavailable> {
        match Self::leave(delivery) {
            Some(leave) => self.transact(vec![Write::Put(row, condition), leave]).await,
            None => self.put(row, Some(condition)).await,
        }
    }

    /// Where a delivery stands in its endpoint's list, for going on behind it.
    pub fn delivery_cursor(delivery: &Delivery) -> String {
        list_at(listed_at(delivery), delivery.id.as_str())
    }
}

/// The delivery is pending, nobody attempted it since it was read, and no worker holds it.
fn idle(delivery: &Delivery, now: Timestamp) -> Condition {
    Condition::new(
        "#state = :pending AND made = :made AND next_at = :next \
         AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
    )
    .value(":made", n(delivery.made))
    .value(":next", n(delivery.next_at.0))
    .name("#state", "state")
    .value(":pending", s(DeliveryState::Pending.word()))
    .value(":now", n(now.0))
}

/// The delivery is not there, or it has ended and nobody attempted it since it was read.
fn ended(delivery: &Delivery) -> Condition {
    Condition::new("attribute_not_exists(pk) OR (#state <> :pending AND made = :made)")
        .value(":made", n(delivery.made))
        .name("#state", "state")
        .value(":pending", s(DeliveryState::Pending.word()))
}
