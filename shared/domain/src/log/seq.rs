//! The number of a log line in its stream.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Largest number of a line: 2^63 − 1, the largest that every language's 64-bit integer holds.
pub const MAX_SEQ: u64 = i64::MAX as u64;
/// Most digits of an event's id. CloudWatch's have 56.
const MAX_DIGITS: usize = 64;

/// The number of a line in its stream. Numbers of one stream sort as the stream's lines do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seq {
    /// The number that a sender counts by, from 1 to [`MAX_SEQ`].
    Number(u64),
    /// The id of an event of CloudWatch Logs, with zeros in front, so that text sorts as the number.
    Event(String),
}

impl Seq {
    /// The number of a line that its sender counts. `None` for 0 and for more than [`MAX_SEQ`].
    pub fn number(number: u64) -> Option<Self> {
        (1..=MAX_SEQ).contains(&number).then_some(Self::Number(number))
    }

    /// The number that the id of an event stands for: 1 to 64 digits.
    pub fn event(id: &str) -> Option<Self> {
        let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let short = id.trim_start_matches('0');
        (digits && short.len() <= MAX_DIGITS).then(|| Self::Event(format!("{short:0>MAX_DIGITS$}")))
    }

    /// The part of a sort key that puts batches into the order of their first lines.
    pub fn key(&self) -> String {
        match self {
            Self::Number(number) => format!("{number:020}"),
            Self::Event(digits) => format!("e{digits}"),
        }
    }

    /// Reads what [`Self::key`] wrote; `None` for any other text.
    pub fn parse_key(key: &str) -> Option<Self> {
        match key.strip_prefix('e') {
            Some(digits) => Self::event(digits),
            None => Self::number(key.parse().ok()?),
        }
    }

    /// The number of the line that is `lines` behind this one. An event's id has no successor: the id
    /// stays.
    #[must_use]
    pub fn plus(&self, lines: u64) -> Self {
        match self {
            Self::Number(number) => Self::Number(number.saturating_add(lines)),
            Self::Event(_) => self.clone(),
        }
    }

    /// The number of lines between this one and `next`; 0 if `next` is not behind this one, or if the numbers
    /// do not count lines.
    pub fn missing_before(&self, next: &Self) -> u64 {
        match (self, next) {
            (Self::Number(last), Self::Number(next)) => {
                next.saturating_sub(*last).saturating_sub(1)
            }
            _ => 0,
        }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Event(digits) => match digits.trim_start_matches('0') {
                "" => f.write_str("0"),
                short => f.write_str(short),
            },
        }
    }
}

/// A sender's number is written as a number, an event's id as text: a number of JSON would lose its
/// last digits in most readers.
impl Serialize for Seq {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Event(_) => serializer.collect_str(self),
        }
    }
}

struct SeqVisitor;

impl de::Visitor<'_> for SeqVisitor {
    type Value = Seq;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 0 to {MAX_SEQ}, or the digits of an event's id as text")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Seq, E> {
        let fits = number <= MAX_SEQ;
        fits.then_some(Seq::Number(number))
            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seq, E> {
        match text.parse() {
            Ok(number) if number <= MAX_SEQ && !text.starts_with('+') => Ok(Seq::Number(number)),
            _ => Seq::event(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

/// Reads what [`Serialize`] writes. Text whose digits are at most [`MAX_SEQ`] is a sender's number, for
/// clients that keep numbers as text. 0 is the number before the first.
impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeqVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids of one CloudWatch batch, from the service's documentation.
    const IDS: [&str; 2] = [
        "31953106606966983378809025079804211143289615424298221568",
        "31953106606966983378809025079804211143289615424298221569",
    ];

    #[test]
    fn a_number_is_1_to_the_largest_of_63_bits() {
        assert_eq!(Seq::number(0), None);
        assert_eq!(Seq::number(1), Some(Seq::Number(1)));
        assert_eq!(Seq::number(MAX_SEQ), Some(Seq::Number((1 << 63) - 1)));
        assert_eq!(Seq::number(1 << 63), None);
    }

    #[test]
    fn an_event_id_keeps_every_digit_and_sorts_as_a_number() {
        let ids = IDS.map(|id| Seq::event(id).expect("an id"));
        assert!(ids[0] < ids[1] && ids[0].key() < ids[1].key());
        assert!(Seq::event("9") < Seq::event("10"));
        assert_eq!(ids.map(|id| id.to_string()), IDS);
        assert_eq!(Seq::event("000").map(|id| id.to_string()).as_deref(), Some("0"));
        for bad in ["", "-1", "1e3", "0x1", &"9".repeat(65)] {
            assert_eq!(Seq::event(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_number_reads_from_json() {
        for (json, printed) in [
            ("0", "0"),
            ("120", "120"),
            (r#""0120""#, "120"),
            ("9223372036854775807", "9223372036854775807"),
            (r#""9223372036854775808""#, r#""9223372036854775808""#),
            (
                r#""31953106606966983378809025079804211143289615424298221568""#,
                r#""31953106606966983378809025079804211143289615424298221568""#,
            ),
        ] {
            let seq: Seq = serde_json::from_str(json).expect(json);
            assert_eq!(serde_json::to_string(&seq).expect("JSON"), printed);
        }
        for json in [
            "-1",
            "1.5",
            "1e3",
            "null",
            "true",
            "[]",
            r#""""#,
            r#""-1""#,
            r#""+1""#,
            r#"" 1""#,
            r#""1x""#,
            "9223372036854775808",
        ] {
            assert!(serde_json::from_str::<Seq>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn only_counted_lines_can_be_missing() {
        let number = |number| Seq::number(number).expect("in range");
        assert_eq!(number(7).missing_before(&number(8)), 0);
        assert_eq!(number(7).missing_before(&number(20)), 12);
        assert_eq!(number(7).missing_before(&number(7)), 0);
        let ids = IDS.map(|id| Seq::event(id).expect("an id"));
        assert_eq!(ids[0].missing_before(&ids[1]), 0);
        assert_eq!(number(7).missing_before(&ids[0]), 0);
    }
}
