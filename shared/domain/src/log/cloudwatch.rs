//! Lines of CloudWatch Logs: those that a subscription filter brings, and those that were there before
//! (R1.6, R1.7).
//!
//! The event's `awslogs.data` is Base64 of gzip of JSON. A line's number is the id of its event, so
//! that an event that CloudWatch delivers twice adds nothing.

use std::io::Read;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use super::{LogBatch, LogLine, MAX_LINES, Seq, StreamName, cleaned, read::bounded};
use crate::{id::MAX_EXTERNAL_ID, time::Timestamp};

/// Largest event that is unpacked, in bytes: 6 MB. CloudWatch sends at most 1 MB.
pub const MAX_UNPACKED: usize = 6 * 1024 * 1024;
/// Most bytes of text in a batch: as much as in a body that a sender posts.
const MAX_TEXT: usize = super::MAX_BODY;
/// Begin of the names of groups of one job each (R1.6).
pub(super) const GROUP_OF_A_JOB: &str = "/modal/jobs/";
/// Begin of the names of streams of one job each.
pub(super) const STREAM_OF_A_JOB: &str = "job-";

/// An event of a subscription filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionEvent {
    /// A test that CloudWatch sends when a filter is set. It brings no lines.
    Control,
    /// Log lines of one stream.
    Lines(SubscribedLines),
}

/// Lines of one stream of CloudWatch Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribedLines {
    /// The account that the group belongs to.
    pub owner: String,
    /// The name of the group.
    pub group: String,
    /// The sender's id of the job, if group or stream names one.
    pub job: Option<String>,
    /// The lines, in batches that can be kept.
    pub batches: Vec<LogBatch>,
}

/// A line of CloudWatch Logs, as the service gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudWatchLine {
    /// The name of the stream.
    pub stream: String,
    /// The id of the event, of digits.
    pub id: String,
    /// The time of the event, in milliseconds since 1970.
    pub timestamp: i64,
    /// The text of the log event.
    pub message: String,
}

/// The reason why an event cannot be read. No text repeats the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionFault {
    /// The data is no Base64.
    #[error("the data of the event is no Base64")]
    Base64,
    /// The data is no gzip, or a part of it is missing.
    #[error("the data of the event is no gzip")]
    Gzip,
    /// The data unpacks to more than [`MAX_UNPACKED`].
    #[error("the data of the event unpacks to more than {MAX_UNPACKED} bytes")]
    TooLarge,
    /// The data is no JSON of this form.
    #[error("the data of the event has not the form that CloudWatch Logs documents")]
    Form,
}

/// The content of the data. CloudWatch may add fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    message_type: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    log_group: String,
    #[serde(default)]
    log_stream: String,
    #[serde(default)]
    log_events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    timestamp: i64,
    message: String,
}

/// Reads `awslogs.data`, which is JSON in gzip in base64.
///
/// # Errors
/// [`SubscriptionFault`] if the data has another form or is too large.
pub fn read(data: &str, now: Timestamp) -> Result<SubscriptionEvent, SubscriptionFault> {
    let packed = STANDARD.decode(data.trim()).map_err(|_| SubscriptionFault::Base64)?;
    let mut content = Vec::new();
    let unpacked = MultiGzDecoder::new(packed.as_slice()).take(MAX_UNPACKED as u64 + 1);
    { unpacked }.read_to_end(&mut content).map_err(|_| SubscriptionFault::Gzip)?;
    if MAX_UNPACKED < content.len() {
        return Err(SubscriptionFault::TooLarge);
    }
    let content = String::from_utf8_lossy(&content);
    let data: Data = serde_json::from_str(&content).map_err(|_| SubscriptionFault::Form)?;
    match data.message_type.as_str() {
        "CONTROL_MESSAGE" => Ok(SubscriptionEvent::Control),
        "DATA_MESSAGE" => lines(data, now).map(SubscriptionEvent::Lines),
        _ => Err(SubscriptionFault::Form),
    }
}

/// The sender's id of the job that a group or stream belongs to: the last part of
/// `/modal/jobs/{id}`, or what follows `job-` in the name of a stream of another group.
pub fn job_of(group: &str, stream: &str) -> Option<String> {
    let by_group = group.strip_prefix(GROUP_OF_A_JOB).filter(|job| !job.contains('/'));
    let job = by_group.or_else(|| stream.strip_prefix(STREAM_OF_A_JOB))?;
    (1..=MAX_EXTERNAL_ID).contains(&job.len()).then(|| job.to_owned())
}

fn lines(data: Data, now: Timestamp) -> Result<SubscribedLines, SubscriptionFault> {
    let job = job_of(&data.log_group, &data.log_stream);
    if data.log_stream.is_empty() {
        return Err(SubscriptionFault::Form);
    }
    let line = |Event { id, timestamp, message }| {
        let stream = data.log_stream.clone();
        CloudWatchLine { stream, id, timestamp, message }
    };
    let batches = batches(data.log_events.into_iter().map(line), now)?;
    Ok(SubscribedLines { owner: data.owner, group: data.log_group, job, batches })
}

/// Lines in batches that can be kept: each of one stream, and in the order of the events' ids. Of
/// lines with one id one stays.
///
/// # Errors
/// [`SubscriptionFault::Form`] if a stream has no name, or an id is no number.
pub fn batches(
    lines: impl IntoIterator<Item = CloudWatchLine>,
    now: Timestamp,
) -> Result<Vec<LogBatch>, SubscriptionFault> {
    let read = |line: CloudWatchLine| {
        let stream = StreamName::cloudwatch(&line.stream).ok_or(SubscriptionFault::Form)?;
        let seq = Seq::event(&line.id).ok_or(SubscriptionFault::Form)?;
        Ok((stream, seq, line.timestamp, line.message))
    };
    let mut read = lines.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    read.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    read.dedup_by(|one, other| (&one.0, &one.1) == (&other.0, &other.1));
    let mut batches: Vec<LogBatch> = Vec::new();
    let mut text = 0;
    for (stream, seq, timestamp, message) in read {
        let at = Timestamp(u64::try_from(timestamp).unwrap_or(0));
        let kept = cleaned(message.as_bytes());
        text += kept.message.len();
        let open = batches.last_mut().filter(|batch| batch.stream == stream);
        let open = open.filter(|batch| batch.lines.len() < MAX_LINES && text <= MAX_TEXT);
        let line = LogLine {
            stream: stream.clone(),
            seq,
            at: bounded(Some(at), now),
            level: None,
            message: kept.message,
        };
        match open {
            Some(batch) => {
                batch.replaced = batch.replaced.saturating_add(kept.replaced);
                batch.lines.push(line);
            }
            None => {
                text = line.message.len();
                batches.push(LogBatch {
                    stream,
                    first: line.seq.clone(),
                    lines: vec![line],
                    received_at: now,
                    replaced: kept.replaced,
                });
            }
        }
    }
    Ok(batches)
}

#[cfg(test)]
mod tests;
