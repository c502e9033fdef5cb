//! Lanes: the deliveries of one key to one endpoint, by number, as long as they are pending.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    delivery::{Delivery, DeliveryState},
    id::{DeliveryId, EventId},
    lane::LanePlace,
    time::Timestamp,
};

use super::{
    Table, WriteOutcome,
    row::{self, Condition, Row, Write, n, s},
};
use crate::Unavailable;

/// Where a delivery stands that is next in its lane.
#[derive(Debug)]
pub struct LaneHead {
    /// Its number.
    pub number: u64,
    /// Its event.
    pub event: EventId,
    /// The delivery.
    pub delivery: DeliveryId,
}

fn partition(lane: &str) -> String {
    format!("LANE#{lane}")
}

fn place_key(place: &LanePlace) -> (String, String) {
    (partition(&place.lane), format!("AT#{:020}", place.number))
}

impl Table {
    /// The number of the last place that was given in a lane; 0 if there was none.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn last_place(&self, lane: &str) -> Result<u64, Unavailable> {
        let item = self.item(&partition(lane), "LAST").await?;
        Ok(item.and_then(|item| row::number(&item, "n")).unwrap_or(0))
    }

    /// The writes that give a delivery its place, if its number is the next one.
    pub(super) fn place_writes(&self, delivery: &Delivery) -> Vec<Write> {
        let Some(place) = &delivery.lane else { return Vec::new() };
        let expires = Some(self.expiry(delivery.created_at));
        let last = Row::new(partition(&place.lane), "LAST", &place.number)
            .with("n", n(place.number))
            .expires(expires);
        let as_read = match place.number {
            1 => Condition::absent(),
            number => Condition::new("n = :read").value(":read", n(number - 1)),
        };
        let (pk, sk) = place_key(place);
        let at = Row::new(pk, sk, &(&delivery.event, &delivery.id)).expires(expires);
        vec![Write::Put(last, as_read), Write::Put(at, Condition::absent())]
    }

    /// The write that takes a delivery out of its lane, once it has ended.
    pub(super) fn leave(delivery: &Delivery) -> Option<Write> {
        let place = delivery.lane.as_ref().filter(|_| delivery.state != DeliveryState::Pending)?;
        let (pk, sk) = place_key(place);
        Some(Write::Delete(pk, sk, Condition::default()))
    }

    /// The first pending delivery of a lane.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn head(&self, lane: &str) -> Result<Option<LaneHead>, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :at)")
            .expression_attribute_values(":pk", s(partition(lane)))
            .expression_attribute_values(":at", s("AT#"))
            .consistent_read(true)
            .limit(1)
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading a lane", &error))?;
        let Some(item) = query.items.unwrap_or_default().into_iter().next() else {
            return Ok(None);
        };
        let number = row::text(&item, "sk").and_then(|sk| sk.strip_prefix("AT#")?.parse().ok());
        let (event, delivery) = row::document(&item)?;
        Ok(Some(LaneHead { number: number.unwrap_or(0), event, delivery }))
    }

    /// Makes a pending delivery due now, so that the sweep rings for it. Changes nothing if a
    /// worker holds the delivery.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn hasten(
        &self,
        event: &EventId,
        id: &DeliveryId,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let (pk, sk) = super::delivery_item::key(event, id);
        let idle = Condition::new(
            "#state = :pending AND due_at > :now \
             AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
        )
        .name("#state", "state")
        .value(":pending", AttributeValue::S("pending".to_owned()))
        .value(":now", n(now.0));
        self.update(&pk, &sk, "SET due_at = :now", idle).await.map(WriteOutcome::either_way)
    }
}
