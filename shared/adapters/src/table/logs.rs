//! Logs of jobs: one item per batch of lines, on no index, so that a batch costs its own write only.
//!
//! | item | `pk` | `sk` | beside `doc` |
//! |---|---|---|---|
//! | batch of lines | `LOG#<job>` | `LINES#<stream>#<first number>` | `lines`, gzip |
//! | what a log has lost | `LOG#<job>` | `LOSS` | `version`, `conflicts` |
//! | lines of a job in a second | `RATE#<job>` | second | `requests`: slices that were drawn; no `doc` |
//!
//! The numbers of a stream sort as text, so that a part of a stream is one query. A batch that comes
//! again has the same key.

mod reading;

use std::io::{Read as _, Write as _};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{
    id::JobId,
    log::{BatchSize, LogBatch, LogLine, LogLoss, Seq, StreamName, pack, unpack},
    time::Timestamp,
};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

pub use self::reading::{LogPart, LogRange};
use super::{
    Item, Table, WriteOutcome,
    row::{self, Condition, Row, Write, n},
};
use crate::Unavailable;

const LINES: &str = "LINES#";
const LOSS: &str = "LOSS";
/// Most bytes that a batch unpacks to. One of ours has at most 500 lines in a body of 256 KB.
const MAX_UNPACKED: u64 = 4 * 1024 * 1024;

/// Outcome of keeping a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum BatchOutcome {
    /// The batch is kept.
    New,
    /// The batch was kept before.
    Known,
    /// Another batch has the place of this one, and stays.
    Conflict,
}

/// A batch without its lines.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct BatchHead {
    stream: StreamName,
    /// The keys of the first and of the last number.
    first: String,
    last: String,
    lines: u64,
    received_at: Timestamp,
    #[serde(default)]
    replaced: u32,
    fingerprint: String,
}

/// A batch that is kept, as far as it matters for dropping it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPlace {
    /// The stream.
    pub stream: StreamName,
    /// The number of the first line.
    pub first: Seq,
    /// The number of the last line.
    pub last: Seq,
    /// The time at which the batch came.
    pub received_at: Timestamp,
    /// The size.
    pub size: BatchSize,
}

fn partition(job: &JobId) -> String {
    format!("LOG#{job}")
}

/// The begin of a stream's keys. A name may hold the character that ends it.
fn stream_key(stream: &StreamName) -> String {
    let name = stream.as_str().replace('%', "%25").replace('#', "%23");
    format!("{LINES}{name}#")
}

fn batch_key(stream: &StreamName, first: &Seq) -> String {
    stream_key(stream) + &first.key()
}

impl Table {
    /// Batches that one call of [`Self::drop_lines`] removes: a transaction has 100 writes.
    pub const MAX_DROPPED: usize = 99;

    /// Keeps a batch of a job until a time, unless there is one in its place: the same, or another.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn keep_lines(
        &self,
        job: &JobId,
        batch: &LogBatch,
        until: Timestamp,
    ) -> Result<BatchOutcome, Unavailable> {
        let head = BatchHead {
            stream: batch.stream.clone(),
            first: batch.first.key(),
            last: batch.last().key(),
            lines: batch.lines.len() as u64,
            received_at: batch.received_at,
            replaced: batch.replaced,
            fingerprint: batch.fingerprint(),
        };
        let (pk, sk) = (partition(job), batch_key(&batch.stream, &batch.first));
        let lines = AttributeValue::B(Blob::new(packed(&batch.lines)));
        let row = Row::new(pk.clone(), sk.clone(), &head)
            .with("lines", lines)
            .expires(Some(until.secs()));
        if self.put(row, Some(Condition::absent())).await? == WriteOutcome::Done {
            return Ok(BatchOutcome::New);
        }
        let known: Option<BatchHead> = self.entity(&pk, &sk).await?;
        // One that went in between was of the same job; its sender tries again and finds the place free.
        let same = known.is_some_and(|known| known.fingerprint == head.fingerprint);
        Ok(if same { BatchOutcome::Known } else { BatchOutcome::Conflict })
    }

    /// Counts a batch that another one kept out.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn count_log_conflict(
        &self,
        job: &JobId,
        until: Timestamp,
    ) -> Result<(), Unavailable> {
        let count = "SET expires_at = :until ADD conflicts :one";
        let values = Condition::default().value(":one", n(1)).value(":until", n(until.secs()));
        self.update(&partition(job), LOSS, count, values).await.map(WriteOutcome::either_way)
    }

    /// Draws a slice of the lines that a job may log in a second; `Refused` if all are drawn.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn draw_lines(
        &self,
        job: &JobId,
        second: u64,
        most: u32,
    ) -> Result<WriteOutcome, Unavailable> {
        let condition = Condition::new("attribute_not_exists(requests) OR requests < :most")
            .value(":most", n(most))
            .value(":one", n(1))
            .value(":gone", n(second + 3600));
        let count = "SET expires_at = :gone ADD requests :one";
        self.update(&format!("RATE#{job}"), &second.to_string(), count, condition).await
    }

    /// What a job's log has lost.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn log_loss(&self, job: &JobId) -> Result<LogLoss, Unavailable> {
        let Some(item) = self.item(&partition(job), LOSS).await? else {
            return Ok(LogLoss::default());
        };
        // A conflict that was counted before anything was dropped leaves no document.
        let loss = item.contains_key("doc").then(|| row::document(&item)).transpose()?;
        let conflicts = row::number(&item, "conflicts").unwrap_or(0);
        Ok(LogLoss { conflicts, ..loss.unwrap_or_default() })
    }

    /// Every batch of a job's log without its lines, oldest first.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn log_places(&self, job: &JobId) -> Result<Vec<BatchPlace>, Unavailable> {
        let items = self.partition(&partition(job), LINES).await?;
        let mut places = row::readable(&items, place);
        places.sort_by(|one, other| {
            let key = |it: &BatchPlace| (it.received_at, it.stream.clone(), it.first.clone());
            key(one).cmp(&key(other))
        });
        Ok(places)
    }

    /// Removes batches and counts their lines, all or nothing, at most 99 of them; what is beyond is
    /// left for another call. Returns the loss as it is now, and `None` if somebody else removed one
    /// of the batches or changed the loss since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn drop_lines(
        &self,
        job: &JobId,
        loss: &LogLoss,
        gone: &[BatchPlace],
        until: Timestamp,
    ) -> Result<Option<LogLoss>, Unavailable> {
        let gone = &gone[..gone.len().min(Self::MAX_DROPPED)];
        let next = loss.with(gone.iter().map(|it| (&it.stream, &it.last, it.size)));
        let pk = partition(job);
        let as_read = match loss.version {
            0 => Condition::new("attribute_not_exists(version)"),
            read => Condition::new("version = :read").value(":read", n(read)),
        };
        let values = as_read
            .value(":doc", row::doc(&next))
            .value(":version", n(next.version))
            .value(":until", n(until.secs()));
        let set = "SET doc = :doc, version = :version, expires_at = :until";
        let mut writes = vec![Write::Update(pk.clone(), LOSS.to_owned(), set, values)];
        writes.extend(gone.iter().map(|it| {
            let there = Condition::new("attribute_exists(pk)");
            Write::Delete(pk.clone(), batch_key(&it.stream, &it.first), there)
        }));
        Ok((self.transact(writes).await? == WriteOutcome::Done).then_some(next))
    }
}

fn packed(lines: &[LogLine]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&pack(lines)).expect("memory takes any bytes");
    encoder.finish().expect("memory takes any bytes")
}

fn blob(item: &Item) -> Option<&[u8]> {
    item.get("lines")?.as_b().ok().map(AsRef::as_ref)
}

pub(super) fn from_item(item: &Item) -> Result<LogBatch, Unavailable> {
    let doing = "reading a batch of lines";
    let head: BatchHead = row::document(item)?;
    let broken = || Unavailable::new(doing, "it is not what this version writes");
    let first = Seq::parse_key(&head.first).ok_or_else(broken)?;
    let mut content = Vec::new();
    let unpacked = GzDecoder::new(blob(item).ok_or_else(broken)?).take(MAX_UNPACKED);
    { unpacked }.read_to_end(&mut content).map_err(|error| Unavailable::new(doing, error))?;
    let lines = unpack(&head.stream, &first, &content).ok_or_else(broken)?;
    Ok(LogBatch {
        stream: head.stream,
        first,
        lines,
        received_at: head.received_at,
        replaced: head.replaced,
    })
}

fn place(item: &Item) -> Result<BatchPlace, Unavailable> {
    let head: BatchHead = row::document(item)?;
    let broken = || Unavailable::new("reading a batch of lines", "its numbers are none");
    Ok(BatchPlace {
        first: Seq::parse_key(&head.first).ok_or_else(broken)?,
        last: Seq::parse_key(&head.last).ok_or_else(broken)?,
        stream: head.stream,
        received_at: head.received_at,
        size: BatchSize { lines: head.lines, bytes: blob(item).map_or(0, <[u8]>::len) as u64 },
    })
}
