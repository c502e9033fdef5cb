//! What endpoints answered, where somebody wants it gone, and how the deliveries of an endpoint or of an
//! event fare.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    delivery::{Delivery, DeliveryState},
    id::{AttemptId, DeliveryId, EndpointId, EventId},
    progress::EventProgress,
    standing::{DeliveryStanding, StandingCounts},
    time::Timestamp,
};
use futures::future::try_join_all;

use super::{
    Item, Table,
    delivery_item::{PREFIX, delivery_list, event_partition, key},
    page::key_of,
    row::{self, Condition, Key, n, s},
};
use crate::{
    Unavailable,
    contested::{self, TryOutcome},
};

/// Stands where an answer was, as in the Svix contract.
pub const EXPUNGED: &str = "EXPUNGED";

/// What came of removing an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ForgetOutcome {
    /// It is gone.
    Done,
    /// A worker holds the delivery just now, and would write it back.
    Held,
    /// There is no such attempt.
    Unknown,
}

/// Deliveries of one event that are counted by their state: a query of DynamoDB reads about as many, and a page
/// of a list counts those of each of its events.
const MAX_COUNTED: u64 = 1000;
/// Deliveries whose keys are read from the index at once while they are counted.
const COUNTED_AT_ONCE: i32 = 1000;
/// Deliveries that one batch read counts; DynamoDB takes 100 keys.
const READ_AT_ONCE: usize = 100;

/// Tries to remove an answer before the delivery counts as held.
const TRIES: u32 = 5;

impl Table {
    /// Removes the text that an endpoint answered to an attempt. The attempt and its status stay.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn forget_answer(
        &self,
        event: &EventId,
        id: &DeliveryId,
        attempt: &AttemptId,
        now: Timestamp,
    ) -> Result<ForgetOutcome, Unavailable> {
        let (pk, sk) = key(event, id);
        contested::write_or(TRIES, ForgetOutcome::Held, || async {
            let unknown = Ok(TryOutcome::Settled(ForgetOutcome::Unknown));
            let Some(item) = self.item(&pk, &sk).await? else { return unknown };
            let mut delivery: Delivery = row::document(&item)?;
            let made = delivery.attempts.iter_mut().find(|made| made.id == *attempt);
            let Some(made) = made else { return unknown };
            made.response.clear();
            made.response.push_str(EXPUNGED);
            let read = item.get("doc").cloned().unwrap_or_else(|| s(""));
            // A worker whose lease has ended may still come back: without its claim it changes nothing.
            let idle = Condition::new(
                "doc = :read AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            )
            .value(":read", read)
            .value(":now", n(now.0))
            .value(":doc", row::doc(&delivery));
            let updated = self.update(&pk, &sk, "SET doc = :doc REMOVE claim", idle).await?;
            Ok(updated.settles(ForgetOutcome::Done))
        })
        .await
    }

    /// Counts the deliveries of an event by their state. If there are more than `MAX_COUNTED`, those beyond
    /// are not counted. The record of their attempts is not transferred.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn progress_of(&self, event: &EventId) -> Result<EventProgress, Unavailable> {
        let mut progress = EventProgress::default();
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .projection_expression("#state, made")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pk", s(event_partition(event)))
            .expression_attribute_values(":sk", s(PREFIX))
            .consistent_read(true)
            .limit(i32::try_from(MAX_COUNTED + 1).unwrap_or(1000));
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Unavailable::aws("counting deliveries", &error))?;
            for item in page.items() {
                let state = row::text(item, "state").and_then(DeliveryState::of_word);
                let made = row::number(item, "made").unwrap_or(0);
                // A state that a newer version wrote is taken for one that is still to be attempted.
                progress.count(state.unwrap_or(DeliveryState::Pending), made);
            }
            if MAX_COUNTED < progress.total {
                progress.has_more = true;
                break;
            }
        }
        Ok(progress)
    }

    /// Counts the deliveries to an endpoint that were created from `since` and before `until` by their state,
    /// the latest first. Looks at about `most` deliveries; the counts say how far back they go.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn standings(
        &self,
        endpoint: &EndpointId,
        since: Timestamp,
        until: Timestamp,
        most: usize,
        now: Timestamp,
    ) -> Result<StandingCounts, Unavailable> {
        let mut tally = StandingCounts::default();
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("listing")
            .key_condition_expression("#list = :list AND list_at BETWEEN :since AND :until")
            .expression_attribute_names("#list", "list")
            .expression_attribute_values(":list", s(delivery_list(endpoint)))
            .expression_attribute_values(":since", s(format!("{:013}", since.0)))
            .expression_attribute_values(":until", s(format!("{:013}", until.0)))
            .scan_index_forward(false)
            .limit(COUNTED_AT_ONCE);
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Unavailable::aws("counting deliveries", &error))?;
            let keys: Vec<_> = page.items().iter().map(key_of).collect();
            let read = keys.chunks(READ_AT_ONCE).map(|keys| self.standings_of(keys, now));
            for standing in try_join_all(read).await?.into_iter().flatten() {
                tally.count(standing);
            }
            let last = page.items().last().and_then(|item| at_of(item.get("list_at")?));
            tally.from = last.or(tally.from);
            if page.last_evaluated_key.is_some() && most <= tally.seen() {
                return Ok(tally);
            }
        }
        tally.complete = true;
        Ok(tally)
    }

    /// The standings of these deliveries, in no order; those that are gone are left out.
    async fn standings_of(
        &self,
        keys: &[Key],
        now: Timestamp,
    ) -> Result<Vec<DeliveryStanding>, Unavailable> {
        let items = self.items_with(keys.to_vec(), &["state", "made", "lease_until"]).await?;
        let standing = |item: &Item| {
            let number = |name| row::number(item, name).unwrap_or(0);
            match row::text(item, "state") {
                Some("delivered") => DeliveryStanding::Success,
                Some("dead") => DeliveryStanding::Fail,
                Some("cancelled") => DeliveryStanding::Canceled,
                _ if 0 < number("made") || now.0 < number("lease_until") => {
                    DeliveryStanding::Sending
                }
                _ => DeliveryStanding::Pending,
            }
        };
        Ok(items.iter().map(standing).collect())
    }
}

fn at_of(place: &AttributeValue) -> Option<Timestamp> {
    let (at, _) = place.as_s().ok()?.split_once('-')?;
    at.parse().ok().map(Timestamp)
}
