//! Parts of a job's log, each one query.

use std::cmp::Ordering;

use domain::{
    id::JobId,
    log::{LogBatch, Seq, StreamName},
};

use super::{BatchHead, LINES, batch_key, from_item, partition, stream_key};
use crate::{
    Unavailable,
    table::{
        Table,
        row::{self, Item, s},
    },
};

/// Above every character of a key. Names of streams do not hold it: it is no character that is
/// assigned.
const END: char = '\u{10ffff}';
/// Batches that one query reads: a page of DynamoDB has 1 MB, and most batches some kilobytes.
const PAGE: i32 = 40;
/// Bytes of text after which a part ends: an answer of Lambda holds 6 MB.
const MAX_TEXT: usize = 3 * 1024 * 1024;

/// The part of a log that is read: batches whose keys are from `from` on and not beyond `until`.
#[derive(Clone, Debug)]
pub struct LogRange {
    from: String,
    until: String,
}

impl LogRange {
    /// A whole stream.
    pub fn of(stream: &StreamName) -> Self {
        Self { from: stream_key(stream), until: end(stream) }
    }

    /// A stream from the batch on that begins with this number.
    pub fn from(stream: &StreamName, first: &Seq) -> Self {
        Self { from: batch_key(stream, first), until: end(stream) }
    }

    /// A stream up to the batch that begins with this number, or with the last one before it.
    pub fn up_to(stream: &StreamName, seq: &Seq) -> Self {
        Self { from: stream_key(stream), until: batch_key(stream, seq) }
    }

    /// A stream from the batch on that begins with one number, to the last that begins at or before
    /// another.
    pub fn within(stream: &StreamName, first: &Seq, last: &Seq) -> Self {
        Self { from: batch_key(stream, first), until: batch_key(stream, last) }
    }

    /// Every stream between two in the order of [`by_key`](Self::by_key); `None` stands for the
    /// beginning or the end of the log.
    pub fn between(before: Option<&StreamName>, behind: Option<&StreamName>) -> Self {
        let from = before.map_or(LINES.to_owned(), end);
        let until = behind.map_or(format!("{LINES}{END}"), stream_key);
        Self { from, until }
    }

    /// The order of streams in a log.
    pub fn by_key(one: &StreamName, other: &StreamName) -> Ordering {
        stream_key(one).cmp(&stream_key(other))
    }
}

fn end(stream: &StreamName) -> String {
    let mut end = stream_key(stream);
    end.push(END);
    end
}

/// Batches of one part of a log.
#[derive(Debug, Default)]
pub struct LogPart {
    /// The batches, in the order that was asked for.
    pub batches: Vec<LogBatch>,
    /// Whether there are more.
    pub more: bool,
}

impl Table {
    /// The streams of a job's log in the order of their keys, at most so many: one read of one item
    /// for each, and one more.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn log_streams(
        &self,
        job: &JobId,
        most: usize,
    ) -> Result<Vec<StreamName>, Unavailable> {
        let mut streams: Vec<StreamName> = Vec::new();
        while streams.len() < most {
            let range = LogRange::between(streams.last(), None);
            let (items, _) = self.log_items(job, &range, false, 1, None).await?;
            let Some(item) = items.first() else { break };
            streams.push(row::document::<BatchHead>(item)?.stream);
        }
        Ok(streams)
    }

    /// The batch of a stream that begins with this number, or else the last one before it: one read of
    /// one item. `None` too if that batch cannot be read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn log_batch_at(
        &self,
        job: &JobId,
        stream: &StreamName,
        seq: &Seq,
    ) -> Result<Option<LogBatch>, Unavailable> {
        let range = LogRange::up_to(stream, seq);
        let (items, _) = self.log_items(job, &range, true, 1, None).await?;
        Ok(row::readable(&items, from_item).into_iter().next())
    }

    /// Batches of a part of a job's log, oldest or newest first, until they hold so many lines or
    /// 3 MB of text.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn log_part(
        &self,
        job: &JobId,
        range: &LogRange,
        newest_first: bool,
        lines: usize,
    ) -> Result<LogPart, Unavailable> {
        let mut part = LogPart::default();
        let (mut found, mut bytes, mut next) = (0, 0, None);
        loop {
            let (items, last) = self.log_items(job, range, newest_first, PAGE, next).await?;
            for batch in row::readable(&items, from_item) {
                if lines <= found || MAX_TEXT <= bytes {
                    part.more = true;
                    return Ok(part);
                }
                found += batch.lines.len();
                bytes += batch.lines.iter().map(|line| line.message.len()).sum::<usize>();
                part.batches.push(batch);
            }
            next = last;
            if next.is_none() {
                return Ok(part);
            }
        }
    }

    /// Items of a part of a log, and where the next ones begin if there are more.
    async fn log_items(
        &self,
        job: &JobId,
        range: &LogRange,
        newest_first: bool,
        limit: i32,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :until")
            .expression_attribute_values(":pk", s(partition(job)))
            .expression_attribute_values(":from", s(&range.from))
            .expression_attribute_values(":until", s(&range.until))
            .set_exclusive_start_key(start)
            .scan_index_forward(!newest_first)
            .consistent_read(true)
            .limit(limit)
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading a log", &error))?;
        Ok((query.items.unwrap_or_default(), query.last_evaluated_key))
    }
}
