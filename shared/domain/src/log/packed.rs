//! The lines of a batch as bytes, and back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{LogLine, Seq, StreamName};
use crate::time::Timestamp;

/// A line: its time, its level, its text, and the id of its event if its number is one.
#[derive(Serialize, Deserialize)]
struct PackedLine<'a>(
    Timestamp,
    #[serde(borrow)] Option<Cow<'a, str>>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
);

/// The lines as JSON, without what their batch says of all of them: stream and first number.
pub fn pack(lines: &[LogLine]) -> Vec<u8> {
    let packed = lines.iter().map(|line| {
        let id = match &line.seq {
            Seq::Number(_) => String::new(),
            Seq::Event(_) => line.seq.to_string(),
        };
        let level = line.level.as_deref().map(Cow::Borrowed);
        PackedLine(line.at, level, Cow::Borrowed(&line.message), Cow::Owned(id))
    });
    serde_json::to_vec(&packed.collect::<Vec<_>>()).expect("plain data serialises")
}

/// The lines of a batch with this stream and first number. `None` if the bytes are not what
/// [`pack`] makes.
pub fn unpack(stream: &StreamName, first: &Seq, bytes: &[u8]) -> Option<Vec<LogLine>> {
    let packed: Vec<PackedLine<'_>> = serde_json::from_slice(bytes).ok()?;
    let line = |(at, line): (usize, PackedLine<'_>)| {
        let PackedLine(time, level, message, id) = line;
        let seq = if id.is_empty() { first.plus(at as u64) } else { Seq::event(&id)? };
        Some(LogLine {
            stream: stream.clone(),
            seq,
            at: time,
            level: level.map(Cow::into_owned),
            message: message.into_owned(),
        })
    };
    packed.into_iter().enumerate().map(line).collect()
}
