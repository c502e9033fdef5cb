//! Batches, and the markers that their jobs leave to be counted.

use std::{fmt, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    batch::{Batch, BatchMarker},
    delivery::GRACE,
    endpoint::{Endpoint, EndpointScope},
    id::{self, ApplicationId, BatchId, JobId},
    time::Timestamp,
};

use super::{
    Page, Table, WriteOutcome, endpoints,
    row::{self, Condition, Row, Write, list_at, n, s},
};
use crate::Unavailable;

const BATCHES: &str = "BATCHES";
/// How many partitions the markers of one batch are spread over: a partition takes a thousand write
/// units per second, and a marker in a transaction costs two.
const SHARDS: u32 = 4;
/// Most markers of a partition that are counted in one step: a transaction holds 100 items, the
/// batch among them.
const AT_ONCE: i32 = 24;
/// Where the markers of a partition stand.
const NEW: &str = "NEW#";
/// Where its ended jobs stand.
const ENDED: &str = "END#";

/// A marker that was read.
#[derive(Debug)]
pub struct StoredMarker {
    /// What it says.
    pub marker: BatchMarker,
    key: (String, String),
}

/// A job that has ended in its batch, and where it stands among those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedJob {
    shard: u32,
    /// The job.
    pub job: JobId,
}

impl fmt::Display for EndedJob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.shard, self.job)
    }
}

impl FromStr for EndedJob {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (shard, job) = text.split_once('.').ok_or(())?;
        let shard = shard.parse().ok().filter(|shard| *shard < SHARDS).ok_or(())?;
        Ok(Self { shard, job: JobId::parse(job).map_err(drop)? })
    }
}

fn key(id: &BatchId) -> (String, String) {
    (format!("BATCH#{id}"), "BATCH".to_owned())
}

/// The batch that a marker's partition belongs to.
pub(super) fn batch_of(pk: &str) -> Option<BatchId> {
    let (id, _) = pk.strip_prefix("BATCH#")?.split_once('#')?;
    BatchId::parse(id).ok()
}

fn shard_partition(batch: &BatchId, shard: u32) -> String {
    format!("BATCH#{batch}#{shard}")
}

impl Table {
    /// The writes that leave a marker, and an ended job among those whose results are the batch's.
    /// A marker is due, so that a bell that is lost costs time only.
    pub(super) fn marker_writes(&self, marker: &BatchMarker, now: Timestamp) -> Vec<Write> {
        let job = marker.job.as_str();
        let shard = u32::from_str_radix(&id::digest(&[job])[..2], 16).unwrap_or(0) % SHARDS;
        let partition = shard_partition(&marker.batch, shard);
        let kind = if marker.ended.is_some() { "ended" } else { "joined" };
        let new = Row::new(partition.clone(), format!("{NEW}{job}#{kind}"), marker)
            .due(job, Some(now.plus(GRACE)));
        let mut writes = vec![Write::Put(new, Condition::absent())];
        if marker.ended.is_some() {
            let ended = Row::new(partition, format!("{ENDED}{job}"), &marker.job);
            let ended = ended.expires(Some(self.expiry(now)));
            writes.push(Write::Put(ended, Condition::default()));
        }
        writes
    }

    fn batch_write(&self, batch: &Batch) -> Write {
        let (pk, sk) = key(&batch.id);
        let due = batch.is_busy().then(|| batch.updated_at.plus(GRACE));
        let row = Row::new(pk, sk, batch)
            .with("version", n(batch.version))
            .due(batch.id.as_str(), due)
            .listed(BATCHES, batch.created_at, batch.id.as_str())
            .expires(Some(self.expiry(batch.updated_at)));
        Write::Put(row, Condition::version(batch.version - 1))
    }

    /// Keeps a batch as it follows from the one that was read, with the endpoint that hears of it;
    /// `Refused` if either changed since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_batch(
        &self,
        batch: &Batch,
        endpoint: Option<&Endpoint>,
    ) -> Result<WriteOutcome, Unavailable> {
        let mut writes = vec![self.batch_write(batch)];
        writes.extend(endpoint.map(|endpoint| self.scoped_endpoint(endpoint, batch.updated_at)));
        self.transact(writes).await
    }

    /// Keeps a batch and takes away the markers that it now counts, all or nothing: a marker is
    /// counted once, whoever counts and however often.
    ///
    /// # Errors
    /// Fails if DynamoDB does. A marker that is gone or a batch that has changed is no error but `Refused`.
    pub async fn count_markers(
        &self,
        batch: &Batch,
        marked: &[StoredMarker],
    ) -> Result<WriteOutcome, Unavailable> {
        let there = || Condition::new("attribute_exists(pk)");
        let taken = marked.iter().map(|marked| {
            let (pk, sk) = marked.key.clone();
            Write::Delete(pk, sk, there())
        });
        self.transact(taken.chain([self.batch_write(batch)]).collect()).await
    }

    /// Markers that are to be counted, as the last writes left them, as many as one step takes.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or a marker is not what this version writes.
    pub async fn markers(&self, batch: &BatchId) -> Result<Vec<StoredMarker>, Unavailable> {
        let shard = |shard| self.markers_in(shard_partition(batch, shard));
        let (a, b, c, d) = tokio::try_join!(shard(0), shard(1), shard(2), shard(3))?;
        Ok([a, b, c, d].into_iter().flatten().collect())
    }

    async fn markers_in(&self, partition: String) -> Result<Vec<StoredMarker>, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :new)")
            .expression_attribute_values(":pk", s(partition))
            .expression_attribute_values(":new", s(NEW))
            .consistent_read(true)
            .limit(AT_ONCE)
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading what is to be counted", &error))?;
        let text = |item: &super::Item, name| match item.get(name) {
            Some(AttributeValue::S(text)) => text.clone(),
            _ => String::new(),
        };
        let marked = |item: &super::Item| {
            let key = (text(item, "pk"), text(item, "sk"));
            Ok(StoredMarker { marker: row::document(item)?, key })
        };
        query.items.unwrap_or_default().iter().map(marked).collect()
    }

    /// The batch of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn batch(&self, id: &BatchId) -> Result<Option<Batch>, Unavailable> {
        let (pk, sk) = key(id);
        self.entity(&pk, &sk).await
    }

    /// Several batches at once, in no order; those that are not there are left out.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<Batch>, Unavailable> {
        self.items(ids.iter().map(key).collect()).await?.iter().map(row::document).collect()
    }

    /// The jobs of a batch that have ended, in an order that stays, from behind `cursor`.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn ended_jobs(
        &self,
        batch: &BatchId,
        cursor: Option<&EndedJob>,
        limit: usize,
    ) -> Result<Page<EndedJob>, Unavailable> {
        let (mut shard, mut behind) = match cursor {
            Some(EndedJob { shard, job }) => (*shard, Some(format!("{ENDED}{job}"))),
            None => (0, None),
        };
        let mut found: Vec<EndedJob> = Vec::new();
        while shard < SHARDS {
            let query = self
                .client
                .query()
                .table_name(&self.name)
                // `$` follows `#`: everything that begins with `END#`.
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", s(shard_partition(batch, shard)))
                .expression_attribute_values(":from", s(behind.as_deref().unwrap_or(ENDED)))
                .expression_attribute_values(":to", s("END$"))
                .consistent_read(true)
                .limit(i32::try_from(limit + 2 - found.len()).unwrap_or(i32::MAX))
                .send()
                .await
                .map_err(|error| Unavailable::aws("reading the jobs of a batch", &error))?;
            for item in query.items.unwrap_or_default() {
                if row::text(&item, "sk") != behind.as_deref() {
                    found.push(EndedJob { shard, job: row::document(&item)? });
                }
            }
            if limit < found.len() {
                found.truncate(limit);
                let next = found.last().map(ToString::to_string);
                return Ok(Page { items: found, next });
            }
            behind = match query.last_evaluated_key {
                Some(key) => row::text(&key, "sk").map(str::to_owned),
                None => {
                    shard += 1;
                    None
                }
            };
        }
        Ok(Page { items: found, next: None })
    }

    /// What senders call the batch that is meant: our own id stands for it, but in its application
    /// alone. What is no such id is a sender's.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the batch is not what this version writes.
    pub async fn batch_name(
        &self,
        application: &ApplicationId,
        name: String,
    ) -> Result<String, Unavailable> {
        let Ok(id) = BatchId::parse(&name) else { return Ok(name) };
        let known = self.batch(&id).await?;
        let theirs = |batch: &Batch| batch.application == *application;
        Ok(known.filter(theirs).map_or(name, |batch| batch.external_id))
    }

    /// The endpoints that hear of a batch alone.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an endpoint is not what this version writes.
    pub async fn webhooks_of_batch(&self, batch: &Batch) -> Result<Vec<Endpoint>, Unavailable> {
        let scope = EndpointScope::Batch(batch.id.clone());
        let keys = batch.webhooks.iter().map(|id| endpoints::key(&batch.application, &scope, id));
        self.items(keys.collect()).await?.iter().map(row::document).collect()
    }

    /// Batches, newest first.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn batches(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Batch>, Unavailable> {
        self.page(BATCHES, cursor, limit, false).await
    }

    /// Where a batch stands in the list, for going on behind it.
    pub fn batch_cursor(batch: &Batch) -> String {
        list_at(batch.created_at, batch.id.as_str())
    }
}
