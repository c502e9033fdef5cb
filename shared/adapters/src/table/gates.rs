//! Gates of endpoints, and the deliveries that wait at them while the circuit is open.
//!
//! A delivery comes to the gate in one transaction with its *entry*, and the entry is removed before the
//! delivery is called. So an entry is there while the delivery says that it waits, or until whoever finds it
//! left behind removes it. A delivery at the gate is due only when it has waited for as long as it may.
//!
//! The entries are spread over [`LISTS`] partitions, by the delivery's id, and sort by the time at which the
//! delivery could first have been attempted.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    application::Application,
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    gate::Gate,
    health::Health,
    id::{ApplicationId, DeliveryId, EndpointId, EventId},
    retry::Policy,
    time::Timestamp,
};
use futures::future::try_join_all;

use super::{
    ClaimedDelivery, ConcludeOutcome, Item, Page, Table, WriteOutcome, applications, conditional,
    delivery_item, endpoints, health,
    page::key_of,
    row::{self, Condition, Key, Row, Write, list_at, n, s},
};
use crate::Unavailable;

/// Partitions of what waits at a gate. An entry is two write units when the delivery comes and one when it
/// goes, and a partition takes 1,000 in a second: 4,000 deliveries in a second come to a gate.
const LISTS: u32 = 8;
pub(super) const GATE: &str = "GATE";
/// The condition that an entry is the one that was read: a delivery that comes back to the gate comes because
/// of another opening.
const SAME_ENTRY: &str = "shut_until = :read";

/// A delivery that waits at a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatedDelivery {
    /// The event that is delivered.
    pub event: EventId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The place in the order of what waits.
    pub place: String,
    /// The end of the circuit's opening, as it was known when the delivery came.
    until: Timestamp,
}

/// The facts that decide what a gate lets through.
#[derive(Debug, Default)]
pub struct GateContext {
    /// The endpoint, unless it or its application is gone.
    pub endpoint: Option<Endpoint>,
    /// How the endpoint fares.
    pub health: Health,
    /// Calls per second to all endpoints of its application together.
    pub application_rate: Option<u16>,
}

pub(super) fn key(endpoint: &EndpointId) -> Key {
    (format!("GATE#{endpoint}"), GATE.to_owned())
}

/// The endpoint whose gate lies in this partition.
pub(super) fn endpoint_of(pk: &str) -> Option<EndpointId> {
    EndpointId::parse(pk.strip_prefix("GATE#")?).ok()
}

fn partition(endpoint: &EndpointId, list: u32) -> String {
    format!("GATED#{endpoint}#{list}")
}

fn list_of(id: &DeliveryId) -> u32 {
    row::part_of(id.as_str(), LISTS)
}

/// The key of a delivery's entry. `next_at` stays the same while the delivery waits.
fn entry_key(delivery: &Delivery) -> Key {
    let list = partition(&delivery.endpoint, list_of(&delivery.id));
    (list, list_at(delivery.next_at, delivery.id.as_str()))
}

fn entry(item: &Item) -> Result<GatedDelivery, Unavailable> {
    let (event, delivery) = row::document(item)?;
    let place = row::text(item, "sk").unwrap_or_default().to_owned();
    let until = Timestamp(row::number(item, "shut_until").unwrap_or(0));
    Ok(GatedDelivery { event, delivery, place, until })
}

impl Table {
    /// The gate of an endpoint and the time at which it is due; `None` if nothing waits there.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn gate(
        &self,
        endpoint: &EndpointId,
    ) -> Result<Option<(Gate, Timestamp)>, Unavailable> {
        let (pk, sk) = key(endpoint);
        let Some(item) = self.item(&pk, &sk).await? else { return Ok(None) };
        let mut gate: Gate = row::document(&item)?;
        gate.version = row::number(&item, "version").unwrap_or(gate.version);
        Ok(Some((gate, Timestamp(row::number(&item, "due_at").unwrap_or(0)))))
    }

    /// Writes a gate over the version that was read, 0 for none; `Refused` if it was changed since. The
    /// version is counted up here.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn keep_gate(
        &self,
        gate: &Gate,
        due: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let next = Gate { version: gate.version + 1, ..gate.clone() };
        let (pk, sk) = key(&gate.endpoint);
        let row = Row::new(pk, sk, &next)
            .with("version", n(next.version))
            .due(gate.endpoint.as_str(), Some(due));
        self.put(row, Some(Condition::version(gate.version))).await
    }

    /// Has a gate looked after at `at`; `Refused` if it is due by then, or there is none.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn draw_gate(
        &self,
        endpoint: &EndpointId,
        at: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(endpoint);
        let later = Condition::new("due_at > :at").value(":at", n(at.0)).value(":one", n(1));
        self.update(&pk, &sk, "SET due_at = :at ADD version :one", later).await
    }

    /// Removes a gate as it was read; `Refused` if it was changed since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn remove_gate(&self, gate: &Gate) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(&gate.endpoint);
        self.delete_if(pk, sk, "version = :read", n(gate.version)).await
    }

    /// The endpoint of a gate and all else that decides on what passes, read in one call.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn gate_context(&self, gate: &Gate) -> Result<GateContext, Unavailable> {
        let keys = vec![
            endpoints::key(&gate.application, &gate.scope, &gate.endpoint),
            health::key(&gate.endpoint),
            applications::key(&gate.application),
        ];
        let (mut context, mut deleted) = (GateContext::default(), false);
        for item in self.items(keys).await? {
            match row::text(&item, "sk") {
                Some(health::HEALTH) => context.health = row::document(&item)?,
                Some(sk) if sk.starts_with(ApplicationId::PREFIX) => {
                    let application: Application = row::document(&item)?;
                    deleted = !application.is_there();
                    context.application_rate = application.throttle_rate;
                }
                _ => context.endpoint = Some(row::document(&item)?),
            }
        }
        if deleted {
            context.endpoint = None;
        }
        Ok(context)
    }

    /// Has a claimed delivery wait at its endpoint's gate until `due` at most; `Stale` if another worker has
    /// claimed it since. Its `next_at` stays in the past, so that the first bell is enough. The gate must be
    /// there already: who waits without it is found at `due` and not before.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn wait_at_gate(
        &self,
        claimed: &ClaimedDelivery,
        policy: &Policy,
        until: Timestamp,
        due: Timestamp,
    ) -> Result<ConcludeOutcome, Unavailable> {
        let delivery = Delivery { at_gate: Some(until), ..claimed.delivery.clone() };
        let row = self.delivery_row(&delivery, Delivery::lease(policy), Some(due));
        let (pk, sk) = entry_key(&delivery);
        let entry = Row::new(pk, sk, &(&delivery.event, &delivery.id))
            .with("shut_until", n(until.0))
            .expires(Some(self.expiry(due)));
        let writes = vec![Write::Put(row, claimed.ours()), Write::Put(entry, Condition::default())];
        Ok(match self.transact(writes).await? {
            WriteOutcome::Done => ConcludeOutcome::Done,
            WriteOutcome::Refused => ConcludeOutcome::Stale,
        })
    }

    /// Removes the entry of a delivery that is claimed and does not wait any more. The delivery is due when
    /// its claim ends, so that it is not lost if the process dies after this. A worker whose claim was
    /// replaced finds another entry, if the delivery has come back to the gate meanwhile, and leaves it.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn leave_gate(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        let Some(until) = delivery.at_gate else { return Ok(()) };
        let (pk, sk) = entry_key(delivery);
        self.delete_if(pk, sk, SAME_ENTRY, n(until.0)).await.map(WriteOutcome::either_way)
    }

    /// About `limit` entries of what waits at a gate, in order from behind the place `after`.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An entry that cannot be read is logged and left out.
    pub async fn at_gate(
        &self,
        endpoint: &EndpointId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<GatedDelivery>, Unavailable> {
        let each = limit.div_ceil(LISTS as usize);
        let partitions: Vec<_> = (0..LISTS).map(|list| partition(endpoint, list)).collect();
        let pages = partitions.iter().map(|pk| self.page_by_key(pk, after, each, false, entry));
        let pages = try_join_all(pages).await?;
        // Behind the end of a page that is not the last, its partition may hold what comes first.
        let next = pages.iter().filter_map(|page| page.next.clone()).min();
        let mut items: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
        items.sort_unstable_by(|one, other| one.place.cmp(&other.place));
        if let Some(end) = &next {
            items.retain(|entry| entry.place <= *end);
        }
        Ok(Page { items, next })
    }

    /// Those of the entries whose deliveries wait, as the last writes left them. The entries of others were
    /// left behind, and are removed.
    ///
    /// # Errors
    /// Fails if DynamoDB does. A delivery that cannot be read is logged and left out.
    pub async fn still_at_gate(
        &self,
        entries: Vec<GatedDelivery>,
        endpoint: &EndpointId,
    ) -> Result<Vec<GatedDelivery>, Unavailable> {
        let key = |entry: &GatedDelivery| delivery_item::key(&entry.event, &entry.delivery);
        let items = self.items(entries.iter().map(key).collect()).await?;
        let items: HashMap<Key, &Item> = items.iter().map(|item| (key_of(item), item)).collect();
        let mut still = Vec::with_capacity(entries.len());
        for entry in entries {
            let item = items.get(&key(&entry));
            let waits = match item.map(|item| row::document::<Delivery>(item)) {
                None => false,
                Some(Ok(delivery)) => {
                    delivery.state == DeliveryState::Pending
                        && delivery.at_gate.is_some()
                        && entry_key(&delivery).1 == entry.place
                }
                Some(Err(cause)) => {
                    item.into_iter().for_each(|item| row::log_unreadable(item, &cause));
                    continue;
                }
            };
            match waits {
                true => still.push(entry),
                // The condition keeps the entry of a delivery that came back meanwhile.
                false => {
                    let pk = partition(endpoint, list_of(&entry.delivery));
                    let until = n(entry.until.0);
                    self.delete_if(pk, entry.place, SAME_ENTRY, until).await?.either_way();
                }
            }
        }
        Ok(still)
    }

    /// Deletes an item if an attribute has this value.
    async fn delete_if(
        &self,
        pk: String,
        sk: String,
        condition: &str,
        read: AttributeValue,
    ) -> Result<WriteOutcome, Unavailable> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .condition_expression(condition)
            .expression_attribute_values(":read", read)
            .send()
            .await;
        conditional("deleting from the table", deleted)
    }
}
