//! The one place that knows DynamoDB: one table, its keys, its conditions.
//!
//! [`ITEMS`] lists the kinds of items with their keys, their indexes and how long they stay.

mod answers;
mod applications;
mod batches;
mod deliveries;
mod delivery_item;
mod due;
mod endpoints;
mod events;
mod health;
mod idempotency;
mod items;
mod jobs;
mod keys;
mod lanes;
mod letters;
mod page;
mod recording;
mod row;
mod sources;
mod tasks;
mod types;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, KeysAndAttributes, TransactWriteItem},
};
use domain::time::Timestamp;
use serde::de::DeserializeOwned;

use self::row::{Condition, Item, Row, Write};
pub use self::{
    answers::ForgetOutcome,
    batches::{EndedJob, StoredMarker},
    deliveries::{AttemptContext, ClaimOutcome, ClaimedDelivery, ConcludeOutcome},
    due::{DueCursor, DueItem, DuePage, DueSubject},
    events::EventContext,
    items::{Attribute, ITEMS, ItemKind, Presence, fits},
    jobs::JobRegistration,
    letters::RedriveOutcome,
    page::Page,
    recording::{EventRecording, RecordOutcome},
    row::SHARDS,
};
use crate::Unavailable;

/// The single table.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
    /// How long events, deliveries and jobs are kept.
    retention: Duration,
}

/// What came of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It took place.
    Done,
    /// Its condition did not hold: somebody else was here first.
    Refused,
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
    async fn items(&self, keys: Vec<(String, String)>) -> Result<Vec<Item>, Unavailable> {
        let doing = "reading the table";
        let mut found = Vec::new();
        for chunk in keys.chunks(100) {
            let key = |(pk, sk): &(String, String)| {
                Item::from([
                    ("pk".to_owned(), AttributeValue::S(pk.clone())),
                    ("sk".to_owned(), AttributeValue::S(sk.clone())),
                ])
            };
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(chunk.iter().map(key).collect()))
                .consistent_read(true)
                .build()
                .map_err(|error| Unavailable::aws(doing, &error))?;
            let mut rest = Some(HashMap::from([(self.name.clone(), wanted)]));
            let mut rounds = 0;
            while let Some(request) = rest.take().filter(|request| !request.is_empty()) {
                rounds += 1;
                if 10 < rounds {
                    return Err(Unavailable::new(doing, "the table keeps leaving keys unread"));
                }
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
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression(condition)
                .set_expression_attribute_values(Some(values.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| Unavailable::aws("reading the table", &error))?;
            found.extend(query.items.unwrap_or_default());
            start = query.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    async fn put(
        &self,
        row: Row,
        condition: Option<Condition>,
    ) -> Result<WriteOutcome, Unavailable> {
        let condition = condition.unwrap_or_default();
        let item = row.into_item();
        for round in 0.. {
            let put = self
                .client
                .put_item()
                .table_name(&self.name)
                .set_item(Some(item.clone()))
                .set_condition_expression(condition.expression())
                .set_expression_attribute_names(condition.names())
                .set_expression_attribute_values(condition.values())
                .send()
                .await;
            match put {
                Ok(_) => return Ok(WriteOutcome::Done),
                Err(SdkError::ServiceError(error))
                    if error.err().is_conditional_check_failed_exception() =>
                {
                    return Ok(WriteOutcome::Refused);
                }
                Err(SdkError::ServiceError(error))
                    if error.err().is_transaction_conflict_exception() && round < CONFLICTS =>
                {
                    tokio::time::sleep(pause(round)).await;
                }
                Err(error) => return Err(Unavailable::aws("writing to the table", &error)),
            }
        }
        unreachable!("the last round returns")
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
        match updated {
            Ok(_) => Ok(WriteOutcome::Done),
            Err(SdkError::ServiceError(error))
                if error.err().is_conditional_check_failed_exception() =>
            {
                Ok(WriteOutcome::Refused)
            }
            Err(error) => Err(Unavailable::aws("updating the table", &error)),
        }
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
        match deleted {
            Ok(_) => Ok(WriteOutcome::Done),
            Err(SdkError::ServiceError(error))
                if error.err().is_conditional_check_failed_exception() =>
            {
                Ok(WriteOutcome::Refused)
            }
            Err(error) => Err(Unavailable::aws("deleting from the table", &error)),
        }
    }

    /// All of the writes or none. `Refused` says that a condition did not hold; a mere collision
    /// with another transaction says nothing, and is tried again.
    async fn transact(&self, writes: Vec<Write>) -> Result<WriteOutcome, Unavailable> {
        let items: Vec<TransactWriteItem> =
            writes.into_iter().map(|write| write.into_item(&self.name)).collect();
        for round in 0.. {
            let write = self.client.transact_write_items();
            match write.set_transact_items(Some(items.clone())).send().await {
                Ok(_) => return Ok(WriteOutcome::Done),
                Err(SdkError::ServiceError(error))
                    if has_reason(error.err(), "ConditionalCheckFailed") =>
                {
                    return Ok(WriteOutcome::Refused);
                }
                Err(SdkError::ServiceError(error))
                    if has_reason(error.err(), "TransactionConflict") && round < CONFLICTS =>
                {
                    tokio::time::sleep(pause(round)).await;
                }
                Err(error) => return Err(Unavailable::aws("writing to the table", &error)),
            }
        }
        unreachable!("the last round returns")
    }
}

/// How often a write that collided with a transaction is tried again.
const CONFLICTS: u32 = 6;

/// How long a write waits for the transaction it collided with: 10 ms growing to 320, spread.
fn pause(round: u32) -> Duration {
    Duration::from_millis(10 << round.min(5)).mul_f64(0.5 + crate::random::dice())
}

fn has_reason(error: &TransactWriteItemsError, code: &str) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return false;
    };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code))
}
