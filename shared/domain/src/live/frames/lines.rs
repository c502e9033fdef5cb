//! Builds the frames that carry the log lines of a job to its watchers.
//!
//! The JSON protocol joins lines in one message. Clients of Socket.IO expect one message per line,
//! and get that up to [`LINES_PER_SECOND`]. Beyond it lines are joined, because every frame is a call
//! of API Gateway.

use std::time::Duration;

use super::runs;
use crate::{
    live::{
        message::{LineEntry, LineText, LiveEvent, LogLines},
        protocol::Protocol,
    },
    time::Timestamp,
};

/// Lines per second that a connection of Socket.IO gets one by one.
pub const LINES_PER_SECOND: usize = 20;
const SECOND: Duration = Duration::from_secs(1);

/// The lines that a connection of Socket.IO got one by one, within the last second.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineRate {
    /// The beginning of the second.
    began: Timestamp,
    /// The lines of that second.
    count: usize,
}

impl LineRate {
    /// The number of lines, of those that are `wanted`, which go one by one now.
    pub fn take(&mut self, wanted: usize, now: Timestamp) -> usize {
        if self.began.plus(SECOND) <= now {
            *self = Self { began: now, count: 0 };
        }
        let taken = wanted.min(LINES_PER_SECOND.saturating_sub(self.count));
        self.count += taken;
        taken
    }
}

/// The frames of log lines, in order. `job_id` is the job as the client named it; `singly` is how many
/// lines go one by one to a client of Socket.IO, by its [`LineRate`].
pub fn log_frames(
    protocol: Protocol,
    job_id: &str,
    lines: &[LineEntry],
    singly: usize,
) -> Vec<String> {
    let job_id = || job_id.to_owned();
    match protocol {
        Protocol::Json => runs(lines, job_id().len())
            .map(|lines| {
                let lines = LogLines { job_id: job_id(), lines: lines.to_vec() };
                LiveEvent::LogLines(lines).frame(protocol)
            })
            .collect(),
        Protocol::SocketIo => {
            let (one_by_one, rest) = lines.split_at(singly.min(lines.len()));
            let joined = runs(rest, job_id().len());
            one_by_one
                .chunks(1)
                .chain(joined)
                .filter_map(|lines| {
                    let first = lines.first()?;
                    let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
                    let text = LineText {
                        job_id: job_id(),
                        message: texts.join("\n"),
                        timestamp: first.timestamp.clone(),
                        lines: (1 < lines.len()).then_some(lines.len()),
                    };
                    Some(LiveEvent::LogLine(text).frame(protocol))
                })
                .collect()
        }
    }
}
