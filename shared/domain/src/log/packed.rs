//! The lines of a batch as bytes, and back.
//!
//! First one line of JSON says of each line of the log its time, level, length and, where its number
//! is one, the id of its event. Then follow the texts, one after another: JSON's escapes would make
//! some texts too large for an item.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{LogLine, Seq, StreamName};
use crate::time::Timestamp;

/// A line without its text: time, level, length of the text in bytes, id of its event.
#[derive(Serialize, Deserialize)]
struct PackedLine<'a>(
    Timestamp,
    #[serde(borrow)] Option<Cow<'a, str>>,
    usize,
    #[serde(borrow)] Cow<'a, str>,
);

/// The lines, without what their batch says of all of them: stream and first number.
pub fn pack(lines: &[LogLine]) -> Vec<u8> {
    let about = lines.iter().map(|line| {
        let id = match &line.seq {
            Seq::Number(_) => String::new(),
            Seq::Event(_) => line.seq.to_string(),
        };
        let level = line.level.as_deref().map(Cow::Borrowed);
        PackedLine(line.at, level, line.message.len(), Cow::Owned(id))
    });
    let about: Vec<_> = about.collect();
    let mut packed = serde_json::to_vec(&about).expect("plain data serialises");
    packed.push(b'\n');
    lines.iter().for_each(|line| packed.extend_from_slice(line.message.as_bytes()));
    packed
}

/// The lines of a batch with this stream and first number. `None` if the bytes are not what
/// [`pack`] makes.
pub fn unpack(stream: &StreamName, first: &Seq, bytes: &[u8]) -> Option<Vec<LogLine>> {
    let (about, mut texts) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let about: Vec<PackedLine<'_>> = serde_json::from_str(about).ok()?;
    let line = |(index, PackedLine(at, level, length, id)): (u64, PackedLine<'_>)| {
        let (message, rest) = texts.split_at_checked(length)?;
        texts = rest;
        Some(LogLine {
            stream: stream.clone(),
            seq: if id.is_empty() { first.plus(index) } else { Seq::event(&id)? },
            at,
            level: level.map(Cow::into_owned),
            message: message.to_owned(),
        })
    };
    (0..).zip(about).map(line).collect()
}
