//! When a call to an endpoint with a rate may go: every call takes a place in a row, and the places
//! are as far apart as the rate says.

use std::time::Duration;

use crate::time::Timestamp;

/// A place this near is waited for; one farther away is left, and come back to.
pub const PATIENCE: Duration = Duration::from_millis(1500);
/// How much earlier than its place a delivery comes back: bells count in seconds, and waiting is
/// exact.
const EARLY: Duration = Duration::from_secs(1);
/// Whoever comes later than this has lost the place. Those who come late would otherwise all go at
/// once.
const LATE: Duration = Duration::from_millis(500);
/// How long before its time the sweep looks at a place that no bell can carry all the way: it comes
/// once a minute, and rings to the second.
pub const SWEEP_AHEAD: Duration = Duration::from_secs(120);

/// What to do about a place in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Take one.
    Take,
    /// Go after waiting this long.
    Go(Duration),
    /// Let go, and come back at this time.
    Later(Timestamp),
}

/// What to do with this place, if there is one.
pub fn turn(place: Option<Timestamp>, now: Timestamp) -> Turn {
    match place {
        None => Turn::Take,
        Some(place) if place.plus(LATE) < now => Turn::Take,
        Some(place) if place.since(now) <= PATIENCE => Turn::Go(place.since(now)),
        Some(place) => Turn::Later(Timestamp(place.0.saturating_sub(millis(EARLY)))),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_waited_for_or_lost() {
        let now = Timestamp::from_secs(1_800_000_000);
        let at = |millis: i64| Timestamp(now.0.checked_add_signed(millis).expect("in range"));
        for (place, what) in [
            (None, Turn::Take),
            (Some(at(0)), Turn::Go(Duration::ZERO)),
            (Some(at(-500)), Turn::Go(Duration::ZERO)),
            (Some(at(-501)), Turn::Take),
            (Some(at(1_500)), Turn::Go(Duration::from_millis(1_500))),
            (Some(at(1_501)), Turn::Later(at(501))),
            (Some(at(3_600_000)), Turn::Later(at(3_599_000))),
        ] {
            assert_eq!(turn(place, now), what, "{place:?}");
        }
    }
}
