//! Deliveries whose next attempt lies further ahead than a message can be delayed.
//!
//! Such a delivery has an *entry* in one of [`LATER_LISTS`] partitions, which sorts by the time of the
//! attempt. The sweep reads what lies between the place that it noted and the present, rings for it, and
//! notes the new place. Nobody removes an entry: it lies behind that place from then on, and expires. So a
//! wait costs one write of a small item, where an entry of an index costs two and a mark on the delivery.
//!
//! An entry whose delivery was attempted in between, or has ended, rings in vain.

use std::collections::{BTreeMap, HashSet};

use domain::{
    delivery::{Delivery, DeliveryState},
    id::{DeliveryId, EndpointId, EventId},
    time::Timestamp,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    Item, Table, WriteOutcome, delivery_item,
    row::{self, Row, list_at, s},
};
use crate::Unavailable;

/// Partitions of the entries. One takes 1,000 writes of an entry in a second.
pub const LATER_LISTS: u32 = 4;
const PLACE: (&str, &str) = ("SWEEP", "LATER");
/// Behind every place.
const END: &str = "~";

/// A delivery whose time comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterDelivery {
    /// The event that is delivered.
    pub event: EventId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The endpoint that it goes to.
    pub endpoint: EndpointId,
    /// The time of the attempt.
    pub at: Timestamp,
    /// The place in its list.
    place: String,
}

/// The places up to which the sweep has rung for entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaterPlaces {
    /// Every entry of a time before this was rung for, but for those that lie behind `open`.
    through: Timestamp,
    /// The places in the lists in which more was to be rung for than one round could.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    open: BTreeMap<u32, String>,
}

impl LaterPlaces {
    /// Whether a list holds more that was to be rung for.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether an entry with this sort key, of a list whose number is `list`, was rung for.
    pub fn has_passed(&self, list: u32, place: &str) -> bool {
        *place < *self.after(list)
    }

    /// The place behind which the entries of a list that were not rung for begin. It is no entry's own: a
    /// space sorts before everything that may follow.
    fn after(&self, list: u32) -> String {
        let open = self.open.get(&list).map(|place| format!("{place} "));
        open.unwrap_or_else(|| list_at(self.through, ""))
    }
}

fn partition(list: u32) -> String {
    format!("LATER#{list}")
}

fn list_of(id: &DeliveryId) -> u32 {
    row::part_of(id.as_str(), LATER_LISTS)
}

fn time_of(place: &str) -> Option<Timestamp> {
    place.split_once('-')?.0.parse().ok().map(Timestamp)
}

fn entry(item: &Item) -> Result<LaterDelivery, Unavailable> {
    let (event, delivery, endpoint) = row::document(item)?;
    let place = row::text(item, "sk").unwrap_or_default().to_owned();
    let at = time_of(&place).unwrap_or_default();
    Ok(LaterDelivery { event, delivery, endpoint, at, place })
}

impl Table {
    /// Enters a delivery for its `next_at`. The entry must be there well before the sweep comes to its
    /// time: the caller looks at the clock afterwards.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn enter_later(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        let sk = list_at(delivery.next_at, delivery.id.as_str());
        let names = (&delivery.event, &delivery.id, &delivery.endpoint);
        let entry = Row::new(partition(list_of(&delivery.id)), sk, &names)
            .expires(Some(self.expiry(delivery.next_at)));
        self.put(entry, None).await.map(WriteOutcome::either_way)
    }

    /// The places up to which the sweep has rung.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn later_places(&self) -> Result<LaterPlaces, Unavailable> {
        let (pk, sk) = PLACE;
        Ok(self.entity(pk, sk).await?.unwrap_or_default())
    }

    /// Notes the places up to which the sweep has rung.
    ///
    /// # Errors
    /// Fails if DynamoDB does. The next round then rings for the same entries again.
    pub async fn keep_later_places(&self, places: &LaterPlaces) -> Result<(), Unavailable> {
        let (pk, sk) = PLACE;
        self.put(Row::new(pk, sk, places), None).await.map(WriteOutcome::either_way)
    }

    /// Up to `limit` entries of each list that were not rung for and whose times are before `horizon`, in the
    /// order of their times, and the places once they were.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An entry that cannot be read is logged and left out.
    pub async fn later(
        &self,
        places: &LaterPlaces,
        horizon: Timestamp,
        limit: i32,
    ) -> Result<(Vec<LaterDelivery>, LaterPlaces), Unavailable> {
        let horizon = horizon.max(places.through);
        let edge = list_at(horizon, "");
        let read =
            (0..LATER_LISTS).map(|list| self.later_entries(list, places.after(list), &edge, limit));
        let mut next = LaterPlaces { through: horizon, open: BTreeMap::new() };
        let mut found = Vec::new();
        for (list, (entries, rest)) in (0..).zip(try_join_all(read).await?) {
            next.open.extend(rest.map(|place| (list, place)));
            found.extend(entries);
        }
        found.sort_unstable_by(|one: &LaterDelivery, other| one.place.cmp(&other.place));
        Ok((found, next))
    }

    /// The deliveries that wait for a later time, the first `limit` of each list, as the last writes left them;
    /// and whether those are all. One that is not pending for that time by now is left out.
    ///
    /// # Errors
    /// Fails if DynamoDB does. A delivery that cannot be read is logged and left out.
    pub async fn entered(&self, limit: i32) -> Result<(Vec<Delivery>, bool), Unavailable> {
        let places = self.later_places().await?;
        let read =
            (0..LATER_LISTS).map(|list| self.later_entries(list, places.after(list), END, limit));
        let pages = try_join_all(read).await?;
        let complete = pages.iter().all(|(_, rest)| rest.is_none());
        let entries: Vec<_> = pages.into_iter().flat_map(|(entries, _)| entries).collect();
        let key = |entry: &LaterDelivery| delivery_item::key(&entry.event, &entry.delivery);
        let items = self.items(entries.iter().map(key).collect()).await?;
        let mut deliveries: Vec<Delivery> = row::readable(&items, row::document);
        let times: HashSet<_> = entries.iter().map(|entry| (&entry.delivery, entry.at)).collect();
        deliveries.retain(|delivery| {
            delivery.state == DeliveryState::Pending
                && times.contains(&(&delivery.id, delivery.next_at))
        });
        Ok((deliveries, complete))
    }

    /// Up to `limit` entries of a list between two places, and the last of them if there are more. An entry is
    /// written long before the sweep comes to it, so that a read may lag.
    async fn later_entries(
        &self,
        list: u32,
        after: String,
        edge: &str,
        limit: i32,
    ) -> Result<(Vec<LaterDelivery>, Option<String>), Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :after AND :edge")
            .expression_attribute_values(":pk", s(partition(list)))
            .expression_attribute_values(":after", s(after))
            .expression_attribute_values(":edge", s(edge))
            .limit(limit)
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading what waits for later", &error))?;
        let rest = query.last_evaluated_key.as_ref().and_then(|key| row::text(key, "sk"));
        let rest = rest.map(str::to_owned);
        Ok((row::readable(query.items(), entry), rest))
    }
}
