//! Lines of a job's log, as clients hear them.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The number of a line within its stream. Numbers of one stream grow; they need not be without gaps.
///
/// A sender counts its lines. CloudWatch gives events ids of 56 digits, which no 64 bits hold, so a
/// number is kept as its digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LineNumber(String);

/// Most digits of a number.
pub const MAX_DIGITS: usize = 64;
/// The largest number that JavaScript reads exactly. Larger ones are written as text.
const EXACT: u64 = 1 << 53;

/// A text or number that is no [`LineNumber`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is a whole number of at most {MAX_DIGITS} digits, or the digits of one as text")]
pub struct InvalidLineNumber;

impl LineNumber {
    /// Reads the digits of a number.
    ///
    /// # Errors
    /// If the text is not 1 to [`MAX_DIGITS`] digits. Zeros in front are left out.
    pub fn parse(digits: &str) -> Result<Self, InvalidLineNumber> {
        let fits = (1..=MAX_DIGITS).contains(&digits.len());
        if !fits || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidLineNumber);
        }
        let plain = digits.trim_start_matches('0');
        Ok(Self(if plain.is_empty() { "0" } else { plain }.to_owned()))
    }

    /// The digits, without zeros in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, if 64 bits hold it.
    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl From<u64> for LineNumber {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

impl Ord for LineNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for LineNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for LineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for LineNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_u64() {
            Some(number) if number <= EXACT => serializer.serialize_u64(number),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

struct NumberVisitor;

impl de::Visitor<'_> for NumberVisitor {
    type Value = LineNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number of at most {MAX_DIGITS} digits, as a number or as text")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<LineNumber, E> {
        Ok(number.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LineNumber, E> {
        LineNumber::parse(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for LineNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The number of the line within its stream.
    pub seq: LineNumber,
    /// The text.
    pub message: String,
    /// The time of the line, in RFC 3339.
    pub timestamp: String,
    /// The stream: a job may have several.
    pub stream: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_from_json_and_sorts_by_its_value() {
        for (json, digits, printed) in [
            ("0", "0", "0"),
            ("120", "120", "120"),
            (r#""0120""#, "120", "120"),
            ("9007199254740992", "9007199254740992", "9007199254740992"),
            ("9007199254740993", "9007199254740993", r#""9007199254740993""#),
            ("18446744073709551615", "18446744073709551615", r#""18446744073709551615""#),
            (
                r#""37549512345678901234567890123456789012345678901234567890""#,
                "37549512345678901234567890123456789012345678901234567890",
                r#""37549512345678901234567890123456789012345678901234567890""#,
            ),
        ] {
            let number: LineNumber = serde_json::from_str(json).expect(json);
            assert_eq!(number.as_str(), digits);
            assert_eq!(serde_json::to_string(&number).expect("JSON"), printed);
        }
        let number = |digits: &str| LineNumber::parse(digits).expect("digits");
        assert!(number("9") < number("10") && number("100") < number("00101"));
        assert_eq!(number("007"), LineNumber::from(7));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for json in
            ["-1", "1.5", "1e3", "null", "true", "[]", r#""""#, r#""-1""#, r#"" 1""#, r#""1x""#]
        {
            assert!(serde_json::from_str::<LineNumber>(json).is_err(), "{json}");
        }
        assert_eq!(LineNumber::parse(&"1".repeat(MAX_DIGITS + 1)), Err(InvalidLineNumber));
    }
}
