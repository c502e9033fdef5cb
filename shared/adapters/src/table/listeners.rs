//! Listeners: their names, the connection that hears each, and the deliveries that wait for one.
//!
//! The name of a listener lies with its application's endpoints. The connection lies with the topic, where
//! `live` may write. A waiting delivery is written in one transaction with its entry here, and the entry
//! goes when the delivery is claimed, so that whoever begins to listen finds all of them and no others.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, Select};
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    id::{ApplicationId, DeliveryId, EndpointId, EventId},
    listener::{Listener, Listening},
    live::topic::Topic,
    retry::Policy,
    time::Timestamp,
};

use super::{
    ClaimedDelivery, ConcludeOutcome, EventRecording, Item, Page, Table, WriteOutcome, conditional,
    connections::topic_partition,
    endpoints::{self, partition},
    row::{self, Condition, Row, Write, list_at, n, s},
};
use crate::Unavailable;

/// The item of a topic that names the connection which hears a listener.
const LISTENING: &str = "LISTENING";
/// The list of all listeners.
const LIST: &str = "LISTENERS";

/// A delivery that waits for its listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingDelivery {
    /// The event that is delivered.
    pub event: EventId,
    /// The delivery.
    pub delivery: DeliveryId,
}

fn key(application: &ApplicationId, name: &str) -> (String, String) {
    (partition(application), format!("LISTENER#{name}"))
}

fn waiting_partition(endpoint: &EndpointId) -> String {
    format!("WAIT#{endpoint}")
}

/// The entry of a waiting delivery. Entries sort by the time at which the delivery could first have been
/// attempted, which stays the same while it waits.
fn waiting_key(delivery: &Delivery) -> (String, String) {
    (waiting_partition(&delivery.endpoint), list_at(delivery.next_at, delivery.id.as_str()))
}

fn listener_row(listener: &Listener) -> Row {
    let (pk, sk) = key(&listener.application, &listener.name);
    let id = listener.endpoint.as_str();
    Row::new(pk, sk, listener)
        .with("version", n(listener.version))
        .due(id, Some(listener.ends_at()))
        .listed(LIST, listener.seen_at, id)
}

fn as_read(listener: &Listener) -> Condition {
    Condition::version(listener.version)
}

impl Table {
    /// The listener of this name.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn listener(
        &self,
        application: &ApplicationId,
        name: &str,
    ) -> Result<Option<Listener>, Unavailable> {
        let (pk, sk) = key(application, name);
        self.entity(&pk, &sk).await
    }

    /// The listeners of all applications, the last used first.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn listeners(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Listener>, Unavailable> {
        self.page(LIST, cursor, limit, false).await
    }

    /// The place of a listener in the list of all, for going on behind it.
    pub fn listener_cursor(listener: &Listener) -> String {
        list_at(listener.seen_at, listener.endpoint.as_str())
    }

    /// Writes a new endpoint and the listener that it stands for, over the listener that was read if its
    /// endpoint is gone; `Refused` if another request was faster, or the application has no room for the
    /// endpoint.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn create_listener(
        &self,
        listener: &Listener,
        endpoint: &Endpoint,
        read: Option<&Listener>,
        telling: &[EventRecording<'_>],
    ) -> Result<WriteOutcome, Unavailable> {
        let unchanged = read.map_or_else(Condition::absent, as_read);
        let mut writes = vec![Write::Put(listener_row(listener), unchanged)];
        writes.extend(endpoints::create_writes(endpoint));
        writes.extend(telling.iter().flat_map(|recording| self.recording_writes(recording)));
        self.transact(writes).await
    }

    /// Writes that a listener was used; `Refused` if another request did so since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn see_listener(
        &self,
        read: &Listener,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        self.put(listener_row(&read.seen(now)), Some(as_read(read))).await
    }

    /// Removes a listener and its endpoint as they were read, together with the operational events about
    /// that; `Refused` if either was changed since. Deliveries that wait for the endpoint end as cancelled
    /// when they are next rung for.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn delete_listener(
        &self,
        listener: &Listener,
        endpoint: Option<&Endpoint>,
        telling: &[EventRecording<'_>],
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(&listener.application, &listener.name);
        let mut writes = vec![Write::Delete(pk, sk, as_read(listener))];
        if let Some(endpoint) = endpoint {
            writes.extend(self.endpoint_removal(endpoint, now));
        }
        writes.extend(telling.iter().flat_map(|recording| self.recording_writes(recording)));
        self.transact(writes).await
    }

    /// The connection that hears a listener. It may have ended.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn listening(&self, topic: &Topic) -> Result<Option<Listening>, Unavailable> {
        self.entity(&topic_partition(&topic.key()), LISTENING).await
    }

    /// Has a connection hear a listener from now on, in place of the one that is returned.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn listen(
        &self,
        topic: &Topic,
        listening: &Listening,
    ) -> Result<Option<Listening>, Unavailable> {
        let row = Row::new(topic_partition(&topic.key()), LISTENING, listening)
            .with("connection", s(&listening.connection))
            .expires(Some(listening.until.secs()));
        let before = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(row.into_item()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| Unavailable::aws("beginning to listen", &error))?;
        let before = before.attributes.filter(|item| !item.is_empty());
        // One that cannot be read is replaced all the same.
        Ok(before.and_then(|item| row::document(&item).ok()))
    }

    /// Ends that a connection hears the listener of this topic, unless another connection does by now.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn stop_listening(
        &self,
        topic_key: &str,
        connection: &str,
    ) -> Result<(), Unavailable> {
        let stopped = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("pk", s(topic_partition(topic_key)))
            .key("sk", s(LISTENING))
            .condition_expression("#connection = :connection")
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_values(":connection", s(connection))
            .send()
            .await;
        conditional("ending to listen", stopped).map(WriteOutcome::either_way)
    }

    /// Lets a claimed delivery wait for somebody to listen; `Stale` if another worker has claimed it since.
    /// Its `next_at` stays in the past, so that the first bell is enough.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn let_wait(
        &self,
        claimed: &ClaimedDelivery,
        policy: &Policy,
        due: Timestamp,
    ) -> Result<ConcludeOutcome, Unavailable> {
        let mut delivery = claimed.delivery.clone();
        delivery.waits = true;
        let row = self.delivery_row(&delivery, Delivery::lease(policy), Some(due));
        let (pk, sk) = waiting_key(&delivery);
        let entry = Row::new(pk, sk, &(&delivery.event, &delivery.id));
        let entry = entry.expires(Some(self.expiry(delivery.next_at.max(delivery.created_at))));
        let writes = vec![Write::Put(row, claimed.ours()), Write::Put(entry, Condition::default())];
        Ok(match self.transact(writes).await? {
            WriteOutcome::Done => ConcludeOutcome::Done,
            WriteOutcome::Refused => ConcludeOutcome::Stale,
        })
    }

    /// Removes the entry of a delivery that waited and is claimed now. The delivery is due when its claim
    /// ends, so that it is not lost if the process dies after this.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn waits_no_more(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        let (pk, sk) = waiting_key(delivery);
        self.delete(&pk, &sk).await.map(WriteOutcome::either_way)
    }

    /// The first `limit` deliveries that wait for a listener since `after` or later, and whether there are
    /// more.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn waiting(
        &self,
        endpoint: &EndpointId,
        after: Timestamp,
        limit: usize,
    ) -> Result<(Vec<WaitingDelivery>, bool), Unavailable> {
        let found = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk >= :after")
            .expression_attribute_values(":pk", s(waiting_partition(endpoint)))
            .expression_attribute_values(":after", s(format!("{:013}", after.0)))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading what waits", &error))?;
        let read = |item: &Item| {
            let (event, delivery) = row::document(item)?;
            Ok(WaitingDelivery { event, delivery })
        };
        let waiting = row::readable(&found.items.unwrap_or_default(), read);
        Ok((waiting, found.last_evaluated_key.is_some_and(|key| !key.is_empty())))
    }

    /// The number of deliveries that wait for a listener, `most` at the most.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn count_waiting(
        &self,
        endpoint: &EndpointId,
        most: usize,
    ) -> Result<usize, Unavailable> {
        let counted = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(waiting_partition(endpoint)))
            .select(Select::Count)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| Unavailable::aws("counting what waits", &error))?;
        Ok(usize::try_from(counted.count).unwrap_or(0))
    }
}
