//! Times as people type them: how long ago, or RFC 3339.

use adapters::clock::Clock;
use domain::time::Timestamp;

use crate::exit::CommandError;

/// A time in RFC 3339: of `2h` that of two hours ago, of RFC 3339 itself.
///
/// # Errors
/// [`CommandError::Usage`] if the text is neither.
pub(crate) fn parse(text: &str) -> Result<String, CommandError> {
    parse_at(text, Clock::system().now()).ok_or_else(|| {
        let what = "is neither how long ago, such as 30m, 2h or 7d, nor a time such as 2026-11-22T01:13:33Z";
        CommandError::Usage(format!("{text:?} {what}"))
    })
}

fn parse_at(text: &str, now: Timestamp) -> Option<String> {
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        return Some(time.rfc3339());
    }
    let ago = humantime::parse_duration(text.trim()).ok()?;
    let ago = u64::try_from(ago.as_millis()).ok()?;
    Some(Timestamp(now.0.saturating_sub(ago)).rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_how_long_ago_or_itself() {
        let now = Timestamp::parse_rfc3339("2026-11-27T12:00:00Z").expect("a time");
        for (text, want) in [
            ("2h", Some("2026-11-27T10:00:00.000Z")),
            ("1h 30m", Some("2026-11-27T10:30:00.000Z")),
            ("7d", Some("2026-11-20T12:00:00.000Z")),
            ("2026-11-22T02:13:33+01:00", Some("2026-11-22T01:13:33.000Z")),
            ("900y", Some("1970-01-01T00:00:00.000Z")),
            ("2", None),
            ("yesterday", None),
            ("-2h", None),
            ("", None),
        ] {
            assert_eq!(parse_at(text, now).as_deref(), want, "{text}");
        }
    }
}
