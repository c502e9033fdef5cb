//! The position up to which a log was read, as a token for reading on.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Seq, StreamName};

/// Most streams of a log that are shown, in the order of their keys.
pub const MAX_STREAMS: usize = 32;

/// The position up to which one stream was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPosition {
    /// The stream that was read.
    pub stream: StreamName,
    /// The first number of the batch that was read last; `None` if none was.
    pub batch: Option<Seq>,
    /// The number of the line that was read last; `None` if nothing is known of what lies before.
    pub last: Option<Seq>,
}

/// The position up to which each stream of a log was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPosition(pub Vec<StreamPosition>);

impl LogPosition {
    /// Reads a token. `None` if the text is none that [`LogPosition`] prints.
    pub fn parse(text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let streams: Vec<(StreamName, String, String)> = serde_json::from_slice(&json).ok()?;
        if MAX_STREAMS < streams.len() {
            return None;
        }
        // The place before the first line has no number of a line.
        let seq = |key: &str| match key {
            "" => Some(None),
            "0" => Some(Some(Seq::Number(0))),
            key => Seq::parse_key(key).map(Some),
        };
        let position = |(stream, batch, last): (StreamName, String, String)| {
            Some(StreamPosition { stream, batch: seq(&batch)?, last: seq(&last)? })
        };
        streams.into_iter().map(position).collect::<Option<_>>().map(Self)
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |seq: &Option<Seq>| match seq {
            None => String::new(),
            Some(Seq::Number(number)) => number.to_string(),
            Some(seq) => seq.key(),
        };
        let streams = self.0.iter().map(|it| (&it.stream, key(&it.batch), key(&it.last)));
        let json = serde_json::to_vec(&streams.collect::<Vec<_>>()).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_printed() {
        let of = |name: &str, batch, last| StreamPosition {
            stream: StreamName::parse(name).expect("a name"),
            batch,
            last,
        };
        let number = |number| Some(Seq::Number(number));
        let event = Seq::event("31953106606966983378809025079804211143289615424298221568");
        let position = LogPosition(vec![
            of("stderr", None, number(0)),
            of("stdout", number(1), number(17)),
            of("a#b\"~", event.clone(), event),
            of("new", None, None),
        ]);
        assert_eq!(LogPosition::parse(&position.to_string()), Some(position));
        assert_eq!(LogPosition::parse("W10"), Some(LogPosition::default()));
        let many: Vec<_> = (0..=MAX_STREAMS).map(|n| of(&n.to_string(), None, None)).collect();
        assert_eq!(LogPosition::parse(&LogPosition(many).to_string()), None);
        for bad in ["", "x", "W10=", "e30", &URL_SAFE_NO_PAD.encode(r#"[["","",""]]"#)] {
            assert_eq!(LogPosition::parse(bad), None, "{bad}");
        }
    }
}
