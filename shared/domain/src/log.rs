//! Logs of jobs: lines that a job says while it runs, in batches that its sender numbers.
//!
//! A *stream* is one row of lines, such as the standard output of a process. Its sender numbers the
//! lines, so that a batch that comes twice is recognised and lines that never came are noticed. A
//! job may have several streams; [`timeline`] puts them into one order.

mod batch;
pub mod cloudwatch;
pub mod groups;
mod kept;
mod level;
mod line;
mod owner;
mod packed;
mod position;
mod rate;
mod read;
mod seq;
mod stream;
mod timeline;
mod token;

pub use self::{
    batch::{LogBatch, LogLine, MAX_LINES},
    kept::{
        BatchSize, JOIN_WITHIN, LogLoss, MAX_KEPT, MAX_KEPT_BYTES, PROMISED, RETENTION, expiry,
        is_over, is_visible, surplus,
    },
    level::{MAX_LEVEL, level},
    line::{Cleaned, MAX_LINE, cleaned},
    owner::LogOwner,
    packed::{pack, unpack},
    position::{LogPosition, MAX_STREAMS, StreamPosition},
    rate::{LineRate, MAX_PER_SECOND, RETRY_AFTER, RateStep, SLICE},
    read::{BatchPlace, LogFault, MAX_BODY, read_json, read_text},
    seq::{MAX_SEQ, Seq},
    stream::{DEFAULT_STREAM, InvalidStream, MAX_STREAM, StreamName},
    timeline::{LogEntry, StreamPart, timeline},
    token::{LogClaim, LogToken},
};
