//! What is due: the sweep's view of the table.
//!
//! The index `due` holds keys and times only. The sweep reads a page of it and then the items, as the last
//! writes left them: what is gone or was put off meanwhile is left out.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    delivery::Delivery,
    event::Event,
    fan_out::FanOut,
    id::{BatchId, EndpointId, EventId, TaskId},
    job::Job,
    listener::Listener,
    time::Timestamp,
};

use super::{
    Item, Table, WriteOutcome, batches, conditional,
    fan_outs::FAN,
    gates,
    page::key_of,
    row::{self, Key, n, s},
};
use crate::Unavailable;

/// Something that is due.
#[derive(Debug)]
pub struct DueItem {
    /// What it is.
    pub what: DueSubject,
    /// When it was due: marking is conditional on it.
    at: u64,
    /// How often the sweep has rung for it since it last moved.
    rings: u32,
    /// The end of a delivery's last claim. A claim does not change when its delivery is due.
    lease_until: Timestamp,
    key: Key,
}

/// What can be due.
#[derive(Debug)]
pub enum DueSubject {
    /// A delivery: pending, or dead and not parked.
    Delivery(Box<Delivery>),
    /// A task.
    Task(TaskId),
    /// The gate of an endpoint.
    Gate(EndpointId),
    /// A batch whose jobs are to be counted, or about which something is to be announced.
    Batch(BatchId),
    /// A job whose platform is to be asked.
    Job(Box<Job>),
    /// An event whose deliveries are created in pages, and not all of them are.
    FanOut(Box<FanOut>),
    /// An event whose content is to be removed.
    Content(EventId),
    /// A listener that nobody has used for long.
    Listener(Box<Listener>),
    /// An item that this version cannot read. It is put off like the others, and hides none of them.
    Unreadable,
}

/// A part of what is due in a shard.
#[derive(Debug)]
pub struct DuePage {
    /// What is due, the longest overdue first.
    pub due: Vec<DueItem>,
    /// Where the rest begins, if there is one.
    pub next: Option<DueCursor>,
}

/// A time after every time that an item is due at: the end of the year 9999.
const LAST: Timestamp = Timestamp::from_secs(253_402_300_799);

/// Entries of the index that one look at all shards reads at most.
const AT_ONCE: i32 = 100;

/// A place in a shard.
#[derive(Debug)]
pub struct DueCursor(Item);

impl DueItem {
    /// When it was due.
    pub const fn at(&self) -> u64 {
        self.at
    }

    /// When the claim of a delivery that a worker holds ends; `None` if nobody holds it.
    pub fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.lease_until).filter(|until| now < *until)
    }

    /// How long to wait before ringing once more, should this bell bring nothing: a minute, growing
    /// to an hour, so that a backlog is not multiplied by its own bells.
    fn next_ring(&self) -> std::time::Duration {
        std::time::Duration::from_secs((60u64 << self.rings.min(6)).min(3600))
    }
}

impl Table {
    /// The items of a shard that are due, the longest overdue first, from behind `cursor`.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is [`DueSubject::Unreadable`].
    pub async fn due(
        &self,
        shard: u32,
        now: Timestamp,
        limit: i32,
        cursor: Option<DueCursor>,
    ) -> Result<DuePage, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", s(shard.to_string()))
            .expression_attribute_values(":now", n(now.0))
            .limit(limit)
            .set_exclusive_start_key(cursor.map(|cursor| cursor.0))
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading what is due", &error))?;
        let items = self.in_order(query.items().iter().map(key_of)).await?;
        let is_due = |item: &&Item| row::number(item, "due_at").is_some_and(|at| at <= now.0);
        let due = items.iter().filter(is_due).map(from_item).collect();
        Ok(DuePage { due, next: query.last_evaluated_key.map(DueCursor) })
    }

    /// The items of all shards that are due, the longest overdue first; `None` if the index holds too many
    /// entries, due or not, to be read at once. An idle relay costs half a unit so, and not one for each
    /// two shards.
    ///
    /// # Errors
    /// As [`Table::due`].
    pub async fn due_at_once(&self, now: Timestamp) -> Result<Option<Vec<DueItem>>, Unavailable> {
        let scan = self.client.scan().table_name(&self.name).index_name("due").limit(AT_ONCE);
        let scan = scan.send().await;
        let scan = scan.map_err(|error| Unavailable::aws("reading what is due", &error))?;
        if scan.last_evaluated_key.is_some() {
            return Ok(None);
        }
        let is_due = |item: &&Item| row::number(item, "due_at").is_some_and(|at| at <= now.0);
        let items = self.in_order(scan.items().iter().filter(is_due).map(key_of)).await?;
        let mut due: Vec<_> = items.iter().filter(is_due).map(from_item).collect();
        due.sort_by_key(DueItem::at);
        Ok(Some(due))
    }

    /// The items of a shard that are due next, whenever that is.
    ///
    /// # Errors
    /// As [`Table::due`].
    pub async fn due_next(&self, shard: u32, limit: i32) -> Result<DuePage, Unavailable> {
        self.due(shard, LAST, limit, None).await
    }

    /// Marks an item as rung for; `Refused` if its due time changed since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn mark(&self, due: &DueItem, now: Timestamp) -> Result<WriteOutcome, Unavailable> {
        self.put_off(due, now.plus(due.next_ring()), due.rings + 1).await
    }

    /// Puts an item off until then without doing anything about it; `Refused` if its due time
    /// changed since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn hold(&self, due: &DueItem, until: Timestamp) -> Result<WriteOutcome, Unavailable> {
        self.put_off(due, until, due.rings).await
    }

    async fn put_off(
        &self,
        due: &DueItem,
        until: Timestamp,
        rings: u32,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = due.key.clone();
        let marked = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET due_at = :next, rings = :rings")
            .condition_expression("due_at = :at")
            .expression_attribute_values(":at", n(due.at))
            .expression_attribute_values(":next", n(until.0))
            .expression_attribute_values(":rings", n(rings))
            .send()
            .await;
        conditional("marking what is due", marked)
    }
}

fn from_item(item: &Item) -> DueItem {
    let key = key_of(item);
    let what = subject(item, &key).unwrap_or_else(|cause| {
        row::log_unreadable(item, &cause);
        DueSubject::Unreadable
    });
    let at = row::number(item, "due_at").unwrap_or(0);
    let rings = row::number(item, "rings").and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let lease_until = Timestamp(row::number(item, "lease_until").unwrap_or(0));
    DueItem { what, at, rings, lease_until, key }
}

fn subject(item: &Item, key: &Key) -> Result<DueSubject, Unavailable> {
    Ok(if key.0 == "TASKS" {
        let id =
            TaskId::parse(&key.1).map_err(|error| Unavailable::new("reading a task", error))?;
        DueSubject::Task(id)
    } else if let Some(endpoint) = gates::endpoint_of(&key.0) {
        DueSubject::Gate(endpoint)
    } else if key.1 == "BATCH" {
        let batch: domain::batch::Batch = row::document(item)?;
        DueSubject::Batch(batch.id)
    } else if let Some(batch) = batches::batch_of(&key.0) {
        DueSubject::Batch(batch)
    } else if key.1 == "JOB" {
        DueSubject::Job(Box::new(row::document(item)?))
    } else if key.1.starts_with("LISTENER#") {
        DueSubject::Listener(Box::new(row::document(item)?))
    } else if key.1 == FAN {
        DueSubject::FanOut(Box::new(row::document(item)?))
    } else if key.1 == "EVT" {
        let event: Event = row::document(item)?;
        DueSubject::Content(event.id)
    } else {
        DueSubject::Delivery(Box::new(row::document(item)?))
    })
}
