//! Batches, and the markers that their jobs leave to be counted.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    batch::{Batch, Marker},
    delivery::GRACE,
    endpoint::{Endpoint, Scope},
    id::{self, ApplicationId, BatchId},
    time::Timestamp,
};

use super::{
    Page, Table, Written, endpoints,
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

/// A marker that was read.
#[derive(Debug)]
pub struct Marked {
    /// What it says.
    pub marker: Marker,
    key: (String, String),
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
    /// The write that leaves a marker. It is due, so that a bell that is lost costs time only.
    pub(super) fn marker_write(&self, marker: &Marker, now: Timestamp) -> Write {
        let job = marker.job.as_str();
        let shard = u32::from_str_radix(&id::digest(&[job])[..2], 16).unwrap_or(0) % SHARDS;
        let kind = if marker.ended.is_some() { "ended" } else { "joined" };
        let row =
            Row::new(shard_partition(&marker.batch, shard), format!("NEW#{job}#{kind}"), marker)
                .due(job, Some(now.plus(GRACE)));
        Write::Put(row, Condition::absent())
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
    pub async fn put_batch(
        &self,
        batch: &Batch,
        endpoint: Option<&Endpoint>,
    ) -> Result<Written, Unavailable> {
        let mut writes = vec![self.batch_write(batch)];
        writes.extend(endpoint.map(|endpoint| self.scoped_endpoint(endpoint, batch.updated_at)));
        self.transact(writes).await
    }

    /// Keeps a batch and takes away the markers that it now counts, all or nothing: a marker is
    /// counted once, whoever counts and however often.
    pub async fn count_markers(
        &self,
        batch: &Batch,
        marked: &[Marked],
    ) -> Result<Written, Unavailable> {
        let there = || Condition::new("attribute_exists(pk)");
        let taken = marked.iter().map(|marked| {
            let (pk, sk) = marked.key.clone();
            Write::Delete(pk, sk, there())
        });
        self.transact(taken.chain([self.batch_write(batch)]).collect()).await
    }

    /// Markers that are to be counted, as the last writes left them, as many as one step takes.
    pub async fn markers(&self, batch: &BatchId) -> Result<Vec<Marked>, Unavailable> {
        let shard = |shard| self.markers_in(shard_partition(batch, shard));
        let (a, b, c, d) = tokio::try_join!(shard(0), shard(1), shard(2), shard(3))?;
        Ok([a, b, c, d].into_iter().flatten().collect())
    }

    async fn markers_in(&self, partition: String) -> Result<Vec<Marked>, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(partition))
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
            Ok(Marked { marker: row::document(item)?, key })
        };
        query.items.unwrap_or_default().iter().map(marked).collect()
    }

    /// The batch of this id.
    pub async fn batch(&self, id: &BatchId) -> Result<Option<Batch>, Unavailable> {
        let (pk, sk) = key(id);
        self.entity(&pk, &sk).await
    }

    /// The endpoints that hear of a batch alone.
    pub async fn webhooks_of_batch(&self, batch: &Batch) -> Result<Vec<Endpoint>, Unavailable> {
        let scope = Scope::Batch(batch.id.clone());
        let application = ApplicationId::named(&batch.application);
        let keys = batch.webhooks.iter().map(|id| endpoints::key(&application, &scope, id));
        self.items(keys.collect()).await?.iter().map(row::document).collect()
    }

    /// Batches, newest first.
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
