//! The one place that knows DynamoDB: one table, its keys, its conditions.
//!
//! [`ITEMS`] lists the kinds of items with their keys, their indexes and how long they stay.

mod adding;
mod alarms;
mod answers;
mod applications;
mod batches;
mod claims;
mod connections;
mod deliveries;
mod delivery_item;
mod due;
mod endpoint_pages;
mod endpoints;
mod event_deliveries;
mod events;
mod fan_outs;
mod figures;
mod gates;
mod groups;
mod health;
mod idempotency;
mod items;
mod jobs;
mod keys;
mod lanes;
mod later;
mod lease;
mod letters;
mod listeners;
mod live;
mod logs;
mod page;
mod parked;
mod places;
mod recording;
mod refusals;
mod requests;
mod row;
mod sessions;
mod sources;
mod tasks;
mod types;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, KeysAndAttributes},
};
use domain::time::Timestamp;
use serde::de::DeserializeOwned;

use self::row::{Condition, Item, Key, Row, Write};
pub use self::{
    adding::NotAdded,
    answers::{EXPUNGED, ForgetOutcome},
    batches::{EndedJob, StoredMarker},
    claims::{ClaimOutcome, ClaimedDelivery},
    connections::{StoredAudience, StoredConnection, SubscribeOutcome},
    deliveries::{AttemptContext, ConcludeOutcome},
    due::{DueCursor, DueItem, DuePage, DueSubject},
    endpoint_pages::{EndpointCounts, EndpointPage},
    events::{EventContext, StoredConflict},
    figures::{FigureTotals, FoldProgress, HourPart},
    gates::{GateContext, GatedDelivery},
    groups::GroupProgress,
    items::{Attribute, ITEMS, ItemKind, Presence, fits, reads},
    jobs::JobRegistration,
    later::{LATER_LISTS, LaterDelivery, LaterPlaces},
    lease::SweepRound,
    listeners::WaitingDelivery,
    logs::{BatchOutcome, BatchPlace, LogPart, LogRange},
    page::Page,
    parked::LetterList,
    places::CallPlace,
    recording::{EventRecording, RecordOutcome},
    refusals::{RefusalPart, StoredRefusals},
    row::{LAYOUT, SHARDS, json},
};
use crate::{Unavailable, contested, random};

/// Rounds of a batch read whose keys DynamoDB leaves unread because of its load. The pauses between them
/// take 2 s together.
const MAX_ROUNDS: u32 = 10;

/// The single table.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
    /// How long events, deliveries and jobs are kept.
    retention: Duration,
}

/// Outcome of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum WriteOutcome {
    /// The write took place.
    Done,
    /// The condition did not hold, because another writer was faster. Nothing was written.
    Refused,
}

/// How current a read is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// As the last writes left it.
    Latest,
    /// Perhaps as it was a moment before, at half the price. Whoever reads like this writes on the condition
    /// of what was read, and reads again if that is refused.
    MayLag,
}

impl WriteOutcome {
    /// Lets what another writer wrote stand: nothing depends on who was faster.
    pub fn either_way(self) {}
}

impl Table {
    /// Opens a table by name. Functions that create nothing need no retention.
    pub const fn new(client: Client, name: String, retention: Duration) -> Self {
        Self { client, name, retention }
    }

    fn expiry(&self, from: Timestamp) -> u64 {
        from.plus(self.retention).secs()
    }

    /// One item, as the last write left it.
    async fn item(&self, pk: &str, sk: &str) -> Result<Option<Item>, Unavailable> {
        let got = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading the table", &error))?;
        Ok(got.item)
    }

    async fn entity<T: DeserializeOwned>(
        &self,
        pk: &str,
        sk: &str,
    ) -> Result<Option<T>, Unavailable> {
        self.item(pk, sk).await?.map(|item| row::document(&item)).transpose()
    }

    /// Several items at once, as the last writes left them, in no order.
    async fn items(&self, keys: Vec<Key>) -> Result<Vec<Item>, Unavailable> {
        self.items_with(keys, &[]).await
    }

    /// As [`items`](Self::items), of each only these attributes, or all of them if none is named.
    async fn items_with(&self, keys: Vec<Key>, only: &[&str]) -> Result<Vec<Item>, Unavailable> {
        self.items_as(keys, only, ReadMode::Latest).await
    }

    /// Several items at once, in no order.
    async fn items_as(
        &self,
        keys: Vec<Key>,
        only: &[&str],
        mode: ReadMode,
    ) -> Result<Vec<Item>, Unavailable> {
        let doing = "reading the table";
        // Names such as `state` are words of DynamoDB.
        let names = only.iter().map(|name| (format!("#{name}"), (*name).to_owned()));
        let names: HashMap<_, _> = names.collect();
        let projected = only.iter().map(|name| format!("#{name}")).collect::<Vec<_>>().join(", ");
        let projected = (!only.is_empty()).then_some(projected);
        let mut found = Vec::new();
        for chunk in keys.chunks(100) {
            let key = |(pk, sk): &Key| {
                Item::from([
                    ("pk".to_owned(), AttributeValue::S(pk.clone())),
                    ("sk".to_owned(), AttributeValue::S(sk.clone())),
                ])
            };
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(chunk.iter().map(key).collect()))
                .consistent_read(mode == ReadMode::Latest)
                .set_projection_expression(projected.clone())
                .set_expression_attribute_names((!only.is_empty()).then(|| names.clone()))
                .build()
                .map_err(|error| Unavailable::aws(doing, &error))?;
            let mut rest = Some(HashMap::from([(self.name.clone(), wanted)]));
            let mut rounds = 0;
            while let Some(request) = rest.take().filter(|request| !request.is_empty()) {
                if rounds == MAX_ROUNDS {
                    return Err(Unavailable::new(doing, "the table keeps leaving keys unread"));
                }
                if rounds != 0 {
                    tokio::time::sleep(contested::pause(rounds - 1, random::dice())).await;
                }
                rounds += 1;
                let got =
                    self.client.batch_get_item().set_request_items(Some(request)).send().await;
                let mut got = got.map_err(|error| Unavailable::aws(doing, &error))?;
                found.extend(
                    got.responses.take().into_iter().flat_map(HashMap::into_values).flatten(),
                );
                rest = got.unprocessed_keys;
            }
        }
        Ok(found)
    }

    /// Everything in a partition whose sort key begins with `prefix`, as the last writes left it.
    async fn partition(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, Unavailable> {
        let mut condition = "pk = :pk";
        let mut values = Item::from([(":pk".to_owned(), AttributeValue::S(pk.to_owned()))]);
        // DynamoDB refuses an empty value for a key, as a prefix too.
        if !prefix.is_empty() {
            condition = "pk = :pk AND begins_with(sk, :sk)";
            values.insert(":sk".to_owned(), AttributeValue::S(prefix.to_owned()));
        }
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .consistent_read(true);
        let found = query.into_paginator().items().send().collect::<Result<_, _>>().await;
        found.map_err(|error| Unavailable::aws("reading the table", &error))
    }

    /// Writes an item that nobody reads, to find out whether the table can be written to.
    ///
    /// # Errors
    /// Fails if it cannot.
    pub async fn probe(&self, now: Timestamp) -> Result<(), Unavailable> {
        let row = Row::new("PROBE".to_owned(), "PROBE".to_owned(), &now);
        self.put(row.expires(Some(self.expiry(now))), None).await.map(WriteOutcome::either_way)
    }

    async fn put(
        &self,
        row: Row,
        condition: Option<Condition>,
    ) -> Result<WriteOutcome, Unavailable> {
        let condition = condition.unwrap_or_default();
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(row.into_item()))
            .set_condition_expression(condition.expression())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .send()
            .await;
        conditional("writing to the table", put)
    }

    /// An update expression on one item; `Refused` if the condition does not hold.
    async fn update(
        &self,
        pk: &str,
        sk: &str,
        expression: &'static str,
        condition: Condition,
    ) -> Result<WriteOutcome, Unavailable> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()))
            .update_expression(expression)
            .set_condition_expression(condition.expression())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .send()
            .await;
        conditional("updating the table", updated)
    }

    async fn delete(&self, pk: &str, sk: &str) -> Result<WriteOutcome, Unavailable> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()))
            .condition_expression("attribute_exists(pk)")
            .send()
            .await;
        conditional("deleting from the table", deleted)
    }

    /// All of the writes or none; `Refused` if a condition did not hold. A single put is no transaction,
    /// which would cost twice as much.
    async fn transact(&self, mut writes: Vec<Write>) -> Result<WriteOutcome, Unavailable> {
        if writes.len() == 1
            && let Some(Write::Put(row, condition)) =
                writes.pop_if(|it| matches!(it, Write::Put(..)))
        {
            return self.put(row, Some(condition)).await;
        }
        let items = writes.into_iter().map(|write| write.into_item(&self.name)).collect();
        let write = self.client.transact_write_items();
        match write.set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(WriteOutcome::Done),
            Err(error) if has_failed_condition(&error) => Ok(WriteOutcome::Refused),
            Err(error) => Err(Unavailable::aws("writing to the table", &error)),
        }
    }
}

/// The outcome of a conditional write to one item.
fn conditional<O, E>(
    doing: &'static str,
    written: Result<O, SdkError<E>>,
) -> Result<WriteOutcome, Unavailable>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match written {
        Ok(_) => Ok(WriteOutcome::Done),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
            Ok(WriteOutcome::Refused)
        }
        Err(error) => Err(Unavailable::aws(doing, &error)),
    }
}

/// Whether a transaction was cancelled because a condition did not hold. A transaction that was
/// cancelled for DynamoDB's load or for a collision has been repeated by the client.
fn has_failed_condition(error: &SdkError<TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return false;
    };
    let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    codes.any(|code| code == "ConditionalCheckFailed")
}
