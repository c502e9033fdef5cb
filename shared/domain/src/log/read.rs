//! Bodies that bring lines: JSON or plain text.
//!
//! Reading is lenient about what a job prints and strict about what a sender writes: a byte that is
//! no UTF-8 or half of a surrogate pair is replaced, and an unknown field is refused.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{LogBatch, LogLine, MAX_LINES, MAX_SEQ, Seq, StreamName, cleaned, level};
use crate::{
    json,
    spelling::{misspelt, nearest, unknown_name},
    time::Timestamp,
};

/// Largest body, in bytes: 256 KB.
pub const MAX_BODY: usize = 256 * 1024;
/// The time by which a line may be ahead of the relay's clock: a minute, for clocks that differ.
const AHEAD: Duration = Duration::from_secs(60);
/// The time for which a line may lie with its sender: 14 days, as in CloudWatch Logs.
const BEHIND: Duration = Duration::from_secs(14 * 86_400);
/// From this number on a time counts milliseconds: in seconds it would be the year 5138.
const FIRST_MILLIS: f64 = 1e11;

/// The place of a body's lines, as far as its request says it: the job, and the stream and first number of a
/// body that names none.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchPlace<'a> {
    /// The stream of a body that names none.
    pub stream: Option<&'a str>,
    /// The number of the first line.
    pub first_seq: Option<u64>,
    /// The name of the job in the path.
    pub job: &'a str,
    /// Whether only the body is vouched for, because it is signed. Then the body must be JSON and name
    /// the job, the stream and the first number itself.
    pub signed: bool,
}

/// The reason why a body brings no lines. No text repeats the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// The body is larger than [`MAX_BODY`].
    #[error("a batch of lines has at most {MAX_BODY} bytes")]
    TooLarge,
    /// The body is no JSON.
    #[error("the body is not JSON: {0}")]
    Syntax(String),
    /// A field cannot be used.
    #[error("{}{why}", .field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
    Field {
        /// The field, its parents in front of it, joined with dots; `None` for the whole body.
        field: Option<String>,
        /// The reason, as the rest of a sentence that begins with the field's name.
        why: String,
    },
}

impl LogFault {
    fn field(field: &str, why: impl ToString) -> Self {
        Self::Field { field: Some(field.to_owned()), why: why.to_string() }
    }
}

/// Reads a body of plain text: one line per line, whose stream and first number stand beside it.
///
/// # Errors
/// [`LogFault`] if the body is too large, has too many lines or none, or has no first number.
pub fn read_text(
    body: &[u8],
    place: &BatchPlace<'_>,
    now: Timestamp,
) -> Result<LogBatch, LogFault> {
    must_fit(body)?;
    if place.signed {
        let why = "a signed body of lines is JSON: the signature does not cover the address";
        return Err(LogFault::Field { field: None, why: why.to_owned() });
    }
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let lines = body.split(|byte| *byte == b'\n').map(|line| RawLine {
        text: line.to_vec(),
        at: None,
        level: None,
    });
    let lines: Vec<_> = if body.is_empty() { Vec::new() } else { lines.collect() };
    batch(place.stream, place.first_seq, lines, now)
}

/// Reads a body of JSON: `{"stream", "first_seq", "lines"}`, each line a text or an object of
/// `message`, `timestamp` and `level`.
///
/// # Errors
/// [`LogFault`] if the body is too large or no JSON, or names the field that cannot be used.
pub fn read_json(
    body: &[u8],
    place: &BatchPlace<'_>,
    now: Timestamp,
) -> Result<LogBatch, LogFault> {
    must_fit(body)?;
    let text = String::from_utf8_lossy(body);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let whole: &RawValue =
        serde_json::from_str(text).map_err(|error| LogFault::Syntax(error.to_string()))?;
    let fields = Members::read(whole, "", &["stream", "first_seq", "lines", "job_id"])?;
    match fields.get("job_id").map(|job| json::text(job.get())) {
        Some(Some(job)) if job == place.job => (),
        None if !place.signed => (),
        None => return Err(LogFault::field("job_id", "is missing; a signed body names its job")),
        Some(_) => return Err(LogFault::field("job_id", "is not the job of the address")),
    }
    let named = fields.get("stream").map(|stream| {
        json::text(stream.get()).ok_or_else(|| LogFault::field("stream", "is a text"))
    });
    let named = named.transpose()?;
    let first = fields.get("first_seq").map(whole_number).transpose()?;
    let beside = if place.signed { BatchPlace::default() } else { *place };
    let lines = fields.get("lines").ok_or_else(|| LogFault::field("lines", "is missing"))?;
    let lines: Vec<&RawValue> = serde_json::from_str(lines.get())
        .map_err(|_| LogFault::field("lines", "is a list of lines"))?;
    if MAX_LINES < lines.len() {
        return Err(too_many(lines.len()));
    }
    let lines = lines.iter().enumerate().map(|(at, line)| RawLine::read(line, at));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    batch(named.as_deref().or(beside.stream), first.or(beside.first_seq), lines, now)
}

fn must_fit(body: &[u8]) -> Result<(), LogFault> {
    if MAX_BODY < body.len() { Err(LogFault::TooLarge) } else { Ok(()) }
}

fn too_many(lines: usize) -> LogFault {
    LogFault::field("lines", format!("has 1 to {MAX_LINES} lines, and {lines} came"))
}

/// A number of JSON that has no fraction and no exponent.
fn whole_number(given: &RawValue) -> Result<u64, LogFault> {
    let digits = given.get();
    digits.parse().map_err(|_| out_of_range())
}

fn out_of_range() -> LogFault {
    LogFault::field("first_seq", format!("is a whole number from 1 to {MAX_SEQ}"))
}

/// A line as it came.
struct RawLine {
    text: Vec<u8>,
    at: Option<Timestamp>,
    level: Option<String>,
}

impl RawLine {
    fn read(given: &RawValue, at: usize) -> Result<Self, LogFault> {
        let place = format!("lines.{at}");
        if let Some(text) = json::text(given.get()) {
            return Ok(Self { text: text.into_bytes(), at: None, level: None });
        }
        if !given.get().starts_with('{') {
            return Err(LogFault::field(&place, "is a text, or an object with `message`"));
        }
        let fields = Members::read(given, &place, &["message", "timestamp", "level"])?;
        let inside = |name: &str| format!("{place}.{name}");
        let message = fields.get("message").and_then(|message| json::text(message.get()));
        let message = message.ok_or_else(|| LogFault::field(&inside("message"), "is a text"))?;
        let at = fields.get("timestamp").map(|given| {
            let why = "is a time in RFC 3339, or seconds or milliseconds since 1970";
            instant(given.get()).ok_or_else(|| LogFault::field(&inside("timestamp"), why))
        });
        let named = fields.get("level").map(|given| {
            json::text(given.get()).ok_or_else(|| LogFault::field(&inside("level"), "is a text"))
        });
        let named = named.transpose()?;
        Ok(Self {
            text: message.into_bytes(),
            at: at.transpose()?,
            level: named.and_then(|named| level(&named)),
        })
    }
}

/// A time as a sender writes it: text of RFC 3339, or a number since 1970 of seconds or milliseconds.
fn instant(given: &str) -> Option<Timestamp> {
    if let Some(text) = json::text(given) {
        return Timestamp::parse_rfc3339(text.trim());
    }
    let number: f64 = given.parse().ok()?;
    let millis = if number.abs() < FIRST_MILLIS { number * 1000.0 } else { number };
    // A number before 1970 is bounded below, as any other that is too old.
    millis.is_finite().then_some(Timestamp(millis.max(0.0) as u64))
}

/// The time of a line: the one that the sender gives, if it is near enough to the time at which the
/// line came, and else that.
pub(super) fn bounded(given: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let near = |at: &Timestamp| at.since(now) <= AHEAD && now.since(*at) <= BEHIND;
    given.filter(near).unwrap_or(now)
}

fn batch(
    stream: Option<&str>,
    first: Option<u64>,
    lines: Vec<RawLine>,
    now: Timestamp,
) -> Result<LogBatch, LogFault> {
    let named = stream.map(StreamName::parse).transpose();
    let stream = named.map_err(|why| LogFault::field("stream", why))?.unwrap_or_default();
    if !(1..=MAX_LINES).contains(&lines.len()) {
        return Err(too_many(lines.len()));
    }
    let why = "is missing; a sender counts the lines of a stream from 1";
    let first = first.ok_or_else(|| LogFault::field("first_seq", why))?;
    let first = Seq::number(first).ok_or_else(out_of_range)?;
    // The last number, and the next one, are in range too.
    let Seq::Number(next) = first.plus(lines.len() as u64) else { return Err(out_of_range()) };
    Seq::number(next).ok_or_else(out_of_range)?;
    let mut replaced = 0_u32;
    let line = |(at, line): (u64, RawLine)| {
        let kept = cleaned(&line.text);
        replaced = replaced.saturating_add(kept.replaced);
        LogLine {
            stream: stream.clone(),
            seq: first.plus(at),
            at: bounded(line.at, now),
            level: line.level,
            message: kept.message,
        }
    };
    let lines = (0..).zip(lines).map(line).collect();
    Ok(LogBatch { stream, first, lines, received_at: now, replaced })
}

/// The members of an object, in their order, each with its source.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object that has these members at most, each once. A null counts as absent.
    fn read(given: &'a RawValue, place: &str, known: &[&str]) -> Result<Self, LogFault> {
        let at = |name: &str| match place.is_empty() {
            true => name.to_owned(),
            false => format!("{place}.{name}"),
        };
        let whole = Some(place.to_owned()).filter(|place| !place.is_empty());
        let Ok(Self(mut members)) = serde_json::from_str(given.get()) else {
            let why = "is an object with `first_seq` and `lines`";
            return Err(LogFault::Field { field: Some("body".to_owned()), why: why.to_owned() });
        };
        for (index, (name, _)) in members.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(match nearest(name, known) {
                    Some(nearest) => LogFault::field(&at(name), misspelt(nearest)),
                    // A name that is near to none may be a secret in the wrong place.
                    None => LogFault::Field { field: whole, why: unknown_name(known) },
                });
            }
            if members[..index].iter().any(|(before, _)| before == name) {
                return Err(LogFault::field(&at(name), "stands there twice"));
            }
        }
        members.retain(|(_, value)| value.get() != "null");
        Ok(Self(members))
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests;
