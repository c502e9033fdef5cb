//! Reading a job's log in parts: the newest lines, and on from there.

use adapters::{
    Unavailable,
    table::{LogPart, LogRange},
};
use domain::{
    job::Job,
    log::{
        LogBatch, LogEntry, LogLoss, LogPosition, MAX_LINES, MAX_STREAMS, Seq, StreamName,
        StreamPart, StreamPosition, is_visible, timeline,
    },
};
use futures::future::try_join_all;

use super::Logs;

/// Bytes that the entries of a page may have as JSON: an answer of Lambda holds 6 MB.
const MAX_PAGE: usize = 4 * 1024 * 1024;
/// Bytes that an entry has beside its text.
const ENTRY: usize = 300;

/// A part of a log.
#[derive(Debug)]
pub struct LogPage {
    /// Lines, and notes of lines that are missing, in one order over all streams.
    pub entries: Vec<LogEntry>,
    /// The position behind the last of them.
    pub position: LogPosition,
    /// Whether there are more lines behind that position already.
    pub more: bool,
    /// The lines that are gone, over the whole log.
    pub loss: LogLoss,
}

/// A stream that is being read.
struct Reading {
    position: StreamPosition,
    batches: Vec<LogBatch>,
    /// Whether the stream has more lines than were read.
    more: bool,
}

impl Logs {
    /// The newest lines of a job's log, at most so many.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn newest(&self, job: &Job, lines: usize) -> Result<LogPage, Unavailable> {
        let loss = self.table.log_loss(&job.id).await?;
        let streams = self.table.log_streams(&job.id, MAX_STREAMS).await?;
        let ranges: Vec<_> = streams.iter().map(LogRange::of).collect();
        let parts = ranges.iter().map(|range| self.table.log_part(&job.id, range, true, lines));
        let parts = try_join_all(parts).await?;
        let readings = streams.into_iter().zip(parts).map(|(stream, part)| {
            let last = (!part.more).then(|| loss.before(&stream));
            let position = StreamPosition { stream, batch: None, last };
            Reading::of(job, position, part.batches, false)
        });
        let readings: Vec<_> = readings.collect();
        let mut entries = entries(&readings);
        let position = LogPosition(readings.iter().map(|it| it.behind(&entries)).collect());
        let mut room = MAX_PAGE;
        let fits = entries.iter().rev().take(lines).take_while(|entry| fits(entry, &mut room));
        let first = entries.len() - fits.count();
        entries.drain(..first);
        Ok(LogPage { entries, position, more: false, loss })
    }

    /// The lines of a job's log behind a position, oldest first, at most so many. `None` is the
    /// position before the first line that is kept.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn behind(
        &self,
        job: &Job,
        position: Option<LogPosition>,
        lines: usize,
    ) -> Result<LogPage, Unavailable> {
        let loss = self.table.log_loss(&job.id).await?;
        let position = match position {
            Some(position) => position,
            None => {
                let streams = self.table.log_streams(&job.id, MAX_STREAMS).await?;
                let begin = |stream: StreamName| {
                    let last = Some(loss.before(&stream));
                    StreamPosition { stream, batch: None, last }
                };
                LogPosition(streams.into_iter().map(begin).collect())
            }
        };
        let readings = self.read_on(job, position, &loss, lines).await?;
        let mut entries = entries(&readings);
        let all = entries.len();
        // Behind the last line that was read of a stream with more lines, other streams may be ahead.
        let ends = readings.iter().filter(|reading| reading.more);
        let ends = ends.filter_map(|it| {
            entries.iter().rposition(|entry| *entry.stream() == it.position.stream)
        });
        let end = ends.min().map_or(all, |last| last + 1).min(lines);
        let mut room = MAX_PAGE;
        let fits = entries[..end].iter().take_while(|entry| fits(entry, &mut room)).count();
        entries.truncate(fits.max(end.min(1)));
        // A note belongs to the line behind it.
        while 1 < entries.len() && matches!(entries.last(), Some(LogEntry::Missing { .. })) {
            entries.pop();
        }
        let more = entries.len() < all || readings.iter().any(|reading| reading.more);
        let position = LogPosition(readings.iter().map(|it| it.behind(&entries)).collect());
        Ok(LogPage { entries, position, more, loss })
    }

    /// The position behind the line with this number, in every stream that the log has.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn position_after(&self, job: &Job, seq: &Seq) -> Result<LogPosition, Unavailable> {
        let streams = self.table.log_streams(&job.id, MAX_STREAMS).await?;
        let positions = streams.iter().map(|stream| self.position_in(job, stream, seq));
        try_join_all(positions).await.map(LogPosition)
    }

    /// The position behind the line with this number in one stream.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn position_in(
        &self,
        job: &Job,
        stream: &StreamName,
        seq: &Seq,
    ) -> Result<StreamPosition, Unavailable> {
        let batch = self.table.log_batch_at(&job.id, stream, seq).await?;
        let batch = batch.map(|batch| batch.first);
        Ok(StreamPosition { stream: stream.clone(), batch, last: Some(seq.clone()) })
    }

    /// What lies behind the position of each stream, and streams that began since.
    async fn read_on(
        &self,
        job: &Job,
        position: LogPosition,
        loss: &LogLoss,
        lines: usize,
    ) -> Result<Vec<Reading>, Unavailable> {
        let LogPosition(mut known) = position;
        for it in &mut known {
            // Lines that went since then are counted as dropped, not as missing.
            it.last = it.last.take().map(|last| last.max(loss.before(&it.stream)));
        }
        known.sort_by(|one, other| LogRange::by_key(&one.stream, &other.stream));
        known.dedup_by(|one, other| one.stream == other.stream);
        let behind = |it: &StreamPosition| match &it.batch {
            Some(batch) => LogRange::from(&it.stream, batch),
            None => LogRange::of(&it.stream),
        };
        let mut ranges: Vec<_> = known.iter().map(behind).collect();
        let streams = ranges.len();
        if streams < MAX_STREAMS {
            let name = |at: usize| known.get(at).map(|it| &it.stream);
            let gap = |at: usize| LogRange::between(at.checked_sub(1).and_then(name), name(at));
            ranges.extend((0..=streams).map(gap));
        }
        // The batch at which reading goes on may have been read but for its last line.
        let wanted = lines + MAX_LINES;
        let parts = ranges.iter().map(|range| self.table.log_part(&job.id, range, false, wanted));
        let mut parts = try_join_all(parts).await?;
        let gaps = parts.split_off(streams);
        let known = known.into_iter().zip(parts);
        let mut readings: Vec<_> =
            known.map(|(it, part)| Reading::of(job, it, part.batches, part.more)).collect();
        for LogPart { batches, more } in gaps {
            let mut batches = batches.into_iter().peekable();
            while let Some(first) = batches.peek()
                && readings.len() < MAX_STREAMS
            {
                let stream = first.stream.clone();
                let mut own = Vec::new();
                while let Some(batch) = batches.next_if(|batch| batch.stream == stream) {
                    own.push(batch);
                }
                let last = Some(loss.before(&stream));
                let position = StreamPosition { stream, batch: None, last };
                let more = more && batches.peek().is_none();
                readings.push(Reading::of(job, position, own, more));
            }
        }
        Ok(readings)
    }
}

impl Reading {
    /// A stream with what was read of it. Batches that came too long before their job are passed over.
    fn of(job: &Job, mut position: StreamPosition, batches: Vec<LogBatch>, more: bool) -> Self {
        let mut shown = Vec::new();
        for batch in batches {
            if is_visible(batch.received_at, job.created_at) {
                shown.push(batch);
            } else if position.last.as_ref().is_none_or(|last| last < batch.last()) {
                position.last = Some(batch.last().clone());
                position.batch = Some(batch.first.clone());
            }
        }
        Self { position, batches: shown, more }
    }

    /// The position behind the last of these entries that is of this stream.
    fn behind(&self, entries: &[LogEntry]) -> StreamPosition {
        let stream = &self.position.stream;
        let own = |entry: &LogEntry| match entry {
            LogEntry::Line(line) if line.stream == *stream => Some(line.seq.clone()),
            _ => None,
        };
        let Some(last) = entries.iter().rev().find_map(own) else { return self.position.clone() };
        let firsts = self.batches.iter().map(|batch| &batch.first);
        let batch = firsts.filter(|first| **first <= last).max().cloned();
        StreamPosition { stream: stream.clone(), batch, last: Some(last) }
    }
}

fn entries(readings: &[Reading]) -> Vec<LogEntry> {
    let part = |reading: &Reading| StreamPart {
        stream: reading.position.stream.clone(),
        behind: reading.position.last.clone(),
        batches: reading.batches.clone(),
    };
    timeline(readings.iter().map(part).collect())
}

/// Takes the bytes that an entry has in an answer from what is left; whether they fit.
fn fits(entry: &LogEntry, room: &mut usize) -> bool {
    let text = match entry {
        LogEntry::Line(line) => line.message.as_str(),
        LogEntry::Missing { .. } => "",
    };
    // JSON writes a control character with six bytes, and a quote with two.
    let escaped = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    let size = ENTRY + text.bytes().map(escaped).sum::<usize>();
    match room.checked_sub(size) {
        Some(left) => {
            *room = left;
            true
        }
        None => false,
    }
}
