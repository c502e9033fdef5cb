//! Lines as they are sent and shown.

use dispatch::logs::LogPage;
use domain::{
    id::JobId,
    job::Job,
    log::{LogEntry, MAX_LINES, Seq},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::Type},
};

/// Lines to append. `domain::log` reads them; this type only describes them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a body that `domain` reads")]
pub(crate) struct LinesIn {
    /// Stream of the lines, 1 to 128 bytes; `main` if neither body nor query names one.
    #[schema(min_length = 1, max_length = 128)]
    stream: Option<String>,
    /// Number of the first line in its stream, counted from 1. Needed here or in the query.
    #[schema(minimum = 1)]
    first_seq: Option<u64>,
    /// 1 to 500 lines: texts, or objects with `message`, `timestamp` and `level`.
    #[schema(schema_with = lines_schema)]
    lines: Vec<LineIn>,
    /// Id of the job as in the path, where a body is to name it.
    job_id: Option<String>,
}

/// A line with a time or a level of its own.
#[derive(ToSchema)]
#[schema(as = LogLineIn)]
#[expect(dead_code, reason = "describes a body that `domain` reads")]
pub(crate) struct LineIn {
    /// Text, of which at most 16 KB are kept.
    message: String,
    /// Time of the line in RFC 3339, or in seconds or milliseconds since 1970. A time more than a
    /// minute ahead or 14 days ago becomes the time at which the line came.
    timestamp: Option<String>,
    /// Level, such as `info` or `ERROR`.
    level: Option<String>,
}

fn lines_schema() -> RefOr<Schema> {
    let line = OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String))
        .item(LineIn::schema());
    let lines = utoipa::openapi::ArrayBuilder::new().items(line);
    lines.min_items(Some(1)).max_items(Some(MAX_LINES)).into()
}

/// Lines that are kept.
#[derive(Serialize, ToSchema)]
#[schema(as = AppendedLines)]
pub(crate) struct Appended {
    /// Always `accepted`.
    status: &'static str,
    /// The relay's id of the job, also of one that is not registered yet.
    job_id: String,
    /// Number that the next line of the stream has.
    next_seq: u64,
    /// Other lines were kept under these numbers before. Those stay, and these are not kept.
    conflict: bool,
}

impl Appended {
    pub(super) fn new(job: &JobId, next: Seq, conflict: bool) -> Self {
        let next_seq = match next {
            Seq::Number(number) => number,
            Seq::Event(_) => 0,
        };
        Self { status: "accepted", job_id: job.to_string(), next_seq, conflict }
    }
}

/// Part of a job's log.
#[derive(Serialize, ToSchema)]
#[schema(as = JobLog)]
pub(crate) struct LogOut {
    /// The relay's id of the job.
    job_id: String,
    /// Lines, and notes of lines that are missing.
    data: Vec<LineOut>,
    /// Reads on behind these lines.
    follow_token: String,
    /// There are more lines behind these already.
    has_more: bool,
    /// Lines of the whole log that went because newer ones came.
    dropped: u64,
    /// Batches that were not kept because other lines had their numbers.
    conflicts: u64,
}

/// A line, or a note of lines that are missing.
#[derive(Serialize, ToSchema)]
#[schema(as = JobLogLine)]
pub(crate) struct LineOut {
    /// Number of the line in its stream; the id of the event as text if the line came from CloudWatch.
    #[schema(schema_with = seq_schema)]
    seq: Seq,
    stream: String,
    timestamp: String,
    /// Level in small letters, if the sender gave one.
    level: Option<String>,
    /// Text, or what is missing, such as `12 lines missing`.
    message: String,
    /// Number of lines that never came, or have not come yet, from `seq` on. Absent for a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<u64>,
}

fn seq_schema() -> RefOr<Schema> {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let text = ObjectBuilder::new().schema_type(Type::String);
    OneOfBuilder::new().item(number).item(text).into()
}

/// A number of lines in words.
pub(super) fn lines(count: u64) -> String {
    format!("{count} {}", if count == 1 { "line" } else { "lines" })
}

impl From<LogEntry> for LineOut {
    fn from(entry: LogEntry) -> Self {
        match entry {
            LogEntry::Line(line) => Self {
                seq: line.seq,
                stream: line.stream.to_string(),
                timestamp: line.at.rfc3339(),
                level: line.level,
                message: line.message,
                missing: None,
            },
            LogEntry::Missing { stream, first, lines: count, at } => Self {
                seq: first,
                stream: stream.to_string(),
                timestamp: at.rfc3339(),
                level: None,
                message: format!("{} missing", lines(count)),
                missing: Some(count),
            },
        }
    }
}

impl LogOut {
    pub(super) fn new(job: &Job, page: LogPage) -> Self {
        Self {
            job_id: job.id.to_string(),
            data: page.entries.into_iter().map(LineOut::from).collect(),
            follow_token: page.position.to_string(),
            has_more: page.more,
            dropped: page.loss.dropped,
            conflicts: page.loss.conflicts,
        }
    }
}
