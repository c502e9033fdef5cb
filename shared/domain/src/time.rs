//! Instants of time, in milliseconds since 1970, and how they are written and read.

use std::time::Duration;

use jiff::{
    SignedDuration,
    civil::{DateTime, Time},
};
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The instant this many seconds after the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// The instant `duration` later; the last one that a `Timestamp` can hold if there is no such
    /// instant.
    pub fn plus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The instant `duration` earlier; the first one if there is no such instant.
    pub fn minus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 text in UTC with milliseconds, such as `2026-11-22T01:13:33.000Z`. Instants after
    /// the year 9999, for which RFC 3339 has no form, print as the last millisecond of that year.
    pub fn rfc3339(self) -> String {
        let since = i64::try_from(self.0).map_or(SignedDuration::MAX, SignedDuration::from_millis);
        format!("{:.3}Z", EPOCH.saturating_add(since))
    }

    /// Reads RFC 3339 text: `T` or a space between date and time, a fraction of a second or none, and
    /// `Z`, an offset such as `+01:30`, or neither, which means UTC. Digits of the fraction behind the
    /// millisecond are cut off.
    ///
    /// Nothing if the text has another form, names no day or time that exists (a second 60 is read as
    /// 59), has an offset of 24 hours or more, or means an instant before 1970.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (local, rest) = text.split_at_checked(SHAPE.len())?;
        let digits = rest.strip_prefix('.').unwrap_or_default();
        let digits = &digits[..digits.bytes().take_while(u8::is_ascii_digit).count()];
        let zone = if rest.starts_with('.') { &rest[1 + digits.len()..] } else { rest };
        let offset = match zone {
            "" | "Z" => SignedDuration::ZERO,
            _ if has_shape(zone, "+00:00") => offset(zone)?,
            _ => return None,
        };
        if !has_shape(local, SHAPE) || (rest.starts_with('.') && digits.is_empty()) {
            return None;
        }
        let local: DateTime = local.parse().ok()?;
        let millis = format!("{digits:0<3.3}").parse().ok()?;
        let utc = local.checked_sub(offset).ok()?.duration_since(EPOCH);
        u64::try_from(utc.as_millis()).ok()?.checked_add(millis).map(Self)
    }
}

/// The instant 0 on the clock of UTC.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// The shape of a date and a time to the second.
const SHAPE: &str = "0000-00-00T00:00:00";

/// Whether text has a shape: `0` stands for any digit, `T` also for a space, `+` also for a minus.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'T' => byte == b'T' || byte == b' ',
        b'+' => byte == b'+' || byte == b'-',
        shape => byte == shape,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// Reads an offset in the shape of `+01:30`, below 24 hours.
fn offset(zone: &str) -> Option<SignedDuration> {
    let time: Time = zone[1..].parse().ok()?;
    let offset = time.duration_since(Time::midnight());
    Some(if zone.starts_with('-') { -offset } else { offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_prints_and_parses() {
        let at = Timestamp(1_700_000_000_123);
        assert_eq!(at.rfc3339(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp::parse_rfc3339("2023-11-14T22:13:20.123Z"), Some(at));
        for last in [253_402_300_799_999, 253_402_300_800_000, u64::MAX] {
            assert_eq!(Timestamp(last).rfc3339(), "9999-12-31T23:59:59.999Z");
        }
    }

    #[test]
    fn an_instant_has_several_spellings() {
        for (text, millis) in [
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14 22:13:20", 1_700_000_000_000),
            ("2023-11-14T22:13:20.5", 1_700_000_000_500),
            ("2023-11-14T22:13:20.123999999999Z", 1_700_000_000_123),
            ("2023-11-14T23:43:20+01:30", 1_700_000_000_000),
            ("2023-11-14T12:13:20.07-10:00", 1_700_000_000_070),
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T23:59:00+23:59", 0),
            ("2016-12-31T23:59:60Z", 1_483_228_799_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Some(Timestamp(millis)), "{text}");
        }
    }

    #[test]
    fn what_means_no_instant_is_none() {
        for text in [
            "",
            "yesterday",
            "2023-11-14",
            "2023-11-14T22:13",
            "2023-11-14T22:13:20.",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20,5Z",
            "2023-11-14t22:13:20z",
            "20231114T221320Z",
            "2023-11-14T22:13:20+01",
            "2023-11-14T22:13:20+0130",
            "2023-11-14T22:13:20+24:00",
            "2023-11-14T22:13:20+25:00",
            "2023-11-14T22:13:20.5+25:00",
            "2023-11-14T22:13:20+01:60",
            "2023-11-14T22:13:20Z[UTC]",
            "2023-11-14T22:13:20Z ",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "é023-11-14T22:13:20Z",
            "-023-11-14T22:13:20Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }
}
