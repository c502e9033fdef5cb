//! Live connections, and the topics that they hear. A subscription lies with its topic, where the
//! worker finds all subscribers in one query; the connection holds the names of its topics, so that
//! nothing of it stays when it ends.
//!
//! No item is on an index. All of them expire, because a connection may end without a word.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, ReturnValue, WriteRequest};
use domain::{
    live::{
        connection::{self, LiveConnection},
        protocol::Protocol,
        subscription::LiveSubscription,
        topic::Topic,
    },
    log::{Seq, StreamName},
    time::Timestamp,
};

use super::{
    Item, Table, WriteOutcome, conditional,
    row::{self, Condition, Row, n, s},
};
use crate::{Unavailable, contested, random};

const CONNECTION: &str = "CONN";
/// The item of a topic that says how far its lines were told.
const TOLD: &str = "TOLD";
/// The partition of connections that have to be kept awake.
const AWAKE: &str = "AWAKE";
/// Writes of one batch: DynamoDB's most.
const BATCH: usize = 25;
/// Rounds of a batch whose writes DynamoDB leaves undone because of its load.
const MAX_ROUNDS: u32 = 6;

/// A connection with what changes about it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredConnection {
    /// The connection, as it was accepted.
    pub connection: LiveConnection,
    /// Whether a client of Socket.IO has entered the namespace.
    pub entered: bool,
    /// The keys of the topics that the connection hears.
    pub topics: HashSet<String>,
}

/// Those who hear a topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredAudience {
    /// What each of them hears.
    pub subscriptions: Vec<LiveSubscription>,
    /// The number of the last line that was told, by stream, of a topic of a job.
    pub told: BTreeMap<StreamName, Seq>,
}

/// The outcome of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SubscribeOutcome {
    /// The connection hears the topic from now on.
    Started,
    /// The connection heard the topic before.
    AlreadyActive,
    /// The connection hears as many topics as it may.
    TooMany,
    /// The connection has ended.
    Gone,
}

fn partition(connection: &str) -> String {
    format!("CONN#{connection}")
}

pub(super) fn topic_partition(topic: &str) -> String {
    format!("TOPIC#{topic}")
}

fn subscription_key(topic: &str, connection: &str) -> (String, String) {
    (topic_partition(topic), format!("CONN#{connection}"))
}

fn key_of((pk, sk): (String, String)) -> Item {
    Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

fn expiry(now: Timestamp, kept: Duration) -> u64 {
    now.plus(kept).secs()
}

impl Table {
    /// Writes a new connection; `Refused` if its id is taken.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn open_connection(
        &self,
        connection: &LiveConnection,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = Row::new(partition(&connection.id), CONNECTION, connection)
            .expires(Some(expiry(connection.opened_at, connection::KEPT)));
        self.put(row, Some(Condition::absent())).await
    }

    /// A connection; `None` if it has ended.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn connection(&self, id: &str) -> Result<Option<StoredConnection>, Unavailable> {
        let item = self.item(&partition(id), CONNECTION).await?;
        item.map(|item| stored(&item)).transpose()
    }

    /// Several connections, in no order; those that have ended are left out.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn connections(
        &self,
        ids: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<StoredConnection>, Unavailable> {
        let keys = ids.into_iter().map(|id| (partition(id), CONNECTION.to_owned())).collect();
        Ok(row::readable(&self.items(keys).await?, stored))
    }

    /// Marks that a client of Socket.IO has entered the namespace, and that it is to be kept awake;
    /// `Refused` if it had entered before, or the connection has ended.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn enter(&self, id: &str, now: Timestamp) -> Result<WriteOutcome, Unavailable> {
        self.keep_awake(id, now).await?;
        let new = Condition::new("attribute_exists(pk) AND attribute_not_exists(entered)");
        let new = new.value(":true", AttributeValue::Bool(true));
        self.update(&partition(id), CONNECTION, "SET entered = :true", new).await
    }

    /// Lets a connection hear a topic, among `most` at the most.
    ///
    /// The connection is written first. If the process dies in between, the client was not answered
    /// and asks again; what ends the connection removes an item that is not there.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn subscribe(
        &self,
        topic: &Topic,
        subscription: &LiveSubscription,
        most: usize,
        now: Timestamp,
    ) -> Result<SubscribeOutcome, Unavailable> {
        let (id, topic) = (&subscription.connection, topic.key());
        let few = "attribute_exists(pk) AND (attribute_not_exists(topics) OR size(topics) < :most \
                   OR contains(topics, :topic))";
        let written = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key_of((partition(id), CONNECTION.to_owned()))))
            .update_expression("ADD topics :topics")
            .condition_expression(few)
            .expression_attribute_values(":topics", AttributeValue::Ss(vec![topic.clone()]))
            .expression_attribute_values(":topic", s(&topic))
            .expression_attribute_values(":most", n(most))
            .return_values(ReturnValue::UpdatedOld)
            .send()
            .await;
        let before = match written {
            Ok(written) => written.attributes.unwrap_or_default(),
            Err(error) => {
                return match conditional("subscribing to a topic", Err::<(), _>(error))? {
                    _ if self.connection(id).await?.is_none() => Ok(SubscribeOutcome::Gone),
                    WriteOutcome::Done | WriteOutcome::Refused => Ok(SubscribeOutcome::TooMany),
                };
            }
        };
        let (pk, sk) = subscription_key(&topic, id);
        let row = Row::new(pk, sk, subscription).expires(Some(expiry(now, connection::KEPT)));
        // One that is there may say already what its client was sent.
        self.put(row, Some(Condition::absent())).await?.either_way();
        Ok(match topics(&before).contains(&topic) {
            true => SubscribeOutcome::AlreadyActive,
            false => SubscribeOutcome::Started,
        })
    }

    /// A subscription; `None` if the connection does not hear the topic.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn subscription(
        &self,
        topic: &Topic,
        id: &str,
    ) -> Result<Option<LiveSubscription>, Unavailable> {
        let (pk, sk) = subscription_key(&topic.key(), id);
        self.entity(&pk, &sk).await
    }

    /// Writes what a client was sent when it subscribed; `Refused` if it hears the topic no more.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn caught_up(
        &self,
        topic: &Topic,
        subscription: &LiveSubscription,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = subscription_key(&topic.key(), &subscription.connection);
        let row = Row::new(pk, sk, subscription).expires(Some(expiry(now, connection::KEPT)));
        self.put(row, Some(Condition::new("attribute_exists(pk)"))).await
    }

    /// Lets a connection hear a topic no more.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn unsubscribe(&self, topic: &Topic, id: &str) -> Result<(), Unavailable> {
        let topic = topic.key();
        let (pk, sk) = subscription_key(&topic, id);
        self.delete(&pk, &sk).await?.either_way();
        let there = Condition::new("attribute_exists(pk)")
            .value(":topics", AttributeValue::Ss(vec![topic]));
        let outcome =
            self.update(&partition(id), CONNECTION, "DELETE topics :topics", there).await?;
        outcome.either_way();
        Ok(())
    }

    /// Everybody who hears a topic, and how far its lines were told: one query.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn audience(&self, topic: &Topic) -> Result<StoredAudience, Unavailable> {
        let items = self.partition(&topic_partition(&topic.key()), "").await?;
        let is_told = |item: &&Item| row::text(item, "sk") == Some(TOLD);
        let told = items.iter().find(is_told).map(row::document).transpose()?;
        let subscriptions: Vec<Item> =
            items.iter().filter(|item| is_subscription(item)).cloned().collect();
        Ok(StoredAudience {
            subscriptions: row::readable(&subscriptions, row::document),
            told: told.unwrap_or_default(),
        })
    }

    /// Writes how far the lines of a topic were told: the number of the last line of each stream.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_told(
        &self,
        topic: &Topic,
        told: &BTreeMap<StreamName, Seq>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let row = Row::new(topic_partition(&topic.key()), TOLD, told);
        let row = row.expires(Some(expiry(now, connection::KEPT)));
        self.put(row, None).await.map(WriteOutcome::either_way)
    }

    /// Removes a connection and its subscriptions. Doing it again changes nothing.
    ///
    /// # Errors
    /// Fails if DynamoDB does; what is left expires.
    pub async fn close_connection(&self, id: &str) -> Result<(), Unavailable> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key_of((partition(id), CONNECTION.to_owned()))))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| Unavailable::aws("closing a connection", &error))?;
        let Some(item) = removed.attributes else {
            // A client that entered while its connection ended may have left this.
            return self.remove(vec![(AWAKE.to_owned(), id.to_owned())]).await;
        };
        for topic in topics(&item).iter().filter(|topic| topic.starts_with("listener:")) {
            self.stop_listening(topic, id).await?;
        }
        let mut keys: Vec<_> =
            topics(&item).iter().map(|topic| subscription_key(topic, id)).collect();
        let speaks = stored(&item).map(|stored| stored.connection.protocol);
        if !matches!(speaks, Ok(Protocol::Json)) {
            keys.push((AWAKE.to_owned(), id.to_owned()));
        }
        self.remove(keys).await
    }

    /// Notes that a connection of Socket.IO has had traffic. Its clients send nothing by themselves, and
    /// API Gateway closes what is silent for ten minutes.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn keep_awake(&self, id: &str, now: Timestamp) -> Result<(), Unavailable> {
        let row = Row::new(AWAKE, id, &now).expires(Some(expiry(now, connection::KEPT)));
        self.put(row, None).await.map(WriteOutcome::either_way)
    }

    /// The connections that have to be kept awake, each with the time of its last traffic.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn awake(&self) -> Result<BTreeMap<String, Timestamp>, Unavailable> {
        let read = |item: &Item| {
            let id = row::text(item, "sk").unwrap_or_default().to_owned();
            Ok((id, row::document(item)?))
        };
        Ok(row::readable(&self.partition(AWAKE, "").await?, read).into_iter().collect())
    }

    /// Removes items, 25 in a call, whether they are there or not.
    async fn remove(&self, keys: Vec<(String, String)>) -> Result<(), Unavailable> {
        let doing = "removing items";
        for chunk in keys.chunks(BATCH) {
            let request = |key: &(String, String)| {
                let delete = DeleteRequest::builder().set_key(Some(key_of(key.clone())));
                let delete = delete.build().expect("the key is set");
                WriteRequest::builder().delete_request(delete).build()
            };
            let mut rest: Vec<_> = chunk.iter().map(request).collect();
            let mut rounds = 0;
            while !rest.is_empty() {
                if rounds == MAX_ROUNDS {
                    return Err(Unavailable::new(doing, "the table keeps leaving items undone"));
                }
                if rounds != 0 {
                    tokio::time::sleep(contested::pause(rounds - 1, random::dice())).await;
                }
                rounds += 1;
                let write = self.client.batch_write_item().request_items(&self.name, rest);
                let written =
                    write.send().await.map_err(|error| Unavailable::aws(doing, &error))?;
                let undone = written.unprocessed_items.unwrap_or_default();
                rest = undone.into_values().flatten().collect();
            }
        }
        Ok(())
    }
}

fn is_subscription(item: &Item) -> bool {
    row::text(item, "sk").is_some_and(|sk| sk.starts_with("CONN#"))
}

fn topics(item: &Item) -> HashSet<String> {
    let topics = item.get("topics").and_then(|topics| topics.as_ss().ok());
    topics.into_iter().flatten().cloned().collect()
}

fn stored(item: &Item) -> Result<StoredConnection, Unavailable> {
    Ok(StoredConnection {
        connection: row::document(item)?,
        entered: item.contains_key("entered"),
        topics: topics(item),
    })
}

#[cfg(test)]
mod tests;
